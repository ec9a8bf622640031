//! AVX2 with FMA.
//!
//! A 22-bit weight is `high * 2^11 + low`, two 16-bit multiply-adds (`vpmaddwd`); of long windows [`by_row`] says what it is. Four source rows are
//! resized horizontally at a time and packed into the bytes of one dword per lane; the vertical pass
//! takes rows 0 and 1, then rows 2 and 3, as pairs of 16-bit elements.
//!
//! - [`columns`]: which way columns are made; [`tables`]: which bytes each half of a vector loads, and the weights beside them;
//!   [`plan`]: how they are made; [`taps`]: the order of taps;
//! - [`turned`]: pixels of eight rows, a row in each lane;
//! - [`horizontal`]: the weighted sum of neighbouring pixels, of four rows at a time ([`group`]), for [`short`] windows, the [`edge`] of a row, and [`by_row`] for
//!   long ones;
//! - [`vertical`]: the weighted sum of row groups; [`sinks`]: what becomes of it;
//! - [`weigh`]: the vertical pass where it comes first;
//! - [`rows`]: rows that the two passes do not make: [`copy`], and [`linear`], INTER_LINEAR of OpenCV, [`turn`].

mod by_row;
mod columns;
mod copy;
mod edge;
pub(crate) mod group;
mod horizontal;
pub(super) mod linear;
mod plan;
mod rows;
mod short;
mod sinks;
mod tables;
mod taps;
mod turn;
pub(crate) mod turned;
pub(crate) mod vertical;
mod weigh;

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::{Isa, Lanes, Ring, RowOut};
use crate::{Axis, Finish};

/// The proof that this processor has every feature that the functions here enable.
#[derive(Clone, Copy)]
pub struct Avx2(());

impl Avx2 {
    /// The proof, where it holds.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

impl Isa for Avx2 {
    const GROUP: usize = 4;
    type Columns = columns::Columns;
    type Rows = vertical::Rows;

    fn columns(
        self,
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> columns::Columns {
        columns::Columns::new(axis, source, channels, layout)
    }

    fn rows(self, axis: &Axis, first: usize) -> vertical::Rows {
        vertical::Rows::new(axis, first)
    }

    fn at_once(self, _columns: &Self::Columns) -> usize {
        horizontal::AT_ONCE
    }

    fn scratch(self, columns: &columns::Columns) -> usize {
        columns.scratch()
    }

    fn asks_for(self, columns: &columns::Columns, source: &[u8]) -> bool {
        columns.asks_for(source)
    }

    fn horizontal(
        self,
        columns: &columns::Columns,
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
