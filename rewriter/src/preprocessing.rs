//! The part of a model that embedding put in, alone.

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use crate::metadata::{IMAGE_INPUT_KEY, STRIP_KEY};
use crate::model::{Model, Use, ValueType, read};
use crate::quantised::Quantised;
use crate::record::Record;
use crate::strip::{strip, without_after};
use crate::wire::{bytes_field, varint_field};

/// The largest part that is taken out: nodes, functions and inputs of ours.
const MAX_PART: u64 = 16 << 20;

mod field {
    pub(super) const MODEL_IR_VERSION: u32 = 1;
    pub(super) const MODEL_GRAPH: u32 = 7;
    pub(super) const MODEL_OPSET_IMPORT: u32 = 8;
    pub(super) const GRAPH_NAME: u32 = 2;
    pub(super) const GRAPH_OUTPUT: u32 = 12;
    pub(super) const VALUE_INFO_NAME: u32 = 1;
    pub(super) const VALUE_INFO_TYPE: u32 = 2;
    pub(super) const TYPE_TENSOR: u32 = 1;
    pub(super) const TENSOR_ELEMENT: u32 = 1;
    pub(super) const OPSET_DOMAIN: u32 = 1;
    pub(super) const OPSET_VERSION: u32 = 2;
}

/// An ONNX model of the nodes and functions that [`embed`](crate::embed) put into `model`, and of
/// nothing else: it takes what `model` takes as images and gives the finished tensor as its output.
///
/// The nodes and functions are the bytes of the file, so what runs here is what runs in the model.
///
/// # Errors
/// Those of [`strip`](crate::strip).
pub fn preprocessing(model: &Model) -> Result<Vec<u8>> {
    let bare = without_after(model)?;
    let model = bare.as_ref().unwrap_or(model);
    let original = read(strip(model)?.reader())?;
    extract(model, &original).map_err(|error| error.within(model.path().display()).or_kind(ErrorKind::Model))
}

fn extract(model: &Model, original: &crate::model::Skeleton) -> Result<Vec<u8>> {
    let unexpected = |what: &str| Error::new("", format!("the embedded part was not found: {what}"));
    let skeleton = &model.skeleton;
    let record = skeleton
        .metadata
        .iter()
        .rfind(|entry| entry.key == STRIP_KEY)
        .ok_or_else(|| unexpected("no record of it"))?;
    let (changes, tail) = Record::from_json(&record.value)?
        .inverse()
        .ok_or_else(|| unexpected("its record is impossible"))?;

    let graph = skeleton.graphs.first().ok_or_else(|| unexpected("no graph"))?;
    let nodes = changes
        .iter()
        .find(|change| change.at == graph.after_tag)
        .ok_or_else(|| unexpected("no nodes"))?;
    let mut body = model.range(graph.payload, nodes.at + nodes.removed, MAX_PART)?;
    bytes_field(&mut body, field::GRAPH_NAME, b"preprocessing");
    let is_new = |name: &str| !original.inputs.iter().any(|input| input.value.name == name);
    for input in skeleton.inputs.iter().filter(|input| is_new(&input.value.name)) {
        body.extend(model.range(input.field.start, input.field.end, MAX_PART)?);
    }
    let is_gone = |name: &str| !skeleton.inputs.iter().any(|present| present.value.name == name);
    let image = model.metadata_value(IMAGE_INPUT_KEY);
    let replaced = original
        .inputs
        .iter()
        .filter(|input| !original.names.is(&input.value.name, Use::Initializer))
        .filter(|input| image.is_none_or(|image| input.value.name == image))
        .find(|input| is_gone(&input.value.name))
        .ok_or_else(|| unexpected("no input was replaced"))?;
    let ValueType::Tensor { element, .. } = &replaced.value.value_type else {
        return Err(unexpected("the replaced input is no tensor"));
    };
    let quantised = Quantised::of(model);
    let (name, element) = match &quantised {
        Some(quantised) => (&quantised.value, quantised.element()),
        None => (&replaced.value.name, *element),
    };
    bytes_field(&mut body, field::GRAPH_OUTPUT, &output(name, element.0));

    let mut out = Vec::new();
    let ir_version = model.ir_version().and_then(|version| u64::try_from(version).ok());
    varint_field(&mut out, field::MODEL_IR_VERSION, ir_version.unwrap_or_default());
    bytes_field(&mut out, field::MODEL_GRAPH, &body);
    // What was appended holds the functions, and the import of our own domain unless the original had it.
    for (domain, version) in &original.opsets {
        let mut opset = Vec::new();
        bytes_field(&mut opset, field::OPSET_DOMAIN, domain.as_bytes());
        varint_field(&mut opset, field::OPSET_VERSION, *version as u64);
        bytes_field(&mut out, field::MODEL_OPSET_IMPORT, &opset);
    }
    out.extend(model.range(tail, model.bytes(), MAX_PART)?);
    Ok(out)
}

/// A `ValueInfoProto` of a tensor of any shape.
fn output(name: &str, element: i32) -> Vec<u8> {
    let mut tensor = Vec::new();
    varint_field(&mut tensor, field::TENSOR_ELEMENT, element as u64);
    let mut value_type = Vec::new();
    bytes_field(&mut value_type, field::TYPE_TENSOR, &tensor);
    let mut info = Vec::new();
    bytes_field(&mut info, field::VALUE_INFO_NAME, name.as_bytes());
    bytes_field(&mut info, field::VALUE_INFO_TYPE, &value_type);
    info
}
