//! Models whose image goes into `QuantizeLinear` and nowhere else: the preprocessing gives the bytes behind it.

mod constants;
mod part;
mod proof;
mod unsigned;
mod way;

use prep_onnx_pipeline::plan::Quantize;
use prep_onnx_pipeline::{Dtype, Error, Layout, Plan, Result};
use serde::{Deserialize, Serialize};

use crate::image_input::ImageInput;
use crate::metadata::QUANTISED_KEY;
use crate::model::{ElementType, Model};
use crate::nodes::raw::{self, RawGraph, Span};
use constants::constants;
use way::{Way, way};

/// The bytes that a quantised model takes in the place of its image input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quantised {
    /// The input whose floats are gone.
    pub input: String,
    /// The value of the graph that the preprocessing gives: what `QuantizeLinear` gave.
    pub value: String,
    /// The order of its axes.
    pub layout: Layout,
    /// What makes its bytes of the values of the pipeline.
    pub quantize: Quantize,
    /// Whether the model has int8 in their place, 128 lower: what takes them was changed to take these.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_int8: bool,
}

impl Quantised {
    /// The element type of the bytes.
    pub fn element(&self) -> ElementType {
        if self.quantize.signed {
            ElementType::INT8
        } else {
            ElementType::UINT8
        }
    }

    /// What an embedded model says of it; `None` where its image is of floats, or where that cannot be read.
    pub fn of(model: &Model) -> Option<Self> {
        serde_json::from_str(model.metadata_value(QUANTISED_KEY)?).ok()
    }

    /// The plan that makes its bytes.
    ///
    /// # Errors
    /// Those of [`Plan::quantised`].
    pub fn plan(&self, mut floats: Plan) -> Result<Plan> {
        floats.form.layout = self.layout;
        floats.quantised(self.quantize)
    }
}

/// What is taken out of a model for it.
#[derive(Debug, Clone, Default)]
pub struct Folded {
    /// The value that the inserted nodes make in the place of the image input.
    pub value: String,
    /// The bytes of nodes and declarations that go, in the file.
    pub gone: Vec<std::ops::Range<u64>>,
    /// Those of nodes that others take the place of, and these, as fields of the graph.
    pub replaced: Vec<(std::ops::Range<u64>, Vec<u8>)>,
}

/// What was found out about a model.
#[derive(Debug)]
pub(crate) enum Found {
    /// Its image goes into no `QuantizeLinear`.
    Floats,
    /// It does, and the floats stay for a reason.
    Kept(String),
    /// The bytes can be given.
    Bytes(Box<Bytes>),
}

/// A model whose image can be given as bytes.
#[derive(Debug)]
pub(crate) struct Bytes {
    pub(crate) quantised: Quantised,
    pub(crate) folded: Folded,
    /// A model of the nodes that go, from the image input to the bytes.
    pub(crate) part: Vec<u8>,
}

/// Looks at what `model` does with `input`, the image that `plan` makes.
///
/// # Errors
/// A file that changed since it was opened.
pub(crate) fn find(model: &Model, input: &ImageInput, plan: &Plan, fold_int8: bool) -> Result<Found> {
    let quantises = model.op_types().any(|op| op == "QuantizeLinear");
    if !quantises || input.dtype == Dtype::Uint8 {
        return Ok(Found::Floats);
    }
    let (graph, _) = raw::read(model)?;
    let way = match way(model, &graph, input) {
        Ok(Some(way)) => way,
        Ok(None) => return Ok(Found::Floats),
        Err(why) => return Ok(Found::Kept(why)),
    };
    match bytes(model, &graph, input, plan, &way)? {
        Ok(mut bytes) => {
            if !fold_int8
                && becomes_uint8(&graph, &bytes.quantised)
                && let Err(why) = unsigned::make(model, &graph, &mut bytes)?
            {
                return Ok(Found::Kept(format!(
                    "{why}: ONNX Runtime on x86 computes with uint8 in the place of int8 where it sees one \
                     QuantizeLinear and one DequantizeLinear, and outputs may differ by a step of their scale; --fold-int8 \
                     takes the bytes as they are"
                )));
            }
            Ok(Found::Bytes(Box::new(bytes)))
        }
        Err(why) => Ok(Found::Kept(why)),
    }
}

