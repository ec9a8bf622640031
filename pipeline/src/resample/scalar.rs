//! The plain definition of a resize.

use ndarray::{Array3, ArrayView3, Axis};

use super::{AxisWeights, Filter, Resampler};

/// Resizes a uint8 HWC image to `to` = (height, width), both at least 1.
///
/// Equals `PIL.Image.resize` (`pillow`, `pillow12`) or
/// `torchvision.transforms.v2.functional.resize` (`torchvision`) in every bit.
pub fn resize(
    image: ArrayView3<'_, u8>,
    to: (usize, usize),
    filter: Filter,
    resampler: Resampler,
) -> Array3<u8> {
    let from = (image.shape()[0], image.shape()[1]);
    let rows = AxisWeights::new(resampler, filter, from.0, to.0);
    let columns = AxisWeights::new(resampler, filter, from.1, to.1);
    if resampler.vertical_first(from, to) {
        pass(pass(image, Axis(0), &rows).view(), Axis(1), &columns)
    } else {
        pass(pass(image, Axis(1), &columns).view(), Axis(0), &rows)
    }
}

fn pass(image: ArrayView3<'_, u8>, axis: Axis, weights: &AxisWeights) -> Array3<u8> {
    let mut shape = image.raw_dim();
    shape[axis.index()] = weights.len();
    let mut output = Array3::zeros(shape);
    let half = 1_i64 << (weights.precision() - 1);
    for (index, mut line) in output.axis_iter_mut(axis).enumerate() {
        let (start, taps) = weights.window(index);
        for ((row, column), value) in line.indexed_iter_mut() {
            let sum: i64 = taps
                .iter()
                .enumerate()
                .map(|(tap, weight)| {
                    let pixel = match axis.index() {
                        0 => image[[start + tap, row, column]],
                        _ => image[[row, start + tap, column]],
                    };
                    i64::from(*weight) * i64::from(pixel)
                })
                .sum();
            *value = ((sum + half) >> weights.precision()).clamp(0, 255) as u8;
        }
    }
    output
}
