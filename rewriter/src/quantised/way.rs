//! The way of the image from the input to `QuantizeLinear`.

use prep_onnx_pipeline::{Dtype, Layout};

use crate::image_input::ImageInput;
use crate::model::Model;
use crate::nodes::AttributeValue;
use crate::nodes::raw::{RawGraph, RawNode};

/// The element types of `Cast`.
const FLOAT: i64 = 1;
const FLOAT16: i64 = 10;
/// The domain of ONNX Runtime's own form of the op.
const MICROSOFT: &str = "com.microsoft";

/// The nodes of it, `QuantizeLinear` last.
pub(super) struct Way<'a> {
    pub(super) nodes: Vec<&'a RawNode>,
    /// For each axis of the bytes, the axis of the input that it is.
    pub(super) axes: Vec<usize>,
    /// Whether the values are of float16.
    pub(super) half: bool,
}

impl Way<'_> {
    /// The order of the axes of the bytes, of an image in the order `from`.
    pub(super) fn layout(&self, from: Layout) -> Option<Layout> {
        let same = |expected: &[usize]| self.axes == expected;
        match from {
            _ if self.axes.is_sorted() => Some(from),
            Layout::Nchw if same(&[0, 2, 3, 1]) => Some(Layout::Nhwc),
            Layout::Nhwc if same(&[0, 3, 1, 2]) => Some(Layout::Nchw),
            Layout::Nchw | Layout::Nhwc => None,
        }
    }
}

/// The way of `input`; `None` where it does not lead to `QuantizeLinear`.
///
/// # Errors
/// Why the floats are needed besides.
pub(super) fn way<'a>(
    model: &Model,
    graph: &'a RawGraph,
    input: &ImageInput,
) -> Result<Option<Way<'a>>, String> {
    let mut way = Way {
        nodes: Vec::new(),
        axes: (0..input.shape.len()).collect(),
        half: input.dtype == Dtype::Float16,
    };
    let (mut value, mut element) = (input.name.as_str(), input.dtype);
    let mut narrowed = false;
    loop {
        let users: Vec<&RawNode> = graph.nodes.iter().filter(|node| uses(node, value)).collect();
        let is_output = model.outputs().iter().any(|output| output.name == value);
        let quantises = |node: &&&RawNode| is_quantiser(node);
        if users.len() != 1 || is_output {
            if !users.iter().any(|node| quantises(&node)) {
                return Ok(None);
            }
            let where_to: Vec<_> = users.iter().map(|node| title(node)).collect();
            let output = if is_output {
                " and is an output of the model"
            } else {
                ""
            };
            return Err(format!("`{value}` goes to {}{output}", where_to.join(", ")));
        }
        let node = users[0];
        let once = node.inputs.iter().filter(|name| *name == value).count() == 1;
        let first = node.inputs.first().is_some_and(|name| name == value);
        let inside = node.graphs.iter().any(|graph| graph_uses(graph, value));
        if !once || !first || inside || node.outputs.len() != 1 || is_function(model, node) {
            return Ok(None);
        }
        if way.nodes.len() > graph.nodes.len() {
            return Ok(None);
        }
        way.nodes.push(node);
        if is_quantiser(node) {
            return match (narrowed, element) {
                (true, _) => {
                    Err("the model rounds it to float16 before, which a runtime may leave out".to_owned())
                }
                (false, Dtype::Float32) => Ok(Some(way)),
                (false, Dtype::Float16 | Dtype::Uint8) => Err(format!(
                    "{} divides float16 numbers, which not every runtime does in the same precision",
                    title(node)
                )),
            };
        }
        if !matches!(node.domain.as_str(), "" | "ai.onnx") {
            return Ok(None);
        }
        match node.op_type.as_str() {
            "Identity" => {}
            "Cast" => match node.attributes.get("to") {
                Some(AttributeValue::Int(FLOAT)) => element = Dtype::Float32,
                Some(AttributeValue::Int(FLOAT16)) => {
                    narrowed |= element == Dtype::Float32;
                    element = Dtype::Float16;
                }
                _ => return Ok(None),
            },
            "Transpose" => {
                let reversed: Vec<i64> = (0..way.axes.len() as i64).rev().collect();
                let perm = match node.attributes.get("perm") {
                    Some(AttributeValue::Ints(perm)) => perm.clone(),
                    None => reversed,
                    Some(_) => return Ok(None),
                };
                let place = |axis: &i64| way.axes.get(usize::try_from(*axis).ok()?).copied();
                let moved: Option<Vec<usize>> = perm.iter().map(place).collect();
                match moved.filter(|moved| moved.len() == way.axes.len()) {
                    Some(moved) => way.axes = moved,
                    None => return Ok(None),
                }
            }
            _ => return Ok(None),
        }
        value = node.outputs.first().map_or("", String::as_str);
    }
}

/// Whether a node or what is inside of it reads a value.
pub(super) fn uses(node: &RawNode, value: &str) -> bool {
    node.inputs.iter().any(|name| name == value) || node.graphs.iter().any(|graph| graph_uses(graph, value))
}

pub(super) fn graph_uses(graph: &RawGraph, value: &str) -> bool {
    // A declaration inside may be an output that is this very value.
    graph.declared.iter().any(|(_, name, _)| name == value)
        || graph.nodes.iter().any(|node| uses(node, value))
}

fn is_quantiser(node: &RawNode) -> bool {
    node.op_type == "QuantizeLinear" && matches!(node.domain.as_str(), "" | "ai.onnx" | MICROSOFT)
}

/// Whether the model says itself what the op is.
pub(super) fn is_function(model: &Model, node: &RawNode) -> bool {
    let standard = |domain: &str| matches!(domain, "" | "ai.onnx");
    model.functions().any(|(domain, name, _)| {
        name == node.op_type && (domain == node.domain || (standard(domain) && standard(&node.domain)))
    })
}

/// What messages call a node.
pub(super) fn title(node: &RawNode) -> String {
    if node.name.is_empty() {
        node.op_type.clone()
    } else {
        format!("{} `{}`", node.op_type, node.name)
    }
}
