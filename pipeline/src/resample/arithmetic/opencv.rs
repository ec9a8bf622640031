//! `cv2.resize` of uint8 with INTER_LINEAR and INTER_NEAREST, in every bit.

use ndarray::{Array3, ArrayView3};

/// Fraction bits of the weights.
const BITS: u32 = 11;

/// One axis of INTER_LINEAR: two source positions and two 11-bit weights for each output position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinearAxis {
    /// The two source positions.
    pub positions: Vec<[usize; 2]>,
    /// Their weights, of which the sum is 2048, give or take 1.
    pub weights: Vec<[i32; 2]>,
}

impl LinearAxis {
    /// Columns: what lies beyond an edge takes the pixel of the edge alone.
    pub fn columns(input: usize, output: usize) -> Self {
        Self::new(input, output, |start, fraction| {
            let last = input as i64 - 1;
            if start < 0 {
                ([0, 0], 0.0)
            } else if start >= last {
                ([last as usize; 2], 0.0)
            } else {
                ([start as usize, start as usize + 1], fraction)
            }
        })
    }

    /// Rows: the weights stay, the positions are clamped.
    pub fn rows(input: usize, output: usize) -> Self {
        Self::new(input, output, |start, fraction| {
            let clamp = |at: i64| at.clamp(0, input as i64 - 1) as usize;
            ([clamp(start), clamp(start + 1)], fraction)
        })
    }

    fn new(input: usize, output: usize, place: impl Fn(i64, f32) -> ([usize; 2], f32)) -> Self {
        let scale = scale(input, output);
        let (mut positions, mut weights) = (Vec::with_capacity(output), Vec::with_capacity(output));
        for index in 0..output {
            let real = ((index as f64 + 0.5) * scale - 0.5) as f32;
            let start = real.floor();
            let (at, fraction) = place(start as i64, real - start);
            let one = (1_u32 << BITS) as f32;
            let weight = |part: f32| (part * one).round_ties_even() as i32;
            positions.push(at);
            weights.push([weight(1.0 - fraction), weight(fraction)]);
        }
        Self { positions, weights }
    }
}

/// OpenCV divides twice.
pub(super) fn scale(input: usize, output: usize) -> f64 {
    1.0 / (output as f64 / input as f64)
}

/// The source position of an output position of INTER_NEAREST.
pub fn nearest_index(input: usize, output: usize, index: usize) -> usize {
    ((index as f64 * scale(input, output)).floor() as usize).min(input - 1)
}

pub(super) fn nearest(image: ArrayView3<'_, u8>, to: (usize, usize)) -> Array3<u8> {
    let (height, width, channels) = image.dim();
    Array3::from_shape_fn((to.0, to.1, channels), |(row, column, channel)| {
        image[[
            nearest_index(height, to.0, row),
            nearest_index(width, to.1, column),
            channel,
        ]]
    })
}

pub(super) fn linear(image: ArrayView3<'_, u8>, to: (usize, usize)) -> Array3<u8> {
    let (height, width, channels) = image.dim();
    let rows = LinearAxis::rows(height, to.0);
    let columns = LinearAxis::columns(width, to.1);
    Array3::from_shape_fn((to.0, to.1, channels), |(row, column, channel)| {
        let ([left, right], [a, b]) = (columns.positions[column], columns.weights[column]);
        let horizontal = |row: usize| {
            i32::from(image[[row, left, channel]]) * a + i32::from(image[[row, right, channel]]) * b
        };
        let ([top, bottom], [c, d]) = (rows.positions[row], rows.weights[row]);
        let sum = ((c * (horizontal(top) >> 4)) >> 16) + ((d * (horizontal(bottom) >> 4)) >> 16);
        ((sum + 2) >> 2) as u8
    })
}
