//! One node, as others see it.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::model::ElementType;

/// A node of a graph, a subgraph, or a function where it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The op.
    pub op_type: String,
    /// The domain of the op; empty for the standard ops.
    pub domain: String,
    /// The node's own name, often empty.
    pub name: String,
    /// The functions and control flow around it, each with a slash behind it: `prep.onnx::ImageBatchToFloat32V1/`.
    pub place: Rc<str>,
    /// The version of the op's operator set.
    pub opset: i64,
    /// The attributes that are integers, floats, strings or lists of integers.
    pub attributes: BTreeMap<String, AttributeValue>,
    /// The inputs; one that is left out has an empty name.
    pub inputs: Vec<NodeInput>,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// `i`
    Int(i64),
    /// `f`
    Float(f32),
    /// `s`
    Text(String),
    /// `ints`
    Ints(Vec<i64>),
    /// The element type of the tensor `t`.
    Tensor(ElementType),
}

/// What is known of an input.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeInput {
    /// The value's name.
    pub name: String,
    /// Its element type.
    pub element: Option<ElementType>,
    /// Its extents, known for inputs and outputs of the model only; `None` for those that a run decides.
    pub shape: Option<Rc<[Option<i64>]>>,
    /// The op that makes it.
    pub made_by: Option<Rc<str>>,
}

impl Node {
    /// Whether it is the standard op `op_type`.
    pub fn is(&self, op_type: &str) -> bool {
        self.op_type == op_type && super::is_standard(&self.domain)
    }

    /// The op with its domain where that is not the standard one.
    pub fn title(&self) -> String {
        if super::is_standard(&self.domain) {
            self.op_type.clone()
        } else {
            format!("{}::{}", self.domain, self.op_type)
        }
    }

    /// The element type of an input.
    pub fn element(&self, input: usize) -> Option<ElementType> {
        self.inputs.get(input)?.element
    }

    /// An integer attribute.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attributes.get(name)? {
            AttributeValue::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A float attribute.
    pub fn float(&self, name: &str) -> Option<f32> {
        match self.attributes.get(name)? {
            AttributeValue::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// A string attribute.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.attributes.get(name)? {
            AttributeValue::Text(value) => Some(value),
            _ => None,
        }
    }

    /// A list of integers.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name)? {
            AttributeValue::Ints(values) => Some(values),
            _ => None,
        }
    }
}
