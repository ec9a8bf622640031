//! From a callable's values back to pixel values, and whose channels they are: read off images of one colour.

use ndarray::{Array2, Array3};

use super::answer::Answer;
use crate::plan::GrayRule;
use crate::{Dtype, Error, ErrorKind, Result};

/// The colour of the third flat probe: its gray is another one by each rule, and no two channels are alike.
pub(super) const COLOR: [u8; 3] = [41, 101, 223];

/// What the channels of the output are.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Channels {
    /// For each output channel the channel of the image.
    Order([usize; 3]),
    /// Gray of colour, by one of these rules.
    Gray(Vec<GrayRule>),
}

/// The line through the values of black and white, for each output channel.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    black: Vec<f64>,
    step: Vec<f64>,
    /// How far from a whole number the pixel value of a rounded output may be.
    tolerance: f64,
    pub(super) channels: Channels,
}

impl Levels {
    /// From what images of black, white and [`COLOR`] became.
    ///
    /// # Errors
    /// Where the output does not depend on the image, or not on each channel alone.
    pub(super) fn new(black: &Answer, white: &Answer, color: &Answer, dtype: Dtype) -> Result<Self> {
        let same = black.values.dim() == white.values.dim() && white.values.dim() == color.values.dim();
        if !same {
            return Err(unlike("gives tensors of other sizes for images of one size", ""));
        }
        let (height, width, count) = black.values.dim();
        // Padding is the same in both.
        let differs = |row: usize, column: usize| {
            (0..count).all(|c| black.values[[row, column, c]] != white.values[[row, column, c]])
        };
        let at = middle(height, width, &differs).ok_or_else(|| {
            unlike(
                "gives the same for black and for white",
                "no image can be seen in it",
            )
        })?;
        let value = |answer: &Answer, channel: usize| f64::from(answer.values[[at.0, at.1, channel]]);
        let tolerance = match dtype {
            Dtype::Float16 => 0.2,
            Dtype::Float32 | Dtype::Uint8 => 0.02,
        };
        let with = |top: f64| {
            let black: Vec<_> = (0..count).map(|channel| value(black, channel)).collect();
            let step = (0..count).map(|channel| (value(white, channel) - black[channel]) / top);
            let step: Vec<f64> = step.collect();
            let levels: Vec<f64> = (0..count)
                .map(|channel| (value(color, channel) - black[channel]) / step[channel])
                .collect();
            (black, step, levels)
        };
        let near = |levels: &[f64], expected: &[u8]| {
            levels
                .iter()
                .zip(expected)
                .all(|(level, expected)| (level - f64::from(*expected)).abs() <= tolerance)
        };
        for order in [[0, 1, 2], [2, 1, 0], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1]] {
            let (black, step, levels) = with(255.0);
            if count == 3 && near(&levels, &order.map(|channel| COLOR[channel])) {
                return Ok(Self {
                    black,
                    step,
                    tolerance,
                    channels: Channels::Order(order),
                });
            }
        }
        let mut rules = Vec::new();
        let mut found = None;
        for rule in GrayRule::ALL {
            // A rule may give less than 255 for white.
            let (black, step, levels) = with(f64::from(rule.gray([255; 3])));
            if near(&levels, &vec![rule.gray(COLOR); count]) {
                rules.push(*rule);
                found.get_or_insert((black, step));
            }
        }
        if let Some((black, step)) = found {
            return Ok(Self {
                black,
                step,
                tolerance,
                channels: Channels::Gray(rules),
            });
        }
        let (.., levels) = with(255.0);
        let shown: Vec<_> = levels.iter().map(|level| format!("{level:.2}")).collect();
        Err(unlike(
            format_args!(
                "makes something else than a line through black and white of the colour {COLOR:?}: {}",
                shown.join(", ")
            ),
            "one output channel follows from several of the image, or not along a line (gamma, contrast, equalization)",
        ))
    }

    /// The pixel value that an output value stands for.
    pub(super) fn level(&self, channel: usize, value: f32) -> f64 {
        (f64::from(value) - self.black[channel]) / self.step[channel]
    }

    /// The pixel value, where it is one of the 256.
    pub(super) fn whole(&self, channel: usize, value: f32) -> Option<u8> {
        let level = self.level(channel, value);
        let rounded = level.round();
        ((level - rounded).abs() <= self.tolerance && (0.0..=255.0).contains(&rounded))
            .then_some(rounded as u8)
    }

    /// One channel of an answer as pixel values.
    pub(super) fn plane(&self, answer: &Answer, channel: usize) -> Array2<f64> {
        let (height, width, _) = answer.values.dim();
        Array2::from_shape_fn((height, width), |(row, column)| {
            self.level(channel, answer.values[[row, column, channel]])
        })
    }

    /// What part of the pixels inside `inner` = (top, left, height, width) has no whole pixel value.
    pub(super) fn between(&self, answer: &Answer, [top, left, height, width]: [usize; 4]) -> f64 {
        let mut count = 0_usize;
        for row in top..top + height {
            for column in left..left + width {
                count += (0..answer.channels())
                    .filter(|channel| {
                        self.whole(*channel, answer.values[[row, column, *channel]])
                            .is_none()
                    })
                    .count();
            }
        }
        count as f64 / (height * width * answer.channels()).max(1) as f64
    }

    /// An image as the callable's geometry sees it: its channels in the order of the output.
    pub(super) fn ordered(&self, image: &Array3<u8>) -> Array3<u8> {
        match &self.channels {
            Channels::Order(order) => image.select(ndarray::Axis(2), order),
            Channels::Gray(_) => image.clone(),
        }
    }
}

/// The middle of the rectangle where the image is.
fn middle(height: usize, width: usize, inside: &dyn Fn(usize, usize) -> bool) -> Option<(usize, usize)> {
    let rows: Vec<_> = (0..height)
        .filter(|row| (0..width).any(|column| inside(*row, column)))
        .collect();
    let row = *rows.get(rows.len() / 2)?;
    let columns: Vec<_> = (0..width).filter(|column| inside(row, *column)).collect();
    Some((row, *columns.get(columns.len() / 2)?))
}

fn unlike(what: impl std::fmt::Display, why: &str) -> Error {
    let error = Error::new("the callable", what).with_kind(ErrorKind::Unsupported);
    if why.is_empty() { error } else { error.why(why) }
}
