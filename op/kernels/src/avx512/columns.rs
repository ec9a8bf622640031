//! Which way the columns of an axis are made: a column's channel in each lane, or a row where windows are long.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::{horizontal, tables};
use crate::avx2::turned::RowOrder;
use crate::vnni::dot::Encoding;
use crate::vnni::horizontal as by_row;
use crate::{Axis, Lanes};

/// The most taps of windows whose bytes are gathered for each lane. Of more, turning pixels once for all windows takes less, in
/// vectors of 256 bits too.
const MOST_GATHERED: usize = 32;

/// As the vertical pass takes them.
const IN_TURN: RowOrder = [0, 1, 2, 3];

/// Tables of the horizontal pass.
pub enum Columns {
    ByColumn(tables::Columns),
    ByRow(by_row::Columns),
}

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        if axis.max_taps() > MOST_GATHERED {
            let weights = by_row::quad_weights;
            Self::ByRow(by_row::Columns::new(axis, source, channels, layout, weights))
        } else {
            Self::ByColumn(tables::Columns::new(axis, source, channels, layout))
        }
    }

    /// What [`crate::Isa::scratch`] is.
    pub(super) fn scratch(&self) -> usize {
        match self {
            Self::ByColumn(_) => 0,
            Self::ByRow(columns) => by_row::scratch(columns),
        }
    }

    /// # Safety
    /// The processor has the features of the level.
    pub(super) unsafe fn resize(
        &self,
        rows: &[&[u8]],
        ahead: &[&[u8]],
        scratch: &mut [Lanes],
        groups: &mut [&mut [Lanes]],
    ) {
        // SAFETY: promised by the caller: AVX-512 VNNI and VL are among the features.
        unsafe {
            match self {
                Self::ByColumn(columns) => horizontal::resize(columns, rows, ahead, scratch, groups),
                Self::ByRow(columns) => {
                    by_row::resize(Encoding::Evex, IN_TURN, columns, rows, ahead, scratch, groups);
                }
            }
        }
    }
}
