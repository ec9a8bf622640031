//! The nodes that go, as a model of their own: what a runtime is asked for the proof.

use prep_onnx_pipeline::{Dtype, Result};

use super::Quantised;
use super::constants::Constants;
use super::way::Way;
use crate::embed::proto;
use crate::image_input::ImageInput;
use crate::model::{Dimension, ElementType, Model};
use crate::nodes::raw::Span;
use crate::splice::encode;
use crate::wire::{bytes_field, varint_field};

/// The most bytes of a node or a constant.
const MAX_PIECE: u64 = 1 << 17;

mod field {
    pub(super) const MODEL_IR_VERSION: u32 = 1;
    pub(super) const MODEL_GRAPH: u32 = 7;
    pub(super) const MODEL_OPSET_IMPORT: u32 = 8;
    pub(super) const GRAPH_NAME: u32 = 2;
    pub(super) const GRAPH_INPUT: u32 = 11;
    pub(super) const GRAPH_OUTPUT: u32 = 12;
    pub(super) const OPSET_DOMAIN: u32 = 1;
    pub(super) const OPSET_VERSION: u32 = 2;
}

/// A model from the image input, of any size, to the bytes.
pub(super) fn part(
    model: &Model,
    input: &ImageInput,
    way: &Way<'_>,
    constants: &Constants,
    quantised: &Quantised,
) -> Result<Vec<u8>> {
    let mut graph = Vec::new();
    let nodes = way.nodes.iter().map(|node| node.span);
    let pieces = constants.nodes.iter().copied().chain(nodes);
    for Span { start, end, .. } in pieces.chain(constants.tensors.iter().copied()) {
        graph.extend(model.range(start, end, MAX_PIECE)?);
    }
    bytes_field(&mut graph, field::GRAPH_NAME, b"quantise");
    let element = match input.dtype {
        Dtype::Float16 => ElementType::FLOAT16,
        Dtype::Float32 | Dtype::Uint8 => ElementType::FLOAT32,
    };
    let open = vec![Dimension::Unknown; input.shape.len()];
    bytes_field(
        &mut graph,
        field::GRAPH_INPUT,
        &encode(&proto(&input.name, element, &open))?,
    );
    let output = proto(&quantised.value, quantised.element(), &open);
    bytes_field(&mut graph, field::GRAPH_OUTPUT, &encode(&output)?);
    let mut out = Vec::new();
    let ir_version = model.ir_version().and_then(|version| u64::try_from(version).ok());
    varint_field(&mut out, field::MODEL_IR_VERSION, ir_version.unwrap_or_default());
    bytes_field(&mut out, field::MODEL_GRAPH, &graph);
    for (domain, version) in model.opsets() {
        let mut opset = Vec::new();
        bytes_field(&mut opset, field::OPSET_DOMAIN, domain.as_bytes());
        varint_field(&mut opset, field::OPSET_VERSION, *version as u64);
        bytes_field(&mut out, field::MODEL_OPSET_IMPORT, &opset);
    }
    Ok(out)
}
