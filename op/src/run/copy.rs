//! Images that are not resized, where the processor has AVX2: row by row from pixels to elements.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, FusedPlan, Geometry, Result};

use super::engine::{OutputImage, row_out};
use super::finish::Finish;
use super::memory::grow;
use crate::kernel::avx2::Avx2;
use crate::kernel::avx2::copy::{Spread, lane_bytes};

/// Writes those of `band`, rows of the output, in which the image is. Left and right of it stands the value of 0.
///
/// # Safety
/// `output` points to an output image of `geometry`, of the plan's layout and element type, aligned for it, whose rows `band`
/// nothing else reads or writes.
pub(super) unsafe fn copy(
    avx2: Avx2,
    plan: &FusedPlan,
    finish: &Finish,
    geometry: &Geometry,
    pixels: &[u8],
    output: OutputImage,
    band: Range<usize>,
) -> Result<()> {
    let (height, width) = geometry.image;
    let (rows, columns) = geometry.output;
    let clamped = |at: i64, most: usize| usize::try_from(at).unwrap_or(0).min(most);
    // The columns of the image that the output shows.
    let start = clamped(geometry.offset.1, width);
    let end = clamped(geometry.offset.1.saturating_add_unsigned(columns as u64), width);
    let spread = Spread {
        layout: plan.layout,
        columns,
        first: clamped(-geometry.offset.1, columns),
        channels: plan.channels,
    };
    let mut lanes = Vec::new();
    grow(&mut lanes, lane_bytes(plan.layout, columns), 0)?;
    for row in band {
        let at = usize::try_from(row as i64 + geometry.offset.0).ok();
        let Some(source) = at.filter(|at| *at < height) else {
            continue;
        };
        let shown = &pixels[(source * width + start) * CHANNELS..(source * width + end) * CHANNELS];
        avx2.spread(shown, spread, &mut lanes);
        // SAFETY: `row` is a row of the output image that the caller vouches for.
        let mut out = unsafe { row_out(output, finish, (rows, columns), row) };
        avx2.finish_lanes(&lanes, finish, &mut out);
    }
    Ok(())
}
