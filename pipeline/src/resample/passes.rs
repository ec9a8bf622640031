//! The plain definition of a resize in two passes, each rounded to uint8.

use std::ops::Range;

use ndarray::{Array3, ArrayView3, Axis, Slice};

use super::{AxisWeights, Filter, Windows};

/// Resizes a uint8 HWC image to `to` = (height, width), both at least 1.
///
/// Equals `PIL.Image.resize` (`pillow`, `pillow12`) or
/// `torchvision.transforms.v2.functional.resize` (`torchvision`) in every bit.
pub fn resize(
    image: ArrayView3<'_, u8>,
    to: (usize, usize),
    filter: Filter,
    windows: Windows,
    antialias: bool,
) -> Array3<u8> {
    resize_part(image, to, filter, windows, antialias, (0..to.0, 0..to.1))
}

/// The rows and columns `part` of what [`resize`] gives, in the memory and time of these: a thin image enlarged
/// to a short edge can have millions of columns, of which a crop takes a few.
pub fn resize_part(
    image: ArrayView3<'_, u8>,
    to: (usize, usize),
    filter: Filter,
    windows: Windows,
    antialias: bool,
    part: (Range<usize>, Range<usize>),
) -> Array3<u8> {
    let from = (image.shape()[0], image.shape()[1]);
    let mut image = image;
    if from == to && !antialias {
        // torchvision hands the tensor back.
        image.slice_axis_inplace(Axis(0), Slice::from(part.0));
        image.slice_axis_inplace(Axis(1), Slice::from(part.1));
        return image.to_owned();
    }
    let axis = |input: usize, output: usize, part: Range<usize>| {
        if antialias {
            AxisWeights::part(windows, filter, (input, output), part)
        } else {
            AxisWeights::plain(filter, (input, output), part)
        }
    };
    let rows = axis(from.0, to.0, part.0);
    let columns = axis(from.1, to.1, part.1);
    let vertical = |image: ArrayView3<'_, u8>, first: usize| pass(image, Axis(0), &rows, first);
    let horizontal = |image: ArrayView3<'_, u8>, first: usize| pass(image, Axis(1), &columns, first);
    if windows.vertical_first(from, to) {
        let read = columns.span();
        image.slice_axis_inplace(Axis(1), Slice::from(read.clone()));
        horizontal(vertical(image, 0).view(), read.start)
    } else {
        let read = rows.span();
        image.slice_axis_inplace(Axis(0), Slice::from(read.clone()));
        vertical(horizontal(image, 0).view(), read.start)
    }
}

/// One pass over an image whose first position along `axis` is the position `first` of the axis.
fn pass(image: ArrayView3<'_, u8>, axis: Axis, weights: &AxisWeights, first: usize) -> Array3<u8> {
    let mut shape = image.raw_dim();
    shape[axis.index()] = weights.len();
    let mut output = Array3::zeros(shape);
    let half = 1_i64 << (weights.precision() - 1);
    for (index, mut line) in output.axis_iter_mut(axis).enumerate() {
        let (start, taps) = weights.window(index);
        let start = start - first;
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
