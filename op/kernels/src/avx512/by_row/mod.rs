//! Columns from [turned](crate::turned) pixels of sixteen rows, a row in each lane: every window that reads them takes them as they
//! are, and its weights are the same for all lanes.
//!
//! - [`turn`]: turns pixels, so many for each column that those of its window are there;
//! - [`weigh`]: the weighted sum of a column's window;
//! - [`pack`]: the values of columns as lanes of four row groups.

mod pack;
mod turn;
mod weigh;

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::even::{ROWS, Rows};
use crate::turned::quads;
use crate::vnni::horizontal::{QuadWeights, quad_weights};
use crate::{Axis, Lanes, lanes_of, plane_blocks};
use turn::{Bytes, Turning};

/// Row groups that are resized at a time.
pub(super) const AT_ONCE: usize = 4;

/// The most pixels of a row that are turned together: 192 KB, which stay in the second level of the cache. With fewer, more of
/// them would be turned twice.
const MOST_PIXELS: usize = 4096;

type Tile = quads::Tile<QuadWeights>;

/// Tables of the horizontal pass.
pub struct Columns {
    tables: quads::Columns<QuadWeights>,
    paces: Vec<Pace>,
}

/// How far turning is ahead of the columns of a tile.
struct Pace {
    /// Quads that are turned before the first column.
    before: usize,
    /// Quads that are turned with each column.
    each: usize,
}

impl Pace {
    fn new(tile: &Tile) -> Self {
        let ends = || tile.firsts.iter().map(|first| *first as usize + tile.window);
        let steps = tile.firsts.len().saturating_sub(1).max(1);
        let spread = ends().max().unwrap_or(0) - ends().min().unwrap_or(0);
        let each = spread.div_ceil(steps);
        let before = ends()
            .enumerate()
            .map(|(column, end)| end.saturating_sub(each * column))
            .max()
            .unwrap_or(0);
        Self { before, each }
    }
}

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let tables = quads::Columns::new(axis, source, channels, layout, MOST_PIXELS, quad_weights);
        Self {
            paces: tables.tiles.iter().map(Pace::new).collect(),
            tables,
        }
    }

    /// How many blocks [`resize`] needs.
    pub(super) fn scratch(&self) -> usize {
        self.turned() + self.copies()
    }

    /// Blocks of the turned pixels of a tile.
    fn turned(&self) -> usize {
        self.tables.scratch(CHANNELS, ROWS * AT_ONCE)
    }

    /// Blocks of the copies of a tile's rows.
    fn copies(&self) -> usize {
        let tiles = self.tables.tiles.iter();
        let blocks = tiles.map(|tile| Rows::<AT_ONCE>::blocks(&turn::bytes(&self.tables.source, tile)));
        blocks.max().unwrap_or(0)
    }
}

/// What [`crate::Isa::horizontal`] is.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn resize(
    columns: &Columns,
    rows: &[&[u8]],
    ahead: &[&[u8]],
    scratch: &mut [Lanes],
    groups: &mut [&mut [Lanes]],
) {
    let count = groups.len();
    let Columns { tables, paces } = columns;
    let row_bytes = tables.source.row_bytes;
    assert!((1..=AT_ONCE).contains(&count), "as many groups as are turned");
    assert!(rows.len() == count * ROWS, "the rows of all groups");
    assert!(
        scratch.len() >= columns.scratch(),
        "room for the pixels of a tile and its rows"
    );
    let lanes = CHANNELS * plane_blocks(tables.columns) * Lanes::COUNT;
    let mut out = [std::ptr::null_mut(); AT_ONCE];
    for (out, group) in out.iter_mut().zip(groups) {
        let group = lanes_of(group);
        assert!(group.len() >= lanes, "three planes");
        *out = group.as_mut_ptr();
    }
    let (turned, copies) = scratch.split_at_mut(columns.turned());
    let wide = rows.iter().all(|row| row.len() >= row_bytes);
    let even = Rows::<AT_ONCE>::new(rows, ahead).filter(|_| wide && count == AT_ONCE);
    let quads = turned.as_mut_ptr().cast::<Bytes>();
    for (tile, pace) in tables.tiles.iter().zip(paces) {
        let rows = even.unwrap_or_else(|| Rows::copied(rows, turn::bytes(&tables.source, tile), copies));
        // SAFETY: the rows are as wide as the tables, the groups hold three planes, and there is room for the pixels of every tile,
        // asserted above; by `tables` they are those that the windows of a tile read.
        unsafe {
            let mut turning = Turning::new(&tables.source, tile, rows, quads);
            for _ in 0..turning.left(pace.before) {
                turning.turn();
            }
            weigh::columns(tables, tile, pace.each, turning, &out[..count]);
        }
    }
}
