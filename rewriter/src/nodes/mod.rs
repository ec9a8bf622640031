//! The nodes of a model with what is known of their inputs: for those who look for ops and settings.
//!
//! Model-local functions are entered where they are called, with the types of the call, and so are
//! subgraphs.

mod extents;
mod node;
pub(crate) mod raw;
mod types;

use std::collections::HashMap;
use std::rc::Rc;

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::model::{Dimension, ElementType, Model, ValueType};

pub use extents::output_size_depends_on_values;
pub use node::{AttributeValue, Node, NodeInput};
use raw::{RawFunction, RawGraph, RawNode};

/// More nodes than this, functions entered, are refused.
const MAX_NODES: usize = 500_000;
/// Deeper calls of functions in functions are refused; a function that calls itself is no valid model.
const MAX_CALLS: usize = 32;

/// Every node that a run of `model` may reach: of the graph, of subgraphs, and of the model-local functions where
/// they are called, `prep.onnx` included. Those inside of a node come before it.
///
/// Element types follow from what the file declares; where that says nothing, an input has none.
///
/// # Errors
/// A file that changed since it was opened; functions that call themselves; absurdly many nodes.
pub fn nodes(model: &Model) -> Result<Vec<Node>> {
    walk(model).map_err(|error| error.within(model.path().display()).or_kind(ErrorKind::Model))
}

fn walk(model: &Model) -> Result<Vec<Node>> {
    let (graph, functions) = raw::read(model)?;
    let functions = functions.iter().map(|function| {
        let name = (function.domain.as_str(), function.name.as_str());
        (name, function)
    });
    let mut walk = Walk {
        model,
        functions: functions.collect(),
        found: Vec::new(),
    };
    let mut scope = Scope::default();
    for value in model.inputs().chain(model.outputs()) {
        if let ValueType::Tensor { element, shape } = &value.value_type {
            let shape = shape
                .as_ref()
                .map(|shape| shape.iter().map(Dimension::fixed).collect::<Rc<[_]>>());
            let known = scope.value(&value.name);
            (known.element, known.shape) = (Some(*element), shape);
        }
    }
    walk.graph(&graph, &mut scope, &Place::default())?;
    Ok(walk.found)
}

/// What is known of the values that a node can read: those of its own graph last.
struct Scope {
    layers: Vec<HashMap<String, NodeInput>>,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            layers: vec![HashMap::new()],
        }
    }
}

impl Scope {
    /// The value of that name in the innermost graph.
    fn value(&mut self, name: &str) -> &mut NodeInput {
        if self.layers.is_empty() {
            self.layers.push(HashMap::new());
        }
        let innermost = self.layers.len() - 1;
        let known = self.layers[innermost].entry(name.to_owned()).or_default();
        if known.name.is_empty() {
            known.name = name.to_owned();
        }
        known
    }

    /// What is known of a value that is read.
    fn read(&self, name: &str) -> NodeInput {
        let known = self.layers.iter().rev().find_map(|layer| layer.get(name));
        known.cloned().unwrap_or_else(|| NodeInput {
            name: name.to_owned(),
            ..NodeInput::default()
        })
    }
}

/// Where a node is.
#[derive(Clone)]
struct Place {
    path: Rc<str>,
    calls: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self {
            path: Rc::from(""),
            calls: 0,
        }
    }
}

impl Place {
    fn inside(&self, node: &Node) -> Self {
        Self {
            path: Rc::from(format!("{}{}/", self.path, node.title())),
            calls: self.calls,
        }
    }
}

struct Walk<'a> {
    model: &'a Model,
    functions: HashMap<(&'a str, &'a str), &'a RawFunction>,
    found: Vec<Node>,
}

impl Walk<'_> {
    fn graph(&mut self, graph: &RawGraph, scope: &mut Scope, place: &Place) -> Result<()> {
        for (name, element) in &graph.values {
            let known = scope.value(name);
            known.element = known.element.or(Some(*element));
        }
        for node in &graph.nodes {
            self.node(node, scope, place)?;
        }
        Ok(())
    }

    fn node(&mut self, raw: &RawNode, scope: &mut Scope, place: &Place) -> Result<()> {
        if self.found.len() >= MAX_NODES {
            return Err(Error::new("nodes", "there are too many, functions entered")
                .expected_got(format_args!("at most {MAX_NODES}"), "more"));
        }
        let node = Node {
            op_type: raw.op_type.clone(),
            domain: raw.domain.clone(),
            name: raw.name.clone(),
            place: Rc::clone(&place.path),
            opset: self.opset(&raw.domain),
            attributes: raw.attributes.clone(),
            inputs: raw.inputs.iter().map(|name| scope.read(name)).collect(),
        };
        let elements = match self.call(&node, place)? {
            Some(elements) => elements,
            None => types::outputs(&node),
        };
        let maker: Rc<str> = Rc::from(node.op_type.as_str());
        for (index, name) in raw.outputs.iter().enumerate() {
            let known = scope.value(name);
            known.element = elements.get(index).copied().flatten().or(known.element);
            known.made_by = Some(Rc::clone(&maker));
        }
        if !raw.graphs.is_empty() {
            let inner = place.inside(&node);
            for graph in &raw.graphs {
                scope.layers.push(HashMap::new());
                self.graph(graph, scope, &inner)?;
                scope.layers.pop();
            }
        }
        self.found.push(node);
        Ok(())
    }

    /// Enters the function that a node calls; the element types of its outputs, or `None` where it is an op.
    fn call(&mut self, node: &Node, place: &Place) -> Result<Option<Vec<Option<ElementType>>>> {
        let name = (node.domain.as_str(), node.op_type.as_str());
        let Some(function) = self.functions.get(&name).copied() else {
            return Ok(None);
        };
        if place.calls >= MAX_CALLS {
            return Err(Error::new(node.title(), "is called too deep inside of functions")
                .expected_got(format_args!("at most {MAX_CALLS} calls"), "more"));
        }
        let mut inner = place.inside(node);
        inner.calls += 1;
        let mut scope = Scope::default();
        for (parameter, input) in function.inputs.iter().zip(&node.inputs) {
            let known = scope.value(parameter);
            (known.element, known.shape) = (input.element, input.shape.clone());
        }
        for raw in &function.nodes {
            self.node(raw, &mut scope, &inner)?;
        }
        let elements = function.outputs.iter().map(|name| scope.read(name).element);
        Ok(Some(elements.collect()))
    }

    /// The version of an operator set. ONNX Runtime gives a function's body that of the model.
    fn opset(&self, domain: &str) -> i64 {
        let same = |known: &str| known == domain || (is_standard(known) && is_standard(domain));
        let versions = self.model.opsets().iter().filter(|(known, _)| same(known));
        versions.map(|(_, version)| *version).max().unwrap_or_default()
    }
}

/// Whether a domain is the one of the standard ops.
fn is_standard(domain: &str) -> bool {
    domain.is_empty() || domain == "ai.onnx"
}
