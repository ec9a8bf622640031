//! The real weights of one axis by an antialiased filter.

use super::Filter;

/// How an axis of `input` pixels is sampled at `output` positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    filter: Filter,
    input: usize,
    output: usize,
    scale: f64,
    support: f64,
    inverse: f64,
}

/// How much farther from a pixel than the nearest sample a sample is that cannot have the largest weight: the
/// kernels fall from their middle on, and this is far above all rounding.
const FARTHER: f64 = 1e-3;

impl Sampling {
    /// Samples by `filter`, whose support at scale 1 is `support`.
    pub(super) fn new(filter: Filter, support: f64, input: usize, output: usize) -> Self {
        let scale = input as f64 / output as f64;
        let filter_scale = scale.max(1.0);
        Self {
            filter,
            input,
            output,
            scale,
            support: support * filter_scale,
            inverse: 1.0 / filter_scale,
        }
    }

    /// Writes the weights of output position `index` to `weights` and gives the first source position.
    pub(super) fn weights(&self, index: usize, weights: &mut Vec<f64>) -> usize {
        let center = self.center(index);
        let first = (center - self.support + 0.5).max(0.0) as usize;
        let last = ((center + self.support + 0.5) as usize).min(self.input);
        weights.clear();
        weights.extend((first..last).map(|x| self.filter.kernel((x as f64 - center + 0.5) * self.inverse)));
        let sum: f64 = weights.iter().fold(0.0, |sum, weight| sum + weight);
        if sum != 0.0 {
            weights.iter_mut().for_each(|weight| *weight /= sum);
        }
        first
    }

    /// The largest weight of the whole axis.
    pub(super) fn largest_weight(&self) -> f64 {
        let mut weights = Vec::new();
        let mut largest = |largest: f64, index: usize| {
            self.weights(index, &mut weights);
            weights
                .iter()
                .fold(largest, |largest, weight| largest.max(*weight))
        };
        if self.scale >= 1.0 {
            return (0..self.output).fold(0.0, largest);
        }
        // An enlarged axis can have millions of positions for a few pixels. Where the window is whole, its weights
        // follow from how far the sample is from the nearest pixel: only the nearest samples are weighed.
        let nearest = (0..self.output)
            .filter(|index| self.is_whole(*index))
            .map(|index| self.distance(index))
            .fold(f64::INFINITY, f64::min);
        (0..self.output)
            .filter(|index| !self.is_whole(*index) || self.distance(*index) <= nearest + FARTHER)
            .fold(0.0, &mut largest)
    }

    fn center(&self, index: usize) -> f64 {
        (index as f64 + 0.5) * self.scale
    }

    /// Whether no part of the window of output position `index` is outside the image.
    fn is_whole(&self, index: usize) -> bool {
        let center = self.center(index);
        center >= self.support && center + self.support <= self.input as f64
    }

    /// How far the sample of output position `index` is from the middle of the nearest pixel.
    fn distance(&self, index: usize) -> f64 {
        let center = self.center(index);
        (center - center.floor() - 0.5).abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_weight_is_that_of_all_positions() {
        for filter in [
            Filter::Bilinear,
            Filter::Bicubic,
            Filter::Lanczos,
            Filter::Box,
            Filter::Hamming,
        ] {
            let support = filter.support().unwrap_or_default();
            for input in [1, 2, 3, 5, 7, 16, 97, 1000] {
                for output in [1, 2, 3, 4, 6, 7, 9, 15, 31, 64, 98, 501, 1001, 1999, 4001] {
                    let sampling = Sampling::new(filter, support, input, output);
                    let mut weights = Vec::new();
                    let mut all = 0.0_f64;
                    for index in 0..output {
                        sampling.weights(index, &mut weights);
                        all = weights.iter().fold(all, |largest, weight| largest.max(*weight));
                    }
                    let largest = sampling.largest_weight();
                    assert!(
                        (all - largest).abs() < 1e-12,
                        "{filter} {input} to {output}: {all} {largest}"
                    );
                }
            }
        }
    }
}
