//! What another host does otherwise, from one dump of its tensor and the photo that it was made of.
//!
//! Geometry and values are told apart: where the pixels of an arrangement are those of the host, each channel of the dump lies on a
//! line over one channel of them, whatever the mean and the deviation. So the arrangement, the resize and the channels are those over
//! which the lines are straight, and the lines then say what was done to the values.

mod arrangements;
mod coarse;
mod constants;
mod lines;
mod mistake;
mod picture;
mod views;

use ndarray::{Array3, ArrayView3};

use super::answer::{Answer, same_bits};
use super::resolve::{Sampler, samplers};
use crate::plan::{Fill, Plan};
use crate::resample::{Arithmetic, OpencvFilter};
use crate::scalar::canvas::{Outside, place};
use crate::{Dtype, Elements, Error, ErrorKind, Filter, Layout, Pipeline, Resampler, Result, Tensor};
use arrangements::{Arrangement, arrangements};
use coarse::Integral;
use constants::{Meant, explain};
use lines::{Line, lines};
pub use mistake::{Finding, Mistake};
use views::{View, orientation, oriented, views};

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

/// One attempt to explain a dump.
struct Attempt<'a> {
    view: &'a View,
    way: usize,
    arrangement: Arrangement,
    sampler: Option<Sampler>,
    lines: Vec<Line>,
}

impl Attempt<'_> {
    fn mean(&self) -> f64 {
        self.lines.iter().map(|line| line.mean).sum::<f64>() / self.lines.len().max(1) as f64
    }

    fn largest(&self) -> f64 {
        self.lines.iter().map(|line| line.largest).fold(0.0, f64::max)
    }
}

/// Names what a host does otherwise than `pipeline`: `tensor` is what it made of `photo`, RGB, [height, width, 3].
///
/// # Errors
/// A tensor that is not one image, and a pipeline of several resizes, of floats that are resized, or of patches.
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

/// How far a value that is exactly that of a pixel may be off its line, in steps of the pixel value.
fn bound(tensor: &Tensor) -> f64 {
    match &tensor.elements {
        Elements::Float32(values) if !is_half(values) => 0.02,
        Elements::Float32(_) | Elements::Float16(_) | Elements::Uint8(_) => 0.3,
    }
}

