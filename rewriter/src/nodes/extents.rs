//! Which values have a size that depends on what is in the images, and not on their number and shape alone.

use std::collections::HashSet;

use prep_onnx_pipeline::{DOMAIN, Result};

use super::is_standard;
use super::raw::{self, RawGraph, RawNode};
use crate::model::Model;

/// Whether the shape of the output `name` may depend on the values of the inputs, as the number of detections
/// does. `false` is certain: two runs with inputs of the same shapes give outputs of the same shape. What this
/// cannot follow (loops, sequences, ops of other domains) counts as dependent.
///
/// # Errors
/// A file that changed since it was opened.
pub fn output_size_depends_on_values(model: &Model, name: &str) -> Result<bool> {
    let (graph, _) = raw::read(model).map_err(|error| error.within(model.path().display()))?;
    let mut known = Known::default();
    known
        .values
        .extend(model.inputs().map(|input| input.name.clone()));
    known.graph(&graph);
    Ok(known.sizes.contains(name))
}

/// Names are unique in a graph and its subgraphs, so that one set serves them all.
#[derive(Default)]
struct Known {
    /// Whose elements depend on the values of the inputs.
    values: HashSet<String>,
    /// Whose shape does.
    sizes: HashSet<String>,
}

impl Known {
    fn graph(&mut self, graph: &RawGraph) {
        for node in &graph.nodes {
            self.node(node);
        }
    }

    fn node(&mut self, node: &RawNode) {
        for graph in &node.graphs {
            self.graph(graph);
        }
        let (values, sizes) = if node.graphs.is_empty() {
            self.of_op(node)
        } else {
            self.of_control_flow(node)
        };
        for output in node.outputs.iter().filter(|output| !output.is_empty()) {
            if values {
                self.values.insert(output.clone());
            }
            if sizes {
                self.sizes.insert(output.clone());
            }
        }
    }

    fn of_op(&self, node: &RawNode) -> (bool, bool) {
        let any_value = node.inputs.iter().any(|input| self.values.contains(input));
        let any_size = node.inputs.iter().any(|input| self.sizes.contains(input));
        if node.domain == DOMAIN {
            // Our own op: the shape follows from the plan and the number of images.
            return (any_value, any_size);
        }
        if !is_standard(&node.domain) {
            return (any_value || any_size, any_value || any_size);
        }
        match (node.op_type.as_str(), sizing(&node.op_type)) {
            // The shape of a value becomes the elements of another.
            ("Shape" | "Size", _) => (any_size, false),
            (_, Sizing::Elements) => (any_value || any_size, any_value || any_size),
            (_, Sizing::Operands(operands)) => {
                let sized = operands.iter().filter_map(|index| node.inputs.get(*index));
                let by_operand = sized.into_iter().any(|input| self.values.contains(input));
                (any_value || any_size, any_size || by_operand)
            }
            (_, Sizing::Shapes) => (any_value || any_size, any_size),
        }
    }

    /// `If` takes one of its branches by a value; the turns of a loop are not followed.
    fn of_control_flow(&self, node: &RawNode) -> (bool, bool) {
        let fed = |set: &HashSet<String>| node.inputs.iter().any(|input| set.contains(input));
        let values = fed(&self.values)
            || node
                .graphs
                .iter()
                .any(|graph| reads_or_makes(graph, &self.values));
        let sizes = fed(&self.sizes) || node.graphs.iter().any(|graph| reads_or_makes(graph, &self.sizes));
        if node.op_type == "If" && is_standard(&node.domain) {
            (values || sizes, sizes || fed(&self.values))
        } else {
            (values || sizes, values || sizes)
        }
    }
}

fn reads_or_makes(graph: &RawGraph, set: &HashSet<String>) -> bool {
    graph.nodes.iter().any(|node| {
        let mut names = node.inputs.iter().chain(&node.outputs);
        names.any(|name| set.contains(name)) || node.graphs.iter().any(|inner| reads_or_makes(inner, set))
    })
}

/// What decides the shape of an op's outputs.
enum Sizing {
    /// The shapes of its inputs and its attributes.
    Shapes,
    /// The elements of these inputs, too.
    Operands(&'static [usize]),
    /// The elements of all.
    Elements,
}

fn sizing(op: &str) -> Sizing {
    match op {
        "NonZero" | "Unique" | "Compress" | "NonMaxSuppression" | "Loop" | "Scan" | "StringSplit"
        | "ImageDecoder" => Sizing::Elements,
        _ if op.contains("Sequence") || op.contains("Optional") => Sizing::Elements,
        "Reshape" | "Expand" | "Tile" | "TopK" | "OneHot" | "Split" | "Squeeze" | "Unsqueeze"
        | "Upsample" | "CenterCropPad" | "DFT" | "AffineGrid" => Sizing::Operands(&[1, 2]),
        "Slice" | "Resize" | "STFT" | "Pad" | "Col2Im" => Sizing::Operands(&[1, 2, 3, 4]),
        "MaxUnpool" => Sizing::Operands(&[2]),
        "Range" => Sizing::Operands(&[0, 1, 2]),
        "ConstantOfShape" | "HannWindow" | "HammingWindow" | "BlackmanWindow" => Sizing::Operands(&[0]),
        "MelWeightMatrix" => Sizing::Operands(&[0, 1, 2, 3, 4]),
        // The axes, from opset 13 or 18 on.
        _ if op.starts_with("Reduce") => Sizing::Operands(&[1]),
        _ => Sizing::Shapes,
    }
}
