//! Which way the columns of an axis are made: a column's channel in each lane, or a row where windows are long.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::measured::per_quad_pays;
use super::{Avx512, by_row, horizontal, tables};
use crate::{Axis, Lanes, near};

/// Tables of the horizontal pass.
pub enum Columns {
    ByColumn(tables::Columns),
    ByRow(by_row::Columns),
}

impl Columns {
    pub(super) fn new(
        isa: Avx512,
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let per_quad = per_quad_pays(isa, tables::quads(axis));
        match tables::Columns::each_way(axis, source.clone(), channels, layout, per_quad).next() {
            Some(columns) => Self::ByColumn(columns),
            None => Self::ByRow(by_row::Columns::new(axis, source, channels, layout)),
        }
    }

    /// What [`crate::Isa::at_once`] is.
    pub(super) fn at_once(&self) -> usize {
        match self {
            Self::ByColumn(_) => horizontal::AT_ONCE,
            Self::ByRow(_) => by_row::AT_ONCE,
        }
    }

    /// What [`crate::Isa::asks_for`] is.
    pub(super) fn asks_for(&self, source: &[u8]) -> bool {
        match self {
            Self::ByColumn(_) => !near::in_cache(source),
            // It takes as long either way, and longer where a part is in no cache.
            Self::ByRow(_) => true,
        }
    }

    /// What [`crate::Isa::scratch`] is.
    pub(super) fn scratch(&self) -> usize {
        match self {
            Self::ByColumn(columns) => horizontal::scratch(columns),
            Self::ByRow(columns) => columns.scratch(),
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
        // SAFETY: promised by the caller.
        unsafe {
            match self {
                Self::ByColumn(columns) => horizontal::resize(columns, rows, ahead, scratch, groups),
                Self::ByRow(columns) => by_row::resize(columns, rows, ahead, scratch, groups),
            }
        }
    }
}