/// Whether every value is one of float16, and not all are whole.
fn is_half(values: &[f32]) -> bool {
    values
        .iter()
        .all(|value| half::f16::from_f32(*value).to_f32().to_bits() == value.to_bits())
        && values.iter().any(|value| value.fract() != 0.0)
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

/// The attempt whose lines are the straightest.
fn best<'a>(plan: &Plan, photo: ArrayView3<'_, u8>, all: &'a [View], usual: &[usize]) -> Option<Attempt<'a>> {
    let mut ranked: Vec<(f64, &View, usize, Arrangement)> = Vec::new();
    for way in 0..8 {
        let turned = oriented(photo, way);
        let image = (turned.dim().0, turned.dim().1);
        let integral = Integral::new(turned.view());
        for view in all {
            let output = (view.values.dim().0, view.values.dim().1);
            for arrangement in arrangements(plan, image, output) {
                let left = integral.left(&arrangement, &view.values);
                // Of two that are as good the plainer one.
                let parts = view.findings.len() + usize::from(way > 0) + arrangement.findings.len();
                ranked.push((left + 0.002 * parts as f64, view, way, arrangement));
            }
        }
    }
    ranked.sort_by(|one, other| one.0.total_cmp(&other.0));
    let least = ranked.first()?.0;
    ranked.retain(|(left, ..)| *left <= (3.0 * least).max(least + 0.02));
    ranked.truncate(14);
    if least > 0.6 {
        return None;
    }
    let mut samplers = samplers();
    let meant = sampler_of(plan);
    // The expected one first: of several that are as good the first counts.
    samplers.sort_by_key(|sampler| meant.is_none_or(|meant| meant.arithmetic != sampler.arithmetic));
    let mut best: Option<Attempt<'a>> = None;
    for (rank, (_, view, way, arrangement)) in ranked.into_iter().enumerate() {
        let turned = oriented(photo, way);
        let from = arrangement.before.map_or(arrangement.image, |place| place.size);
        let tried = if from == arrangement.resized {
            &samplers[..1]
        } else if rank < 5 {
            &samplers[..]
        } else {
            &samplers[..3]
        };
        for sampler in tried {
            let Some((pixels, inner)) = pixels(plan, &arrangement, sampler, turned.view()) else {
                continue;
            };
            let lines = lines(pixels.view(), &view.values, inner, usual);
            let attempt = Attempt {
                view,
                way,
                arrangement: arrangement.clone(),
                sampler: (from != arrangement.resized).then_some(*sampler),
                lines,
            };
            if best
                .as_ref()
                .is_none_or(|best| attempt.mean() < best.mean() * 0.98 - 1e-4)
            {
                best = Some(attempt);
            }
        }
        if best.as_ref().is_some_and(|best| best.mean() < 0.005) {
            break;
        }
    }
    best
}

/// The pixels of an arrangement, on the canvas of the output, and where the image is on it.
fn pixels(
    plan: &Plan,
    arrangement: &Arrangement,
    sampler: &Sampler,
    photo: ArrayView3<'_, u8>,
) -> Option<(Array3<u8>, [usize; 4])> {
    let around = Outside::Values(color(plan).unwrap_or([0; 3]));
    let canvas = match &arrangement.before {
        Some(placement) => place(&photo.to_owned(), placement, around),
        None => photo.to_owned(),
    };
    let resized = if (canvas.dim().0, canvas.dim().1) == arrangement.resized {
        canvas
    } else {
        sampler.arithmetic.resize(canvas.view(), arrangement.resized)
    };
    let inner = arrangement.after.inner();
    (inner[2] > 1 && inner[3] > 1).then(|| (place(&resized, &arrangement.after, around), inner))
}

/// The colour of the plan's border.
fn color(plan: &Plan) -> Option<[u8; 3]> {
    let stage = plan.stages.first()?;
    [stage.before, stage.after]
        .into_iter()
        .flatten()
        .find_map(|canvas| match canvas.fill {
            Fill::Color { color } => Some(color),
            Fill::Value { .. } | Fill::Mirror { .. } => None,
        })
}

fn sampler_of(plan: &Plan) -> Option<Sampler> {
    let arithmetic = plan.stages.first()?.resample?.sampling;
    samplers()
        .into_iter()
        .find(|sampler| sampler.arithmetic == arithmetic)
}

/// Whether the kernel widens where the image shrinks.
fn widens(arithmetic: Arithmetic) -> bool {
    match arithmetic {
        Arithmetic::Passes {
            filter, antialias, ..
        } => antialias && filter.support().is_some(),
        Arithmetic::Torch { antialias, .. } => antialias,
        Arithmetic::Opencv { filter } => match filter {
            OpencvFilter::Area => true,
            OpencvFilter::Nearest | OpencvFilter::Linear | OpencvFilter::Cubic => false,
        },
    }
}

fn findings(
    plan: &Plan,
    reference: &Tensor,
    tensor: &Tensor,
    attempt: &Attempt<'_>,
    usual: &[usize],
    photo: (usize, usize),
) -> Vec<Finding> {
    let mut found = attempt.view.findings.clone();
    if tensor.dtype() != reference.dtype() {
        found.push(Finding::new(
            Mistake::ElementType,
            format_args!(
                "the tensor is {}, where {} is expected",
                tensor.dtype(),
                reference.dtype()
            ),
        ));
    }
    if attempt.way > 0 {
        found.push(Finding::new(
            Mistake::Orientation,
            format_args!(
                "the image is {}: an EXIF orientation that is not applied, or applied twice, or a mirror",
                orientation(attempt.way)
            ),
        ));
    }
    let arrangement = &attempt.arrangement;
    let meant_size = plan
        .geometry(photo.0, photo.1)
        .ok()
        .map(|geometry| geometry.output);
    let output = arrangement.after.size;
    if let Some(meant) = meant_size.filter(|meant| *meant != output && attempt.way == 0) {
        found.push(Finding::new(
            Mistake::Size,
            format_args!(
                "the output is {} x {}, where the pipeline gives {} x {}",
                output.0, output.1, meant.0, meant.1
            ),
        ));
    }
    found.extend(arrangement.findings.iter().cloned());
    found.extend(resize(plan, attempt));
    found.extend(channels(attempt, usual));
    let exact = attempt.largest() <= bound(tensor);
    let half = matches!(&tensor.elements, Elements::Float32(values) if is_half(values));
    if !exact && attempt.mean() < 0.35 && attempt.largest() < 1.1 {
        found.push(Finding::new(
            Mistake::FloatResize,
            "values lie between those of 8-bit pixels: floats are resized, or the result is not rounded",
        ));
    }
    found.extend(values(plan, attempt, usual, !exact || half));
    found.extend(border(plan, attempt));
    if half && !matches!(&reference.elements, Elements::Float32(values) if is_half(values)) {
        found.push(Finding::new(
            Mistake::Float16,
            "every value is one of float16: the tensor went through half precision",
        ));
    }
    if found.is_empty() && exact {
        found.push(Finding::new(
            Mistake::Arithmetic,
            format_args!(
                "the pixels are the same, the last bits of the values are not ({} of {} values): another order or type of float operations",
                differing(reference, tensor),
                reference_len(reference)
            ),
        ));
    }
    found
}

fn reference_len(tensor: &Tensor) -> usize {
    tensor.shape.iter().product()
}

fn differing(one: &Tensor, other: &Tensor) -> usize {
    match (&one.elements, &other.elements) {
        (Elements::Float32(a), Elements::Float32(b)) => a
            .iter()
            .zip(b)
            .filter(|(a, b)| a.to_bits() != b.to_bits())
            .count(),
        (Elements::Float16(a), Elements::Float16(b)) => a
            .iter()
            .zip(b)
            .filter(|(a, b)| a.to_bits() != b.to_bits())
            .count(),
        (Elements::Uint8(a), Elements::Uint8(b)) => a.iter().zip(b).filter(|(a, b)| a != b).count(),
        (Elements::Float32(_) | Elements::Float16(_) | Elements::Uint8(_), _) => reference_len(one),
    }
}

/// How the resize differs.
fn resize(plan: &Plan, attempt: &Attempt<'_>) -> Vec<Finding> {
    let (Some(host), Some(meant)) = (attempt.sampler, sampler_of(plan)) else {
        return Vec::new();
    };
    if host.arithmetic == meant.arithmetic {
        return Vec::new();
    }
    let named = |sampler: &Sampler| {
        let plain = if widens(sampler.arithmetic) || is_nearest(sampler.filter) {
            ""
        } else {
            " without antialiasing"
        };
        format!("{} of {}{plain}", sampler.filter, library(sampler.resampler))
    };
    let text = format!(
        "the resize is {}, where the pipeline says {}",
        named(&host),
        named(&meant)
    );
    let mut found = Vec::new();
    if widens(host.arithmetic) != widens(meant.arithmetic)
        && !is_nearest(host.filter)
        && !is_nearest(meant.filter)
    {
        found.push(Finding::new(Mistake::Antialias, &text));
    }
    if host.filter != meant.filter {
        found.push(Finding::new(Mistake::Filter, &text));
    }
    if found.is_empty() {
        found.push(Finding::new(Mistake::Resampler, &text));
    }
    found
}

fn is_nearest(filter: Filter) -> bool {
    match filter {
        Filter::Nearest | Filter::NearestExact => true,
        Filter::Bilinear
        | Filter::Bicubic
        | Filter::Lanczos
        | Filter::Box
        | Filter::Hamming
        | Filter::Area => false,
    }
}

fn library(resampler: Resampler) -> &'static str {
    match resampler {
        Resampler::Pillow => "Pillow 13",
        Resampler::Pillow12 => "Pillow 12",
        Resampler::Torchvision => "torchvision",
        Resampler::Opencv => "OpenCV",
        Resampler::Torch => "torch",
    }
}

