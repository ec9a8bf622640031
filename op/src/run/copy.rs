//! Images whose rows the engine does not resize, where the processor has row kernels: row by row to elements.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Geometry, Result};

use super::engine::{OutputImage, row_out};
use super::memory::grow;
use crate::kernel::Finish;
use crate::kernel::rows::{RowKernels, Spread, lane_bytes};

/// Where the rows of an image come from.
pub(crate) trait RowSource<K>: Sync {
    /// What a thread keeps from row to row.
    type Cursor;

    /// # Errors
    /// When there is no memory for it.
    fn cursor(&self) -> Result<Self::Cursor>;

    /// Puts what the output shows of row `row` into `lanes`.
    fn spread(&self, kernels: K, cursor: &mut Self::Cursor, row: usize, spread: Spread, lanes: &mut [u8]);
}

/// The columns of the image that the output shows.
fn shown(geometry: &Geometry) -> Range<usize> {
    let (width, columns) = (geometry.image.1, geometry.output.1);
    let clamped = |at: i64| usize::try_from(at).unwrap_or(0).min(width);
    clamped(geometry.offset.1)..clamped(geometry.offset.1.saturating_add_unsigned(columns as u64))
}

/// Rows that are there.
pub(super) struct Stored<'a> {
    pixels: &'a [u8],
    width: usize,
    shown: Range<usize>,
}

impl<'a> Stored<'a> {
    /// `pixels` are those of the image of `geometry`.
    pub(super) fn new(geometry: &Geometry, pixels: &'a [u8]) -> Self {
        Self {
            pixels,
            width: geometry.image.1,
            shown: shown(geometry),
        }
    }
}

impl<K: RowKernels> RowSource<K> for Stored<'_> {
    type Cursor = ();

    fn cursor(&self) -> Result<()> {
        Ok(())
    }

    fn spread(&self, kernels: K, (): &mut (), row: usize, spread: Spread, lanes: &mut [u8]) {
        let start = row * self.width;
        let shown = &self.pixels[(start + self.shown.start) * CHANNELS..(start + self.shown.end) * CHANNELS];
        kernels.spread(shown, spread, lanes);
    }
}

/// Writes those of `band`, rows of the output, in which the image is. Left and right of it stands the value of 0.
///
/// # Safety
/// `output` points to an output image of `geometry`, of the layout and element type of `finish`, aligned for it, whose rows
/// `band` nothing else reads or writes.
pub(super) unsafe fn copy<K: RowKernels, S: RowSource<K>>(
    kernels: K,
    (source, cursor): (&S, &mut S::Cursor),
    (finish, channels): (&Finish, [usize; CHANNELS]),
    geometry: &Geometry,
    output: OutputImage,
    band: Range<usize>,
) -> Result<()> {
    let height = geometry.image.0;
    let (rows, columns) = geometry.output;
    let spread = Spread {
        layout: finish.layout,
        columns,
        first: usize::try_from(-geometry.offset.1).unwrap_or(0).min(columns),
        channels,
    };
    let mut lanes = Vec::new();
    grow(&mut lanes, lane_bytes(finish.layout, columns), 0)?;
    for row in band {
        let at = usize::try_from(row as i64 + geometry.offset.0).ok();
        let Some(source_row) = at.filter(|at| *at < height) else {
            continue;
        };
        source.spread(kernels, cursor, source_row, spread, &mut lanes);
        // SAFETY: `row` is a row of the output image that the caller vouches for.
        let mut out = unsafe { row_out(output, finish, (rows, columns), row) };
        kernels.finish(&lanes, finish, &mut out);
    }
    Ok(())
}
