//! What the best attempt says that a host does otherwise.

use super::super::resolve::Sampler;
use super::attempt::{Attempt, color, sampler_of};
use super::constants::{Meant, explain};
use super::mistake::{Finding, Mistake};
use super::views::orientation;
use crate::plan::Plan;
use crate::resample::{Arithmetic, OpencvFilter};
use crate::{Elements, Filter, Resampler, Tensor};

pub(super) fn findings(
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

/// How far a value that is exactly that of a pixel may be off its line, in steps of the pixel value.
pub(super) fn bound(tensor: &Tensor) -> f64 {
    match &tensor.elements {
        Elements::Float32(values) if !is_half(values) => 0.02,
        Elements::Float32(_) | Elements::Float16(_) | Elements::Uint8(_) => 0.3,
    }
}

/// Whether every value is one of float16, and not all are whole.
pub(super) fn is_half(values: &[f32]) -> bool {
    values
        .iter()
        .all(|value| half::f16::from_f32(*value).to_f32().to_bits() == value.to_bits())
        && values.iter().any(|value| value.fract() != 0.0)
}

pub(super) fn reference_len(tensor: &Tensor) -> usize {
    tensor.shape.iter().product()
}

pub(super) fn differing(one: &Tensor, other: &Tensor) -> usize {
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
pub(super) fn resize(plan: &Plan, attempt: &Attempt<'_>) -> Vec<Finding> {
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

/// Whether the kernel widens where the image shrinks.
pub(super) fn widens(arithmetic: Arithmetic) -> bool {
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

pub(super) fn is_nearest(filter: Filter) -> bool {
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

pub(super) fn library(resampler: Resampler) -> &'static str {
    match resampler {
        Resampler::Pillow => "Pillow 13",
        Resampler::Pillow12 => "Pillow 12",
        Resampler::Torchvision => "torchvision",
        Resampler::Opencv => "OpenCV",
        Resampler::Torch => "torch",
    }
}

/// How the channels differ.
pub(super) fn channels(attempt: &Attempt<'_>, usual: &[usize]) -> Vec<Finding> {
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
pub(super) fn values(plan: &Plan, attempt: &Attempt<'_>, usual: &[usize], loose: bool) -> Vec<Finding> {
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
pub(super) fn border(plan: &Plan, attempt: &Attempt<'_>) -> Option<Finding> {
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
