//! What another host does otherwise, from one dump of its tensor and the photo that it was made of.
//!
//! Geometry and values are told apart: where the pixels of an arrangement are those of the host, each channel of the dump lies on a
//! line over one channel of them, whatever the mean and the deviation. So the arrangement, the resize and the channels are those over
//! which the lines are straight, and the lines then say what was done to the values.

mod arrangements;
mod attempt;
mod coarse;
mod constants;
mod findings;
mod lines;
mod mistake;
mod picture;
mod views;

use ndarray::{Array3, ArrayView3};

use super::answer::{Answer, same_bits};
use crate::plan::Plan;
use crate::{Dtype, Elements, Error, ErrorKind, Layout, Pipeline, Result, Tensor};
use attempt::best;
use findings::{bound, findings};
pub use mistake::{Finding, Mistake};
use views::views;

/// What was found out.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    /// Whether the dump is the pipeline's tensor in every bit, with its element type and axes (leading ones of extent 1 aside).
    pub equal: bool,
    /// What the host does otherwise; empty where it is equal.
    pub findings: Vec<Finding>,
    /// Whether the findings account for every pixel: if not, they are the nearest that was found.
    pub explained: bool,
    /// The mean distance that they leave, in steps of the pixel value.
    pub mean: f64,
    /// The largest one.
    pub largest: f64,
    /// The pipeline's tensor, the dump and their difference, beside each other: RGB.
    pub picture: Array3<u8>,
}

/// Names what a host does otherwise than `pipeline`: `tensor` is what it made of `photo`, RGB, [height, width, 3].
///
/// # Errors
/// A tensor that is not one image or holds numbers that are not finite, and a pipeline of several resizes, of floats that are resized, or of patches.
pub fn diagnose(
    pipeline: &Pipeline,
    layout: Layout,
    dtype: Dtype,
    photo: ArrayView3<'_, u8>,
    tensor: &Tensor,
) -> Result<Diagnosis> {
    let plan = pipeline.compile(layout, dtype)?;
    let reference = pipeline.reference(photo, layout, dtype)?;
    let size = (photo.dim().0, photo.dim().1);
    if plan.form.blocks.is_some() || plan.float.is_some() || plan.stages.len() > 1 || plan.turn.is_some() {
        if same_bits(&reference, tensor) {
            return Ok(equal(&plan, &reference, tensor, layout));
        }
        return Err(Error::new("the pipeline", "cannot be compared part by part")
            .expected_got(
                "at most one resize of 8-bit pixels, and no patches",
                "another one",
            )
            .fix("compare the tensors: they are not equal")
            .with_kind(ErrorKind::Unsupported));
    }
    if same_bits(&reference, tensor) {
        return Ok(equal(&plan, &reference, tensor, layout));
    }
    check_finite(tensor)?;
    let all = views(tensor, layout)?;
    let usual: Vec<usize> = if plan.gray.is_some() || plan.values.gray.is_some() {
        vec![3; plan.channels()]
    } else {
        plan.values.channels.clone()
    };
    let attempt = best(&plan, photo, &all, &usual).ok_or_else(|| {
        Error::new("tensor", "shows no part of the photo")
            .why("no size, crop, orientation or order of axes was found in which its values follow those of the photo")
            .fix("check that the tensor was made of this photo")
            .with_kind(ErrorKind::Image)
    })?;
    let findings = findings(&plan, &reference, tensor, &attempt, &usual, size);
    let exact = attempt.largest() <= bound(tensor);
    let rounding = findings
        .iter()
        .any(|finding| finding.mistake == Mistake::FloatResize);
    Ok(Diagnosis {
        equal: false,
        explained: (exact || rounding) && !findings.is_empty(),
        mean: attempt.mean(),
        largest: attempt.largest(),
        picture: picture::picture(&plan, &reference, &attempt.view.values, layout),
        findings,
    })
}

fn check_finite(tensor: &Tensor) -> Result<()> {
    let finite = match &tensor.elements {
        Elements::Float32(values) => values.iter().all(|value| value.is_finite()),
        Elements::Float16(values) => values.iter().all(|value| value.is_finite()),
        Elements::Uint8(_) => true,
    };
    if finite {
        return Ok(());
    }
    Err(Error::new("tensor", "holds numbers that are not finite")
        .why("no pixel becomes NaN or infinity")
        .fix("look for a division by a deviation of 0")
        .with_kind(ErrorKind::Image))
}

fn equal(plan: &Plan, reference: &Tensor, tensor: &Tensor, layout: Layout) -> Diagnosis {
    let picture = Answer::new(tensor, layout).map_or_else(
        |_| Array3::zeros((1, 1, 3)),
        |answer| picture::picture(plan, reference, &answer.values.mapv(f64::from), layout),
    );
    Diagnosis {
        equal: true,
        findings: Vec::new(),
        explained: true,
        mean: 0.0,
        largest: 0.0,
        picture,
    }
}