/// How the channels differ.
fn channels(attempt: &Attempt<'_>, usual: &[usize]) -> Vec<Finding> {
    let host: Vec<usize> = attempt.lines.iter().map(|line| line.source).collect();
    if host == usual {
        return Vec::new();
    }
    let names = |channels: &[usize]| -> String {
        channels
            .iter()
            .map(|channel| ["red", "green", "blue", "gray"][(*channel).min(3)])
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mistake = if host.iter().all(|channel| *channel == host[0])
        && !usual.iter().all(|channel| *channel == usual[0])
    {
        Mistake::Gray
    } else {
        Mistake::ChannelOrder
    };
    vec![Finding::new(
        mistake,
        format_args!(
            "the channels are {}, where the pipeline says {}",
            names(&host),
            names(usual)
        ),
    )]
}

/// What the lines say of the values.
fn values(plan: &Plan, attempt: &Attempt<'_>, usual: &[usize], loose: bool) -> Vec<Finding> {
    let table = plan.table();
    let count = attempt.lines.len();
    let meant: Vec<Meant> = (0..count)
        .map(|channel| {
            let row = table.channel(channel.min(2));
            let (black, white) = (f64::from(row[0]), f64::from(row[255]));
            Meant {
                slope: (white - black) / 255.0,
                intercept: black,
            }
        })
        .collect();
    let found = explain(&attempt.lines, &meant, loose);
    // Channels that are exchanged after the arithmetic carry their constants along.
    let host: Vec<usize> = attempt.lines.iter().map(|line| line.source).collect();
    let carried: Option<Vec<Meant>> = host
        .iter()
        .map(|source| Some(meant[usual.iter().position(|channel| channel == source)?]))
        .collect();
    let along = carried
        .filter(|_| host != usual)
        .and_then(|meant| explain(&attempt.lines, &meant, loose));
    match (found, along) {
        (Some(found), Some(along)) if along.len() < found.len() => along,
        (Some(found), _) | (None, Some(found)) => found,
        (None, None) => {
            let shown: Vec<String> = attempt
                .lines
                .iter()
                .zip(&meant)
                .map(|(line, meant)| {
                    format!(
                        "pixel * {:.6} {:+.6} (meant {:.6} {:+.6})",
                        line.slope, line.intercept, meant.slope, meant.intercept
                    )
                })
                .collect();
            vec![Finding::new(
                Mistake::Constants,
                format_args!("scale, mean or deviation are others: {}", shown.join("; ")),
            )]
        }
    }
}

/// The colour of the border, in pixel values, where it is another one.
fn border(plan: &Plan, attempt: &Attempt<'_>) -> Option<Finding> {
    let arrangement = &attempt.arrangement;
    let (height, width) = arrangement.after.size;
    let [top, left, rows, columns] = arrangement.after.inner();
    if !arrangement.findings.is_empty() || (rows, columns) == (height, width) {
        return None;
    }
    let at = (
        if top > 0 || rows == height { 0 } else { height - 1 },
        if left > 0 || columns == width {
            0
        } else {
            width - 1
        },
    );
    let values = &attempt.view.values;
    let host: Vec<f64> = attempt
        .lines
        .iter()
        .enumerate()
        .map(|(channel, line)| (values[[at.0, at.1, channel]] - line.intercept) / line.slope)
        .collect();
    let meant = color(plan)?;
    let differs = host
        .iter()
        .zip(&attempt.lines)
        .any(|(level, line)| (level - f64::from(meant[line.source.min(2)])).abs() > 0.6);
    let shown: Vec<String> = host.iter().map(|level| format!("{level:.0}")).collect();
    differs.then(|| {
        Finding::new(
            Mistake::BorderColor,
            format_args!(
                "the border is {}, where the pipeline says {meant:?}",
                shown.join(", ")
            ),
        )
    })
}
