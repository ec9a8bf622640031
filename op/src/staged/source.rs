//! From the pixel format of the host to the image of the first stage, row by row.

use prep_onnx_pipeline::plan::{Coefficients, composite};
use prep_onnx_pipeline::{CHANNELS, Plan, Result, SourceFormat};

use super::pixels::Pixels;
use crate::run::grow;

/// The image of the source tensor `bytes`, of `size` = (height, width), before it is turned or made gray.
///
/// # Errors
/// When there are fewer or more bytes than the format needs, or there is no memory.
pub(super) fn read<'a>(plan: &Plan, size: (usize, usize), bytes: &'a [u8]) -> Result<Pixels<'a>> {
    let (height, width) = size;
    let rows = plan.source.rows(height);
    // Checks the length.
    let source = Pixels::new((rows, width), plan.source.source_channels(), bytes)?;
    if let SourceFormat::Rgb | SourceFormat::Gray = plan.source {
        return Ok(source);
    }
    let mut out = Vec::new();
    grow(&mut out, height * width * CHANNELS, 0)?;
    let lines = out.chunks_exact_mut((width * CHANNELS).max(1)).enumerate();
    match plan.source {
        SourceFormat::Rgb | SourceFormat::Gray => {}
        SourceFormat::Bgr => {
            for (to, from) in out.chunks_exact_mut(3).zip(bytes.chunks_exact(3)) {
                to.copy_from_slice(&[from[2], from[1], from[0]]);
            }
        }
        SourceFormat::Rgba { over } => {
            for (to, from) in out.chunks_exact_mut(3).zip(bytes.chunks_exact(4)) {
                match over {
                    None => to.copy_from_slice(&from[..3]),
                    Some(over) => {
                        for channel in 0..CHANNELS {
                            to[channel] = composite(from[channel], from[3], over[channel]);
                        }
                    }
                }
            }
        }
        SourceFormat::Nv12 { matrix, range } => {
            let coefficients = Coefficients::of(matrix, range);
            for (row, line) in lines {
                let chroma = source.row(height + row / 2).chunks_exact(2);
                convert(
                    &coefficients,
                    source.row(row),
                    chroma.map(|pair| [pair[0], pair[1]]),
                    line,
                );
            }
        }
        SourceFormat::I420 { matrix, range } => {
            let coefficients = Coefficients::of(matrix, range);
            // Planes of half the width, one after the other.
            let plane = (height / 2) * (width / 2);
            let (cb, cr) = bytes[height * width..].split_at(plane);
            for (row, line) in lines {
                let start = row / 2 * (width / 2);
                let chroma = cb[start..].iter().zip(&cr[start..]);
                convert(
                    &coefficients,
                    source.row(row),
                    chroma.map(|(cb, cr)| [*cb, *cr]),
                    line,
                );
            }
        }
    }
    Pixels::new(size, CHANNELS, out)
}

/// A row: two pixels share a pair of Cb and Cr.
fn convert(coefficients: &Coefficients, luma: &[u8], chroma: impl Iterator<Item = [u8; 2]>, line: &mut [u8]) {
    let pairs = luma.chunks_exact(2).zip(line.chunks_exact_mut(2 * CHANNELS));
    for ((luma, out), [cb, cr]) in pairs.zip(chroma) {
        for (luma, out) in luma.iter().zip(out.chunks_exact_mut(CHANNELS)) {
            out.copy_from_slice(&coefficients.rgb(*luma, cb, cr));
        }
    }
}
