//! Which pixels are turned together, and the weights of the windows on them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use crate::avx2::tables::LOAD;
use crate::avx2::turned::layout::{ORDER, QUAD, ROWS};
use crate::avx2::turned::{Run, Source, Windows};
use crate::x86::digits;
use crate::{Axis, Lanes};

/// The digits of four weights, the highest ones first, as bits.
pub(super) type QuadWeights = [f32; 3];

/// Pixels from a quad to the next, where quads are dense.
pub(super) const HALF_QUAD: usize = QUAD / 2;

/// Columns whose windows lie in pixels that are turned together.
pub(super) struct Tile {
    /// A multiple of four of them.
    pub(super) columns: Range<usize>,
    /// Where its pixels begin in a row.
    pub(super) first_byte: usize,
    /// How many quads they are.
    pub(super) quads: usize,
    /// Quads of every window.
    pub(super) window: usize,
    /// Of each column the first quad of its window.
    pub(super) firsts: Vec<u32>,
    /// Of each column and quad.
    pub(super) weights: Vec<QuadWeights>,
}

/// Tables of the horizontal pass.
pub struct Columns {
    pub(super) tiles: Vec<Tile>,
    /// Whether quads begin at every second pixel: twice as many, but each window lies in one.
    pub(super) dense: bool,
    pub(super) source: Source,
    /// How many bytes a row must have for all loads to lie inside.
    pub(super) row_bytes: usize,
    /// All quads of a tile and of its windows are fewer.
    pub(super) quads: usize,
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let windows = Windows {
            axis,
            origin: source.start,
        };
        let dense = axis.max_taps() < QUAD;
        let step = if dense { HALF_QUAD } else { QUAD };
        let runs = windows.runs().into_iter();
        let tiles: Vec<Tile> = runs.map(|run| tile(windows, step, run)).collect();
        let ends = tiles.iter().map(|tile| {
            let last = tile.firsts.iter().max().copied().unwrap_or(0);
            tile.quads.max(last as usize + tile.window)
        });
        let row_bytes = (source.len() * CHANNELS).max(LOAD);
        Self {
            quads: ends.max().unwrap_or(0),
            tiles,
            dense,
            source: Source::new(channels, row_bytes),
            row_bytes,
            columns: axis.len(),
            layout,
        }
    }

    /// How many blocks of lanes the turned pixels of a tile take.
    pub(super) fn scratch(&self) -> usize {
        (self.quads * CHANNELS).div_ceil(Lanes::COUNT / ROWS)
    }
}

/// How many quads hold the window of any of the columns, where quads begin at pixel `first` and every `step` pixels.
fn quads(windows: Windows<'_>, columns: Range<usize>, first: usize, step: usize) -> usize {
    let windows = columns.filter_map(|column| windows.of(column));
    let quads = windows.map(|(pixels, _)| ((pixels.start - first) % step + pixels.len()).div_ceil(QUAD));
    quads.max().unwrap_or(0)
}

fn tile(windows: Windows<'_>, step: usize, Run { columns, pixels }: Run) -> Tile {
    // Quads may begin at a pixel before: wherever windows take the fewest of them.
    let starts = pixels.start.saturating_sub(step - 1)..=pixels.start;
    let few = |first: usize| (quads(windows, columns.clone(), first, step), first);
    let (window, first) = starts
        .rev()
        .map(few)
        .min_by_key(|(quads, _)| *quads)
        .unwrap_or((0, 0));
    let mut tile = Tile {
        first_byte: first * CHANNELS,
        quads: (pixels.end - first).div_ceil(step),
        window,
        firsts: Vec::with_capacity(columns.len()),
        weights: Vec::with_capacity(columns.len() * window),
        columns: columns.clone(),
    };
    for column in columns {
        let (pixels, weights) = windows.of(column).unwrap_or((first..first, &[]));
        let before = pixels.start - first;
        let quad = before / step;
        tile.firsts.push(quad as u32);
        for first in (quad * step..).step_by(QUAD).take(window) {
            let digits = ORDER.map(|pixel| {
                let weight = (first + pixel)
                    .checked_sub(before)
                    .and_then(|tap| weights.get(tap));
                digits(weight.copied().unwrap_or(0))
            });
            tile.weights
                .push([0, 1, 2].map(|digit| f32::from_le_bytes(digits.map(|digits| digits[digit]))));
        }
    }
    tile
}