/// Whether ONNX Runtime's `QDQS8ToU8Transformer` has anything to change: int8 bytes of a pair of `QuantizeLinear` and
/// `DequantizeLinear`.
fn becomes_uint8(graph: &RawGraph, quantised: &Quantised) -> bool {
    let mut reads = graph
        .nodes
        .iter()
        .filter(|node| node.inputs.contains(&quantised.value));
    quantised.quantize.signed && reads.any(|node| node.op_type == "DequantizeLinear")
}

/// The bytes, or why there are none.
fn bytes(
    model: &Model,
    graph: &RawGraph,
    input: &ImageInput,
    plan: &Plan,
    way: &Way<'_>,
) -> Result<std::result::Result<Bytes, String>> {
    let Some(quantiser) = way.nodes.last() else {
        return Ok(Err("no node quantises it".to_owned()));
    };
    let constants = match constants(model, graph, quantiser, way.half)? {
        Ok(constants) => constants,
        Err(why) => return Ok(Err(why)),
    };
    let Some(layout) = way.layout(input.layout) else {
        return Ok(Err(format!(
            "a Transpose leads to the axes {:?}, which are neither NCHW nor NHWC",
            way.axes
        )));
    };
    let quantize = match constants.of_channels(layout, plan.channels()) {
        Ok(quantize) => quantize,
        Err(why) => return Ok(Err(why)),
    };
    let value = quantiser.outputs.first().cloned().unwrap_or_default();
    let quantised = Quantised {
        input: input.name.clone(),
        value: value.clone(),
        layout,
        quantize,
        from_int8: false,
    };
    if plan.form.blocks.is_some() && way.nodes.iter().any(|node| node.op_type == "Transpose") {
        return Ok(Err("a Transpose reorders blocks of the image".to_owned()));
    }
    if let Err(error) = quantised.plan(plan.clone()) {
        return Ok(Err(error.to_string()));
    }
    if let Err(error) = proof::prove(plan, input.layout, &way.axes, &constants, &quantised) {
        return Ok(Err(error.to_string()));
    }
    let inner = way.nodes.iter().flat_map(|node| &node.outputs);
    let dead: Vec<&String> = std::iter::once(&input.name)
        .chain(inner.filter(|name| **name != value))
        .collect();
    let declared = graph.declared.iter();
    let declared = declared.filter(|(number, name, _)| *number == raw::VALUE_INFO && dead.contains(&name));
    let nodes = way.nodes.iter().map(|node| node.span);
    let gone = declared.map(|(_, _, span)| *span).chain(nodes);
    let gone = gone.map(|Span { start, end, .. }| start..end).collect();
    let part = part::part(model, input, way, &constants, &quantised)?;
    Ok(Ok(Bytes {
        quantised,
        folded: Folded {
            value,
            gone,
            replaced: Vec::new(),
        },
        part,
    }))
}

impl Bytes {
    /// The values of the pipeline for each channel and pixel value, as the image input takes them: [1, C, 16, 16] or [1, 16, 16, C],
    /// and the bytes that they become.
    pub(crate) fn enumeration(&self, plan: &Plan, layout: Layout) -> (Vec<f32>, Vec<u8>) {
        let (floats, mut bytes) = proof::enumeration(plan, layout, &self.quantised);
        if self.quantised.from_int8 {
            // What the nodes give that go.
            bytes.iter_mut().for_each(|byte| *byte ^= 1 << 7);
        }
        (floats, bytes)
    }
}

/// An error that says what is not equal.
fn unequal(what: impl std::fmt::Display) -> Error {
    Error::new(
        "QuantizeLinear",
        format_args!("does not give the bytes of the table: {what}"),
    )
}
