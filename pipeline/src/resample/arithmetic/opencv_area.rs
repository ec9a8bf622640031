//! `cv2.resize` of uint8 with INTER_AREA: the mean of the covered pixels when shrinking, its own linear weights otherwise.
//!
//! OpenCV adds in float32 in an order of its own: [`Arithmetic::Opencv`](super::Arithmetic::Opencv) says how far apart the two were.

use ndarray::{Array3, ArrayView3};

use super::opencv::scale;

/// For each output position the source positions and how much of each is covered.
fn coverage(input: usize, output: usize) -> Vec<Vec<(usize, f32)>> {
    let scale = scale(input, output);
    (0..output)
        .map(|index| {
            let (from, to) = (index as f64 * scale, index as f64 * scale + scale);
            let cell = scale.min(input as f64 - from);
            let first = (from.ceil() as usize).min(input - 1);
            let last = (to.floor() as usize).min(input - 1);
            let first = first.min(last);
            let mut taps = Vec::new();
            if first as f64 - from > 1e-3 {
                taps.push((first - 1, ((first as f64 - from) / cell) as f32));
            }
            taps.extend((first..last).map(|at| (at, (1.0 / cell) as f32)));
            if to - last as f64 > 1e-3 {
                taps.push((last, ((to - last as f64).min(1.0).min(cell) / cell) as f32));
            }
            taps
        })
        .collect()
}

/// The weights of an axis where the image does not shrink along both.
fn linear(input: usize, output: usize) -> Vec<Vec<(usize, f32)>> {
    let scale = scale(input, output);
    let inverse = output as f64 / input as f64;
    let last = input as i64 - 1;
    (0..output)
        .map(|index| {
            let start = (index as f64 * scale).floor() as i64;
            let fraction = ((index as f64 + 1.0) - (start as f64 + 1.0) * inverse) as f32;
            let fraction = if fraction <= 0.0 {
                0.0
            } else {
                fraction - fraction.floor()
            };
            if start >= last {
                return vec![(last as usize, 1.0)];
            }
            vec![(start as usize, 1.0 - fraction), (start as usize + 1, fraction)]
        })
        .collect()
}

/// The axes (rows, columns) of `cv2.INTER_AREA`: for each output position the source positions and their weights.
pub fn area_axes(from: (usize, usize), to: (usize, usize)) -> [Vec<Vec<(usize, f32)>>; 2] {
    let axis = if to.0 <= from.0 && to.1 <= from.1 {
        coverage
    } else {
        linear
    };
    [axis(from.0, to.0), axis(from.1, to.1)]
}

pub(super) fn area(image: ArrayView3<'_, u8>, to: (usize, usize)) -> Array3<u8> {
    let (height, width, channels) = image.dim();
    let [rows, columns] = area_axes((height, width), to);
    Array3::from_shape_fn((to.0, to.1, channels), |(row, column, channel)| {
        let horizontal = |row: usize| {
            columns[column].iter().fold(0.0_f32, |sum, (at, weight)| {
                sum + f32::from(image[[row, *at, channel]]) * weight
            })
        };
        let sum = rows[row]
            .iter()
            .fold(0.0_f32, |sum, (at, weight)| sum + horizontal(*at) * weight);
        sum.round_ties_even().clamp(0.0, 255.0) as u8
    })
}
