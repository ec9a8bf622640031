//! Which way the columns of an axis are made: short windows with a column's channel in each lane, long ones with a row.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::by_row::Tiles;
use super::plan::Plan;
use super::tables::{ByColumn, LOAD};
use super::taps::{Taps, lighten};
use crate::x86::lane_window;
use crate::{Axis, near};

/// Tables of the horizontal pass.
pub struct Columns {
    pub(super) way: Way,
    /// How many bytes a row must have for all loads to lie inside.
    pub(super) row_bytes: usize,
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

/// What a lane is while columns are made.
pub(super) enum Way {
    /// A column's channel.
    ByColumn(ByColumn),
    /// A row.
    ByRow(Tiles),
}

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let row_bytes = (source.len() * CHANNELS).max(LOAD);
        let (lanes, origin) = (axis.len() * CHANNELS, source.start);
        let windows = (0..lanes).map(|lane| lane_window(axis, origin, channels, lane));
        let mut taps: Vec<Taps<'_>> = windows
            .map(|window| window.map_or(Taps::NONE, |window| Taps::new(window.byte, window.weights)))
            .collect();
        let most = axis.max_taps().max(1);
        let light = lighten(&mut taps, most);
        let plan = Plan {
            taps: &taps,
            pairs: if light { most / 2 } else { most.div_ceil(2) },
            light,
            row_bytes,
        };
        let (per_load, halves) = plan.halves();
        let by_row = (!plan.is_short(per_load)).then(|| Tiles::new(axis, source, channels));
        Self {
            way: match by_row.flatten() {
                Some(tiles) => Way::ByRow(tiles),
                None => Way::ByColumn(plan.vectors(per_load, &halves, axis.clamp)),
            },
            row_bytes,
            columns: axis.len(),
            layout,
        }
    }

    /// What [`crate::Isa::asks_for`] is.
    pub(super) fn asks_for(&self, source: &[u8]) -> bool {
        match self.way {
            Way::ByColumn(_) => !near::in_cache(source),
            // Without, 0.98 of the time at 1920x1080, and 1.05 at 4000x3000.
            Way::ByRow(_) => true,
        }
    }

    /// What [`crate::Isa::scratch`] is.
    pub(super) fn scratch(&self) -> usize {
        match &self.way {
            Way::ByColumn(_) => 0,
            Way::ByRow(tiles) => tiles.scratch(),
        }
    }
}
