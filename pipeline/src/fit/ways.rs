//! From the solutions of all sizes to what they have in common.

use super::answer::Answer;
use super::build::{Border, CanvasRule};
use super::levels::{Channels, Levels};
use super::refuse;
use super::resolve::{Near, Sampler, Solution, samplers};
use super::rules::{canvas_rules, size_rules};
use super::table::Table;
use crate::plan::{Placement, Turn};
use crate::{Error, Plan, SizeRule};

type Size = (usize, usize);

/// One size of image, resolved.
pub(super) struct Resolved {
    /// (height, width) of the image.
    pub(super) size: Size,
    pub(super) turned: bool,
    /// (height, width) after the turn.
    pub(super) source: Size,
    /// (height, width) of the output.
    pub(super) output: Size,
    pub(super) solutions: Vec<Solution>,
}

/// The rules of all sizes, for crops before the resize or without them.
pub(super) struct Way {
    pub(super) befores: Vec<Option<CanvasRule>>,
    pub(super) sizes: Vec<Option<SizeRule>>,
    pub(super) afters: Vec<Option<CanvasRule>>,
    pub(super) samplers: Vec<Sampler>,
}

impl Way {
    /// `None` where some size has no such solution. `early`: with a canvas before the resize where there is one.
    pub(super) fn of(resolved: &[Resolved], early: bool) -> Option<Self> {
        let mut chosen = Vec::new();
        for one in resolved {
            let is_early = |solution: &&Solution| solution.before.is_some();
            let late = one.solutions.iter().find(|solution| solution.before.is_none());
            let solution = if early {
                one.solutions.iter().find(is_early).or(late)
            } else {
                late
            };
            chosen.push((one, solution?));
        }
        if early && chosen.iter().all(|(_, solution)| solution.before.is_none()) {
            return None;
        }
        let mut befores = Vec::new();
        let mut pairs = Vec::new();
        let mut afters = Vec::new();
        let mut left = samplers();
        for (one, solution) in &chosen {
            let before = solution.before.unwrap_or(Placement {
                from: one.source,
                offset: (0, 0),
                size: one.source,
            });
            if before.size != solution.resized {
                left.retain(|sampler| solution.samplers.contains(sampler));
            }
            befores.push(before);
            pairs.push((before.size, solution.resized));
            afters.push(solution.after);
        }
        let outputs: Vec<Size> = afters.iter().map(|place| place.size).collect();
        let mut boxes = outputs.clone();
        boxes.dedup();
        boxes.truncate(2);
        Some(Self {
            befores: canvas_rules(&befores),
            sizes: size_rules(&pairs, &boxes),
            afters: canvas_rules(&afters),
            samplers: left,
        })
    }

    /// What no rule was found for.
    pub(super) fn lacking(&self) -> &'static str {
        if self.sizes.is_empty() {
            "sizes"
        } else if self.befores.is_empty() {
            "crops or pads before the resize"
        } else if self.afters.is_empty() {
            "crops or pads"
        } else if self.samplers.is_empty() {
            "resizes, the same for all sizes,"
        } else {
            "borders"
        }
    }
}

/// The values outside of `inner` = (top, left, height, width), where there is an outside.
pub(super) fn corner(answer: &Answer, [top, left, rows, columns]: [usize; 4]) -> Option<Vec<f32>> {
    let (height, width, count) = answer.values.dim();
    let row = if top > 0 {
        Some(0)
    } else {
        (top + rows < height).then(|| height - 1)
    };
    let column = if left > 0 {
        Some(0)
    } else {
        (left + columns < width).then(|| width - 1)
    };
    let (row, column) = match (row, column) {
        (None, None) => return None,
        (row, column) => (row.unwrap_or(0), column.unwrap_or(0)),
    };
    Some(
        (0..count)
            .map(|channel| answer.values[[row, column, channel]])
            .collect(),
    )
}

/// A border as pixel values, where all of its values are those of pixels, else as values.
pub(super) fn border_of(values: &[f32], levels: &Levels, table: &Table) -> Border {
    let pixels: Option<Vec<u8>> = values
        .iter()
        .enumerate()
        .map(|(channel, value)| {
            let pixel = levels.whole(channel, *value)?;
            let known = table.value(channel, pixel)?;
            (known.to_bits() == value.to_bits()).then_some(pixel)
        })
        .collect();
    let three = |of: &dyn Fn(usize) -> f64| [0, 1, 2].map(|channel| of(channel.min(values.len() - 1)));
    match (pixels, &levels.channels) {
        (Some(pixels), Channels::Order(order)) => {
            let mut color = [0; 3];
            for (output, channel) in order.iter().enumerate() {
                color[*channel] = pixels[output];
            }
            Border::Color(color)
        }
        (Some(pixels), Channels::Gray(_)) if pixels.iter().all(|pixel| *pixel == pixels[0]) => {
            Border::Color([pixels[0]; 3])
        }
        _ => Border::Value(three(&|channel| f64::from(values[channel]))),
    }
}

/// Which images are turned.
pub(super) fn turn_of(resolved: &[Resolved]) -> Result<Option<Turn>, Error> {
    for turn in [None, Some(Turn::Portrait), Some(Turn::Landscape)] {
        let agrees = |one: &Resolved| turn.is_some_and(|turn| turn.turns(one.size)) == one.turned;
        if resolved.iter().all(agrees) {
            return Ok(turn);
        }
    }
    Err(refuse("turns some images by 90 degrees").why("not all high ones, and not all wide ones"))
}

/// A plan without its sizes: what is left to tell apart where all sizes are alike.
pub(super) fn how(plan: &Plan) -> String {
    let samplings: Vec<_> = plan
        .stages
        .iter()
        .map(|stage| stage.resample.map(|resample| resample.sampling))
        .collect();
    format!("{samplings:?} {:?} {:?}", plan.gray, plan.values.gray)
}

/// Why no resize gives the pixels of one size.
pub(super) fn unresolved(size: Size, between: f64, near: Option<&Near>) -> Error {
    let (height, width) = size;
    if between > 0.002 {
        return refuse(format_args!(
            "gives values between those of 8-bit pixels: {:.1} % of them, of an image of {height} x {width}",
            between * 100.0
        ))
        .why("its floats are resized (torch's interpolate of a float tensor), blurred, or follow from the whole image")
        .fix("resize 8-bit pixels before they become floats, as PIL.Image.resize and torchvision's v2.Resize of uint8 do");
    }
    let error = refuse(format_args!(
        "does something with the pixels of an image of {height} x {width} that no resize, crop and pad here does"
    ));
    match near {
        Some(near) => error.why(format_args!(
            "the nearest is {} {} x {} by {}, of which {:.1} % of the pixels differ, by at most {:.0} of 255",
            near.solution
                .samplers
                .first()
                .map_or("", |sampler| sampler.resampler.name()),
            near.solution.resized.0,
            near.solution.resized.1,
            near.solution
                .samplers
                .first()
                .map_or("none", |sampler| sampler.filter.name()),
            near.differing * 100.0,
            near.largest
        )),
        None => error.why("no size and place of the image agrees with its ramps"),
    }
}
