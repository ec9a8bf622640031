//! Preprocessing in standard ops: the body of the model-local function, and the flat lowering.
//!
//! The nodes run at any opset from 11 on. What they avoid, because it changed between opsets or is
//! missing in some: Split, Squeeze, Unsqueeze, reductions with axes, Clip of other than float32,
//! list-valued Constant attributes.
//!
//! A batch may hold no image. Reshape before opset 14 then takes an extent of 0 for that of the input at the
//! same place, and no runtime works out a -1: extents are written out, and those that are 0 without images
//! stay in their place or are joined by Flatten.

mod axis;
mod digits;
mod fast;
mod finish;
mod fixed;
mod graph;
mod num;
mod ragged;
mod resize;
mod size;
mod weights;

use onnx_protobuf::NodeProto;
use prep_onnx_pipeline::{Accept, Error, ErrorKind, FusedPlan, Result};
use serde::Serialize;

use graph::{Graph, Value, ints};
use num::Extent;
use size::{Crop, Extents};

pub use fast::MAX_DEVIATION;
pub use finish::Values;

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

/// The nodes that compute `output` from `inputs`, the tensors that `form.accept` names.
///
/// All other names begin with `prefix`.
///
/// # Errors
/// When `form.portable` cannot express the plan at `form.opset`, when images of mixed sizes would give tensors
/// of mixed sizes, and for encoded images, which no standard op decodes. An image size goes with
/// [`Accept::Batch`] and [`Portable::Exact`] only.
pub fn lower(
    plan: &FusedPlan,
    form: Form,
    prefix: &str,
    inputs: &[String],
    output: &str,
) -> Result<Vec<NodeProto>> {
    lower_to(plan, form, prefix, inputs, output, End::Joined)
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
    plan: &FusedPlan,
    form: Form,
    prefix: &str,
    inputs: &[String],
    output: &str,
    end: End,
) -> Result<Vec<NodeProto>> {
    let Form {
        portable,
        accept,
        opset,
        image_size,
        values,
    } = form;
    if let (Some(step), Portable::Fast) = (plan.resize, portable) {
        fast::check(&step, opset)?;
    }
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
    let mut graph = Graph::new(prefix, opset);
    let inputs: Vec<Value> = inputs.iter().map(Value::named).collect();
    let result = match (accept, inputs.as_slice()) {
        (Accept::Batch, [image]) => match image_size {
            Some(size) => fixed::fixed(&mut graph, plan, image, size, values)?,
            None => {
                let extents = size::extents(&mut graph, plan, image);
                batch(&mut graph, plan, portable, image, &extents)
            }
        },
        (Accept::Ragged, [pixels, shapes]) => {
            let Some(output) = plan.fixed_output() else {
                return Err(
                    Error::new("pipeline", "makes tensors whose size depends on the image")
                        .why("tensors of mixed sizes cannot be one batch")
                        .fix("end it with a center_crop or an exact resize, or use --accept batch"),
                );
            };
            ragged::ragged(&mut graph, plan, portable, output, pixels, shapes)
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
    let result = match end {
        End::Joined => result,
        End::Apart => finish::apart(&mut graph, &result),
    };
    Ok(graph.finish(&result, output))
}

/// The tensors of `image`, uint8 [N, H, W, 3] of `extents`.
fn batch(graph: &mut Graph, plan: &FusedPlan, portable: Portable, image: &Value, extents: &Extents) -> Value {
    let to = match plan.resize {
        Some(step) => size::resized(graph, step.size.resolve(), &extents.image),
        None => extents.image.clone(),
    };
    let crop = size::crop(graph, plan, &to);
    let pixels = match plan.resize {
        Some(step) if portable == Portable::Fast && step.filter.support().is_some() => {
            fast::resize(graph, &step, image, extents, &to, &crop)
        }
        Some(step) => resize::resize(graph, &step, image, extents, &to, &crop),
        None => {
            let image = size::sized(graph, image, extents);
            let image = slice(graph, &image, &crop, &[1, 2]);
            graph.op_with("Transpose", &[&image], vec![ints("perm", &[0, 3, 1, 2])])
        }
    };
    finish::finish(graph, plan, pixels, &crop, Values::Arithmetic)
}

/// The part of resized `pixels` that the crop keeps, whose rows and columns are `axes`.
fn slice(graph: &mut Graph, pixels: &Value, crop: &Crop, axes: &[i64; 2]) -> Value {
    if crop.is_whole {
        return pixels.clone();
    }
    let mut edges = |pair: &size::Pair| graph.shape(&[Extent::Num(&pair.rows), Extent::Num(&pair.columns)]);
    let (start, count) = (edges(&crop.start), edges(&crop.count));
    let end = graph.op("Add", &[&start, &count]);
    let axes = graph.ints(axes);
    graph.op("Slice", &[pixels, &start, &end, &axes])
}
