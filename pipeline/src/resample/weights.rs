//! Integer weights of one axis of a resize.

use super::{Filter, Resampler};

/// Fraction bits of Pillow's weights.
pub const PILLOW_PRECISION: u32 = 22;

/// The most fraction bits that torchvision gives its 16-bit weights.
pub const MAX_TORCHVISION_PRECISION: u32 = 22;

/// For each output position of one axis, the source window and its integer weights.
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
    pub fn new(resampler: Resampler, filter: Filter, input: usize, output: usize) -> Self {
        match filter.support() {
            None => Self::nearest(resampler, filter, input, output),
            Some(support) => Self::antialiased(resampler, filter, support, input, output),
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

    /// First source position and weights of output position `index`.
    pub fn window(&self, index: usize) -> (usize, &[i32]) {
        let (start, taps) = self.windows[index];
        let end = self.ends[index];
        (start, &self.weights[end - taps..end])
    }

    /// The most taps that any output position has.
    pub fn max_taps(&self) -> usize {
        self.windows.iter().map(|window| window.1).max().unwrap_or(0)
    }

    fn with_capacity(precision: u32, output: usize) -> Self {
        Self {
            precision,
            windows: Vec::with_capacity(output),
            weights: Vec::new(),
            ends: Vec::with_capacity(output),
        }
    }

    fn push(&mut self, start: usize, weights: impl Iterator<Item = i32>) {
        let before = self.weights.len();
        self.weights.extend(weights);
        self.windows.push((start, self.weights.len() - before));
        self.ends.push(self.weights.len());
    }

    fn nearest(resampler: Resampler, filter: Filter, input: usize, output: usize) -> Self {
        let precision = match resampler {
            Resampler::Pillow | Resampler::Pillow12 => PILLOW_PRECISION,
            Resampler::Torchvision => 14,
        };
        let mut axis = Self::with_capacity(precision, output);
        let scale = input as f64 / output as f64;
        // Pillow adds the scale up; the rounding errors of that sum decide some indices.
        let mut position = scale * 0.5;
        for index in 0..output {
            let source = match (resampler, filter) {
                (Resampler::Torchvision, Filter::NearestExact) => {
                    ((index as f32 + 0.5) * scale as f32) as usize
                }
                (Resampler::Torchvision, _) => (index as f32 * scale as f32) as usize,
                (Resampler::Pillow | Resampler::Pillow12, _) => position as usize,
            };
            position += scale;
            axis.push(source.min(input - 1), std::iter::once(1 << precision));
        }
        axis
    }

    fn antialiased(resampler: Resampler, filter: Filter, support: f64, input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        let filter_scale = scale.max(1.0);
        let support = support * filter_scale;
        let inverse = 1.0 / filter_scale;
        let real = |index: usize| {
            let center = (index as f64 + 0.5) * scale;
            let first = (center - support + 0.5).max(0.0) as usize;
            let last = ((center + support + 0.5) as usize).min(input);
            let mut weights: Vec<f64> = (first..last)
                .map(|x| filter.kernel((x as f64 - center + 0.5) * inverse))
                .collect();
            let sum: f64 = weights.iter().fold(0.0, |sum, weight| sum + weight);
            if sum != 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= sum);
            }
            (first, weights)
        };
        let precision = match resampler {
            Resampler::Pillow | Resampler::Pillow12 => PILLOW_PRECISION,
            Resampler::Torchvision => {
                torchvision_precision((0..output).flat_map(|index| real(index).1).fold(0.0, f64::max))
            }
        };
        let one = f64::from(1_u32 << precision);
        let mut axis = Self::with_capacity(precision, output);
        for index in 0..output {
            let (first, weights) = real(index);
            let quantised = weights
                .iter()
                .map(|weight| (weight * one + 0.5_f64.copysign(*weight)) as i32);
            axis.push(first, quantised);
        }
        axis
    }
}

/// The most fraction bits with which the largest weight of the axis stays below 2^15.
fn torchvision_precision(largest: f64) -> u32 {
    (0..MAX_TORCHVISION_PRECISION)
        .find(|bits| (0.5 + largest * f64::from(1_u32 << (bits + 1))) as i64 >= 1 << 15)
        .unwrap_or(MAX_TORCHVISION_PRECISION)
}
