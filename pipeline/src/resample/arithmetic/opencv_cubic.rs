//! `cv2.resize` of uint8 with INTER_CUBIC: the integers of its scalar code.
//!
//! Its vector code adds the rows in float32: [`Arithmetic::Opencv`](super::Arithmetic::Opencv) says how far apart the two were.

use ndarray::{Array3, ArrayView3};

use super::opencv::scale;

/// One axis of `cv2.INTER_CUBIC`: for each output position four clamped source positions and 11-bit weights.
pub fn cubic_axis(input: usize, output: usize) -> Vec<([usize; 4], [i64; 4])> {
    const A: f32 = -0.75;
    let scale = scale(input, output);
    (0..output)
        .map(|index| {
            let real = ((index as f64 + 0.5) * scale - 0.5) as f32;
            let start = real.floor();
            let x = real - start;
            let near = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
            let first = ((A * (x + 1.0) - 5.0 * A) * (x + 1.0) + 8.0 * A) * (x + 1.0) - 4.0 * A;
            let (second, third) = (near(x), near(1.0 - x));
            let weights = [first, second, third, 1.0 - first - second - third]
                .map(|weight| (weight * 2048.0).round_ties_even() as i64);
            let at = [-1, 0, 1, 2].map(|tap| (start as i64 + tap).clamp(0, input as i64 - 1) as usize);
            (at, weights)
        })
        .collect()
}

pub(super) fn cubic(image: ArrayView3<'_, u8>, to: (usize, usize)) -> Array3<u8> {
    let (height, width, channels) = image.dim();
    let (rows, columns) = (cubic_axis(height, to.0), cubic_axis(width, to.1));
    Array3::from_shape_fn((to.0, to.1, channels), |(row, column, channel)| {
        let (across, weights) = &columns[column];
        let horizontal = |row: usize| -> i64 {
            let taps = across.iter().zip(weights);
            taps.map(|(at, weight)| i64::from(image[[row, *at, channel]]) * weight)
                .sum()
        };
        let (down, weights) = &rows[row];
        let sum: i64 = down
            .iter()
            .zip(weights)
            .map(|(at, weight)| horizontal(*at) * weight)
            .sum();
        ((sum + (1 << 21)) >> 22).clamp(0, 255) as u8
    })
}
