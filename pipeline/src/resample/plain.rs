//! torchvision's uint8 windows without antialiasing: `resize(antialias=False)`.

use std::ops::Range;

use super::weights::torchvision_precision;
use super::{AxisWeights, Filter};

impl AxisWeights {
    /// The weights of a `bilinear` or `bicubic` (a = -0.75) kernel that does not widen, as torch computes them for uint8.
    ///
    /// For the output positions `part` of resizing `input` pixels to `output` pixels, both at least 1.
    pub fn plain(filter: Filter, (input, output): (usize, usize), part: Range<usize>) -> Self {
        let part = part.start.min(output)..part.end.min(output);
        let largest = (0..output)
            .flat_map(|index| window(filter, input, output, index).1)
            .fold(0.0, f64::max);
        let precision = torchvision_precision(largest);
        let one = f64::from(1_u32 << precision);
        let mut axis = Self::with_capacity(precision, part.len());
        for index in part {
            let (first, weights) = window(filter, input, output, index);
            let quantised = weights
                .iter()
                .map(|weight| (weight * one + 0.5_f64.copysign(*weight)) as i32);
            axis.push(first, quantised);
        }
        axis
    }
}

/// First source position and weights; taps beyond an edge add to that of the edge.
fn window(filter: Filter, input: usize, output: usize, index: usize) -> (usize, Vec<f64>) {
    let cubic = filter == Filter::Bicubic;
    let support: i64 = if cubic { 2 } else { 1 };
    let last = input as i64 - 1;
    let scale = input as f64 / output as f64;
    let mut real = scale * (index as f64 + 0.5) - 0.5;
    if !cubic {
        real = real.max(0.0);
    }
    let start = (real.floor() as i64).min(last);
    let fraction = (real - start as f64).clamp(0.0, 1.0);
    let (first, end) = (
        (start - support + 1).max(0),
        (start + support + 1).min(input as i64),
    );
    let mut weights = vec![0.0; (end - first) as usize];
    for tap in 0..2 * support {
        let distance = (tap + 1 - support) as f64 - fraction;
        let weight = if cubic {
            keys(distance.abs())
        } else {
            (1.0 - distance.abs()).max(0.0)
        };
        let at = (start - support + 1 + tap).clamp(first, end - 1);
        weights[(at - first) as usize] += weight;
    }
    (first as usize, weights)
}

/// The cubic convolution kernel with a = -0.75, in torch's order of operations.
fn keys(x: f64) -> f64 {
    const A: f64 = -0.75;
    if x < 1.0 {
        ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0
    } else if x < 2.0 {
        ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A
    } else {
        0.0
    }
}
