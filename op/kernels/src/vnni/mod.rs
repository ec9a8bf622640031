//! AVX2 with VNNI of 256 bits: processors that have AVX-VNNI, or AVX-512 VNNI without all that [`avx512`](crate::avx512) takes.
//!
//! A 22-bit weight is three signed bytes, as there. Pixels are [turned](crate::turned), so that four neighbours of a channel
//! in each of eight rows are a vector, whatever the number of taps; rows are packed as at the level below, into what the vertical
//! pass multiplies.
//!
//! - [`dot`]: the instruction, in both encodings;
//! - [`horizontal`]: the weighted sum of turned pixels;
//! - [`vertical`]: the weighted sum of row groups. What becomes of it, and rows that the two passes do not make, are AVX2's.

mod dot;
pub(crate) mod horizontal;
mod vertical;

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::avx2::Avx2;
use super::{Isa, Lanes, Ring, RowOut};
use crate::turned::windows::few_pixels;
use crate::{Axis, Finish};
use dot::Encoding;

/// The proof that this processor has AVX2, FMA and the encoding.
#[derive(Clone, Copy)]
pub struct Vnni {
    avx2: Avx2,
    encoding: Encoding,
}

impl Vnni {
    /// The proof, where it holds.
    pub fn new() -> Option<Self> {
        Some(Self {
            avx2: Avx2::new()?,
            encoding: Encoding::detected()?,
        })
    }
}

impl Isa for Vnni {
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

    fn at_once(self, _columns: &Self::Columns) -> usize {
        horizontal::AT_ONCE
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
        unsafe { horizontal::resize(self.encoding, columns, rows, ahead, scratch, groups) }
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
        self.avx2.weigh_rows(source, stride, weights, out);
    }
}
