//! From the pixel format of the host to the image of the first stage, row by row.

use prep_onnx_pipeline::plan::Coefficients;
use prep_onnx_pipeline::{CHANNELS, Plan, Result, SourceFormat};

use super::pixels::Pixels;
use crate::kernel::pixels;
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
            pixels::reversed(bytes, &mut out);
        }
        SourceFormat::Rgba { over } => {
            pixels::opaque(bytes, over, &mut out);
        }
        SourceFormat::Nv12 { matrix, range } => {
            let coefficients = Coefficients::of(matrix, range);
            for (row, line) in lines {
                pixels::from_pairs(&coefficients, source.row(row), source.row(height + row / 2), line);
            }
        }
        SourceFormat::I420 { matrix, range } => {
            let coefficients = Coefficients::of(matrix, range);
            // Planes of half the width, one after the other.
            let plane = (height / 2) * (width / 2);
            let (cb, cr) = bytes[height * width..].split_at(plane);
            for (row, line) in lines {
                let start = row / 2 * (width / 2);
                pixels::from_planes(&coefficients, source.row(row), [&cb[start..], &cr[start..]], line);
            }
        }
    }
    Pixels::new(size, CHANNELS, out)
}
