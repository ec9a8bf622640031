//! Preprocessing in standard ops: the body of the model-local function, and the flat lowering.
//!
//! The nodes run at any opset from 11 on. What they avoid, because it changed between opsets or is
//! missing in some: Squeeze, Unsqueeze, reductions with axes, Clip of other than float32,
//! list-valued Constant attributes.
//!
//! A batch may hold no image. Reshape before opset 14 then takes an extent of 0 for that of the input at the
//! same place, and no runtime works out a -1: extents are written out, and those that are 0 without images
//! stay in their place or are joined by Flatten.

mod canvas;
mod form;
mod formula;
mod geometry;
pub(crate) mod graph;
mod gray;
mod grid;
mod images;
pub(crate) mod num;
mod outputs;
mod picture;
mod places;
mod quantise;
mod ragged;
mod resample;
mod sizes;
mod source;
mod turn;
mod values;

use onnx_protobuf::NodeProto;
use prep_onnx_pipeline::{Accept, Error, ErrorKind, Plan, Result};
use serde::Serialize;

use graph::{Graph, Value};
use images::Style;

pub use graph::EXACT_PRODUCT;
pub use resample::MAX_DEVIATION;
pub use values::Values;

/// Which standard ops a resize becomes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Portable {
    /// Integer arithmetic that gives the bits of the scalar reference.
    #[default]
    Exact,
    /// The ONNX op `Resize`, at most [`MAX_DEVIATION`] steps of uint8 away.
    Fast,
}

/// What a body is for.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Which standard ops a resize becomes.
    pub portable: Portable,
    /// What the body takes.
    pub accept: Accept,
    /// The standard operator set that it is written for, at least 11.
    pub opset: i64,
    /// (height, width) of every image, where it is known: then all sizes, indices and weights are constants.
    pub image_size: Option<(usize, usize)>,
    /// How pixel values become the model's values.
    pub values: Values,
}

impl Form {
    /// The exact body for images of any size.
    pub fn any_size(accept: Accept, opset: i64) -> Self {
        Self {
            portable: Portable::Exact,
            accept,
            opset,
            image_size: None,
            values: Values::Arithmetic,
        }
    }
}

/// The nodes that compute `outputs`, the tensor and then those of the plan, from `inputs`, the tensors that `form.accept` names.
///
/// All other names begin with `prefix`.
///
/// # Errors
/// When `form.portable` cannot express the plan at `form.opset`, when images of mixed sizes would give tensors
/// of mixed sizes, and for encoded images, which no standard op decodes. An image size goes with
/// [`Accept::Batch`] and [`Portable::Exact`] only.
pub fn lower(
    plan: &Plan,
    form: Form,
    prefix: &str,
    inputs: &[String],
    outputs: &[String],
) -> Result<Vec<NodeProto>> {
    lower_to(plan, form, prefix, inputs, outputs, End::Joined)
}

/// How the nodes meet those of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// A runtime may optimise across the border.
    Joined,
    /// It may not: a Reshape to the same shape keeps them apart.
    Apart,
}

/// As [`lower`], with an end that fits the model.
pub(crate) fn lower_to(
    plan: &Plan,
    form: Form,
    prefix: &str,
    inputs: &[String],
    outputs: &[String],
    end: End,
) -> Result<Vec<NodeProto>> {
    let Form {
        portable,
        accept,
        opset,
        image_size,
        values,
    } = form;
    resample::check(plan, portable, opset)?;
    if image_size.is_some() && (accept, portable) != (Accept::Batch, Portable::Exact) {
        return Err(
            Error::new("image size", "is known only of a batch of exact images")
                .expected_got(
                    "--accept batch and --portable exact",
                    format_args!("--accept {accept}, {portable:?}"),
                )
                .fix("leave --image-size out"),
        );
    }
    let wanted = 1 + plan.outputs.len();
    if outputs.len() != wanted {
        return Err(Error::new("outputs", "are not those of the plan").expected_got(wanted, outputs.len()));
    }
    let mut graph = Graph::new(prefix, opset);
    let inputs: Vec<Value> = inputs.iter().map(Value::named).collect();
    let style = Style { portable, values };
    let mut results = match (accept, inputs.as_slice()) {
        (Accept::Batch, [image]) => match image_size {
            Some(size) => {
                plan.geometry(size.0, size.1)?;
                images::fixed(&mut graph, plan, style, image, size)
            }
            None => images::batch(&mut graph, plan, style, image)?,
        },
        (Accept::Ragged, [pixels, shapes]) => {
            check_mixed_sizes(plan)?;
            ragged::ragged(&mut graph, plan, style, pixels, shapes)?
        }
        (Accept::Encoded, _) => {
            return Err(Error::new("accept", "no standard op decodes images")
                .expected_got(format_args!("{} or {}", Accept::Batch, Accept::Ragged), accept)
                .fix("use --lower fused, and load the library where the model runs")
                .with_kind(ErrorKind::Unsupported));
        }
        (Accept::Batch | Accept::Ragged, inputs) => {
            return Err(
                Error::new("inputs", format_args!("are not those of --accept {accept}"))
                    .expected_got(if accept == Accept::Batch { 1 } else { 2 }, inputs.len()),
            );
        }
    };
    if let (End::Apart, Some(tensor)) = (end, results.first_mut()) {
        *tensor = form::apart(&mut graph, &plan.form, tensor);
    }
    let results: Vec<_> = results.into_iter().zip(outputs.iter().cloned()).collect();
    Ok(graph.finish(&results))
}

/// Checks that images of mixed sizes become tensors of one size.
///
/// # Errors
/// When they do not.
pub(crate) fn check_mixed_sizes(plan: &Plan) -> Result<()> {
    if plan.fixed_output().is_some() || plan.is_of_batch() {
        return Ok(());
    }
    Err(
        Error::new("pipeline", "makes tensors whose size depends on the image")
            .why("tensors of mixed sizes cannot be one batch")
            .fix("end it with a center_crop or an exact resize, or use --accept batch"),
    )
}
