//! SSE4.1, for processors without AVX2.
//!
//! A 22-bit weight is `high * 2^11 + low`, two 16-bit multiply-adds (`pmaddwd`), as with AVX2. Pixels are
//! [turned](crate::turned), so that two neighbours of a channel in each of four rows are a vector, whatever the number of taps.
//! There are no fused additions, so float elements come from the table of values.
//!
//! - [`turn`]: how pixels are turned; [`horizontal`]: the weighted sum of them;
//! - [`vertical`]: the weighted sum of row groups;
//! - [`weigh`]: the vertical pass where it comes first.

mod horizontal;
mod turn;
mod vertical;
mod weigh;

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::{Isa, Lanes, Ring, RowOut};
use crate::turned::windows::few_pixels;
use crate::{Axis, Finish};

/// The proof that this processor has every feature that the functions here enable.
#[derive(Clone, Copy)]
pub struct Sse41(());

impl Sse41 {
    /// The proof, where it holds.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("ssse3") && is_x86_feature_detected!("sse4.1")).then_some(Self(()))
    }
}

impl Isa for Sse41 {
    const GROUP: usize = 4;
    type Columns = horizontal::Columns;
    type Rows = vertical::Rows;

    fn columns(
        self,
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> horizontal::Columns {
        horizontal::Columns::new(
            axis,
            source,
            channels,
            layout,
            few_pixels(axis),
            horizontal::quad_weights,
        )
    }

    fn rows(self, axis: &Axis, first: usize) -> vertical::Rows {
        vertical::Rows::new(axis, first)
    }

    fn scratch(self, columns: &horizontal::Columns) -> usize {
        horizontal::scratch(columns)
    }

    fn horizontal(
        self,
        columns: &horizontal::Columns,
        rows: &[&[u8]],
        ahead: &[&[u8]],
        scratch: &mut [Lanes],
        groups: &mut [&mut [Lanes]],
    ) {
        // SAFETY: `self` proves the features.
        unsafe { horizontal::resize(columns, rows, ahead, scratch, groups) }
    }

    fn vertical(
        self,
        rows: &vertical::Rows,
        row: usize,
        ring: &Ring<'_>,
        finish: &Finish,
        out: &mut RowOut<'_>,
    ) {
        vertical::resize(self, rows, row, ring, finish, out);
    }

    fn weigh_rows(self, source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
        // SAFETY: `self` proves the features.
        unsafe { weigh::weigh_rows(source, stride, weights, out) }
    }
}
