//! AVX-512 with VBMI, VBMI2 and VNNI.
//!
//! A 22-bit weight is three signed bytes, so a sum is three `vpdpbusd` chains joined by shifts of 8; the
//! rounding term is the first accumulator. Four source rows are resized horizontally at a time and
//! packed into one dword per lane (`vpshldd`), which is the operand that the vertical `vpdpbusd` takes.
//!
//! - [`columns`]: which way columns are made; [`tables`]: which bytes each vector loads, the way that [`loads`] says
//!   and [`measured`] chooses, and the weights beside them;
//! - [`horizontal`]: the weighted sum of neighbouring pixels, of four rows at a time ([`group`], [`even`], [`sums`]), for windows of
//!   a [`pair`] of vectors, [`short`] ones, and [`by_row`] for long ones; which lines are asked for: [`ahead`];
//! - [`vertical`]: the weighted sum of row groups; [`sinks`]: what becomes of it;
//! - [`weigh`]: the vertical pass where it comes first;
//! - [`rows`]: rows that the two passes do not make: [`copy`], and [`linear`], INTER_LINEAR of OpenCV;
//! - [`lookup`]: bytes of quantised models.

mod ahead;
mod by_row;
mod columns;
mod copy;
mod even;
mod group;
mod horizontal;
mod linear;
mod loads;
mod lookup;
mod measured;
mod pair;
mod rows;
mod short;
mod sinks;
mod sums;
mod tables;
mod vertical;
mod weigh;

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::avx2::Avx2;
use super::{Isa, Lanes, Ring, RowOut};
use crate::{Axis, Finish};

/// The proof that this processor has every feature that the functions here enable.
#[derive(Clone, Copy)]
pub struct Avx512(Avx2);

impl Avx512 {
    /// The proof, where it holds.
    pub fn new() -> Option<Self> {
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2")
            && is_x86_feature_detected!("avx512vnni");
        Avx2::new().filter(|_| has).map(Self)
    }

    /// The level below.
    fn avx2(self) -> Avx2 {
        self.0
    }
}

impl Isa for Avx512 {
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
        columns::Columns::new(self, axis, source, channels, layout)
    }

    fn rows(self, axis: &Axis, first: usize) -> vertical::Rows {
        vertical::Rows::new(axis, first)
    }

    fn at_once(self, columns: &columns::Columns) -> usize {
        columns.at_once()
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
        unsafe { columns.resize(rows, ahead, scratch, groups) }
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

#[cfg(test)]
mod tests {
    use super::Avx512;

    /// The level; reports that this processor lacks it, and fails when `PREP_REQUIRE` names it.
    pub(super) fn required() -> Option<Avx512> {
        let isa = Avx512::new();
        if isa.is_none() {
            let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
            let named = required.split(',').any(|name| name.trim() == "avx512");
            assert!(!named, "PREP_REQUIRE names avx512, which this processor lacks");
            eprintln!("skipped: this processor lacks avx512");
        }
        isa
    }
}
