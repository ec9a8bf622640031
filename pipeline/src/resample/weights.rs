//! Integer weights of one axis of a resize.

use std::ops::Range;

use super::sampling::Sampling;
use super::{Filter, Windows};

/// Fraction bits of Pillow's weights.
pub const PILLOW_PRECISION: u32 = 22;

/// The most fraction bits that torchvision gives its 16-bit weights.
pub const MAX_TORCHVISION_PRECISION: u32 = 22;

/// For each output position of a part of one axis, the source window and its integer weights.
///
/// An output value is `clamp((sum(weight * pixel) + half) >> precision, 0, 255)` with
/// `half = 1 << (precision - 1)`. A nearest filter is one tap of weight `1 << precision`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AxisWeights {
    precision: u32,
    windows: Vec<(usize, usize)>,
    weights: Vec<i32>,
    ends: Vec<usize>,
}

impl AxisWeights {
    /// The weights of resizing `input` pixels to `output` pixels, both at least 1.
    pub fn new(windows: Windows, filter: Filter, input: usize, output: usize) -> Self {
        Self::part(windows, filter, (input, output), 0..output)
    }

    /// The weights of the output positions `part` alone of resizing `input` pixels to `output` pixels, both at
    /// least 1: equal to those of [`AxisWeights::new`], in the memory of the part. What lies beyond the axis is
    /// left out.
    pub fn part(
        windows: Windows,
        filter: Filter,
        (input, output): (usize, usize),
        part: Range<usize>,
    ) -> Self {
        let part = part.start.min(output)..part.end.min(output);
        match filter.support() {
            None => Self::nearest(windows, filter, (input, output), part),
            Some(support) => Self::antialiased(windows, Sampling::new(filter, support, input, output), part),
        }
    }

    /// How many output positions there are.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether there are no output positions.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Fraction bits of the weights.
    pub fn precision(&self) -> u32 {
        self.precision
    }

    /// First source position and weights of output position `index`, counted from the start of the part.
    pub fn window(&self, index: usize) -> (usize, &[i32]) {
        let (start, taps) = self.windows[index];
        let end = self.ends[index];
        (start, &self.weights[end - taps..end])
    }

    /// The most taps that any output position has.
    pub fn max_taps(&self) -> usize {
        self.windows.iter().map(|window| window.1).max().unwrap_or(0)
    }

    /// The source positions from the first that is read to the last.
    pub fn span(&self) -> Range<usize> {
        let start = self.windows.iter().map(|window| window.0).min().unwrap_or(0);
        let end = self
            .windows
            .iter()
            .map(|window| window.0 + window.1)
            .max()
            .unwrap_or(0);
        start..end
    }

    pub(super) fn with_capacity(precision: u32, output: usize) -> Self {
        Self {
            precision,
            windows: Vec::with_capacity(output),
            weights: Vec::new(),
            ends: Vec::with_capacity(output),
        }
    }

    pub(super) fn push(&mut self, start: usize, weights: impl Iterator<Item = i32>) {
        let before = self.weights.len();
        self.weights.extend(weights);
        self.windows.push((start, self.weights.len() - before));
        self.ends.push(self.weights.len());
    }

    fn nearest(
        windows: Windows,
        filter: Filter,
        (input, output): (usize, usize),
        part: Range<usize>,
    ) -> Self {
        let precision = match windows {
            Windows::Pillow | Windows::Pillow12 => PILLOW_PRECISION,
            Windows::Torchvision => 14,
        };
        let mut axis = Self::with_capacity(precision, part.len());
        let scale = input as f64 / output as f64;
        // Pillow adds the scale up; the rounding errors of that sum decide some indices.
        let mut position = scale * 0.5;
        for index in 0..part.end {
            if index >= part.start {
                let source = match (windows, filter) {
                    (Windows::Torchvision, Filter::NearestExact) => {
                        ((index as f32 + 0.5) * scale as f32) as usize
                    }
                    (Windows::Torchvision, _) => (index as f32 * scale as f32) as usize,
                    (Windows::Pillow | Windows::Pillow12, _) => position as usize,
                };
                axis.push(source.min(input - 1), std::iter::once(1 << precision));
            }
            position += scale;
        }
        axis
    }

    fn antialiased(windows: Windows, sampling: Sampling, part: Range<usize>) -> Self {
        let precision = match windows {
            Windows::Pillow | Windows::Pillow12 => PILLOW_PRECISION,
            Windows::Torchvision => torchvision_precision(sampling.largest_weight()),
        };
        let one = f64::from(1_u32 << precision);
        let mut axis = Self::with_capacity(precision, part.len());
        let mut weights = Vec::new();
        for index in part {
            let first = sampling.weights(index, &mut weights);
            let quantised = weights
                .iter()
                .map(|weight| (weight * one + 0.5_f64.copysign(*weight)) as i32);
            axis.push(first, quantised);
        }
        axis
    }
}

/// The most fraction bits with which the largest weight of the axis stays below 2^15.
pub(super) fn torchvision_precision(largest: f64) -> u32 {
    (0..MAX_TORCHVISION_PRECISION)
        .find(|bits| (0.5 + largest * f64::from(1_u32 << (bits + 1))) as i64 >= 1 << 15)
        .unwrap_or(MAX_TORCHVISION_PRECISION)
}
