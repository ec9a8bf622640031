//! `cv2.resize` with INTER_LINEAR: two 11-bit weights an axis, rounded between the passes.

use std::ops::Range;

use prep_onnx_pipeline::Result;
use prep_onnx_pipeline::resample::LinearAxis;

use super::pixels::Pixels;
use crate::SimdLevel;
use crate::run::{grow, room};

/// Bytes that the positions and weights of one output position take while an axis is made.
const POSITION_BYTES: usize = 64;

/// The rows and columns `part` of the image resized to `to`.
pub(super) fn resize(
    _level: SimdLevel,
    image: &Pixels<'_>,
    to: (usize, usize),
    (rows, columns): (Range<usize>, Range<usize>),
) -> Result<Pixels<'static>> {
    let size = (rows.len(), columns.len());
    let channels = image.channels;
    let mut bytes = Vec::new();
    grow(&mut bytes, size.0 * size.1 * channels, 0)?;
    let source_length = image.size.1 * channels;
    if image.size == to {
        // OpenCV copies then.
        for (out, row) in bytes.chunks_exact_mut((size.1 * channels).max(1)).zip(rows) {
            out.copy_from_slice(
                &image.bytes[row * source_length + columns.start * channels..][..size.1 * channels],
            );
        }
        return Pixels::new(size, channels, bytes);
    }
    room((to.0 + to.1) * POSITION_BYTES)?;
    let vertical = LinearAxis::rows(image.size.0, to.0);
    let horizontal = LinearAxis::columns(image.size.1, to.1);
    // Two source rows, resized horizontally, and which they are.
    let mut lines: [Vec<i16>; 2] = Default::default();
    let mut held = [usize::MAX; 2];
    for line in &mut lines {
        grow(line, size.1 * channels, 0)?;
    }
    for (out, row) in bytes.chunks_exact_mut((size.1 * channels).max(1)).zip(rows) {
        let wanted = vertical.positions[row];
        if held[1] == wanted[0] && held[0] != wanted[0] {
            lines.swap(0, 1);
            held.swap(0, 1);
        }
        for (which, source) in wanted.into_iter().enumerate() {
            if held[which] != source {
                let source_row = &image.bytes[source * source_length..][..source_length];
                across(
                    source_row,
                    channels,
                    &horizontal,
                    columns.clone(),
                    &mut lines[which],
                );
                held[which] = source;
            }
        }
        down(&lines, vertical.weights[row], out);
    }
    Pixels::new(size, channels, bytes)
}

/// One row, horizontally, without its lowest 4 bits.
fn across(row: &[u8], channels: usize, axis: &LinearAxis, columns: Range<usize>, out: &mut [i16]) {
    let taps = axis.positions[columns.clone()].iter().zip(&axis.weights[columns]);
    for (pixel, ([left, right], [a, b])) in out.chunks_exact_mut(channels).zip(taps) {
        for (channel, value) in pixel.iter_mut().enumerate() {
            let tap = |at: usize| i32::from(row[at * channels + channel]);
            *value = ((tap(*left) * a + tap(*right) * b) >> 4) as i16;
        }
    }
}

/// Two rows, vertically.
fn down(lines: &[Vec<i16>; 2], [c, d]: [i32; 2], out: &mut [u8]) {
    for ((out, top), bottom) in out.iter_mut().zip(&lines[0]).zip(&lines[1]) {
        let sum = ((c * i32::from(*top)) >> 16) + ((d * i32::from(*bottom)) >> 16);
        *out = ((sum + 2) >> 2) as u8;
    }
}
