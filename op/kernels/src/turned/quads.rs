//! Tables of windows that take whole quads.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::layout::QUAD;
use super::orders::Source;
use super::windows::{Run, Windows};
use crate::{Axis, Lanes};

/// Pixels from a quad to the next, where quads are dense.
pub(crate) const HALF_QUAD: usize = QUAD / 2;

/// Columns whose windows lie in pixels that are turned together.
pub(crate) struct Tile<W> {
    /// A multiple of four of them.
    pub(crate) columns: Range<usize>,
    /// Where its pixels begin in a row.
    pub(crate) first_byte: usize,
    /// How many quads they are.
    pub(crate) quads: usize,
    /// Quads of every window.
    pub(crate) window: usize,
    /// Of each column the first quad of its window.
    pub(crate) firsts: Vec<u32>,
    /// Of each column and quad.
    pub(crate) weights: Vec<W>,
}

/// Tables of the horizontal pass.
pub struct Columns<W> {
    pub(crate) tiles: Vec<Tile<W>>,
    /// Whether quads begin at every second pixel: twice as many, but each window lies in one.
    pub(crate) dense: bool,
    pub(crate) source: Source,
    /// The most quads that a tile has, or that its windows reach.
    pub(crate) quads: usize,
    pub(crate) columns: usize,
    pub(crate) layout: Layout,
}

impl<W> Columns<W> {
    pub(crate) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
        most_pixels: usize,
        weights: impl Fn([i32; QUAD]) -> W,
    ) -> Self {
        let windows = Windows {
            axis,
            origin: source.start,
        };
        let dense = axis.max_taps() < QUAD;
        let step = if dense { HALF_QUAD } else { QUAD };
        let runs = windows.runs(most_pixels).into_iter();
        let tiles: Vec<Tile<W>> = runs.map(|run| tile(windows, step, run, &weights)).collect();
        let ends = tiles.iter().map(|tile| {
            let last = tile.firsts.iter().max().copied().unwrap_or(0);
            tile.quads.max(last as usize + tile.window)
        });
        Self {
            quads: ends.max().unwrap_or(0),
            tiles,
            dense,
            source: Source::new(channels, source.len()),
            columns: axis.len(),
            layout,
        }
    }

    /// How many blocks of lanes the turned pixels of a tile take, `vectors` of `rows` lanes for each quad.
    pub(crate) fn scratch(&self, vectors: usize, rows: usize) -> usize {
        (self.quads * vectors * rows).div_ceil(Lanes::COUNT)
    }
}

/// How many quads hold the window of any of the columns, where quads begin at pixel `first` and every `step` pixels.
fn quads(windows: Windows<'_>, columns: Range<usize>, first: usize, step: usize) -> usize {
    let windows = columns.filter_map(|column| windows.of(column));
    let quads = windows.map(|(pixels, _)| ((pixels.start - first) % step + pixels.len()).div_ceil(QUAD));
    quads.max().unwrap_or(0)
}

fn tile<W>(
    windows: Windows<'_>,
    step: usize,
    Run { columns, pixels }: Run,
    weights_of: &impl Fn([i32; QUAD]) -> W,
) -> Tile<W> {
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
            let of_quad = std::array::from_fn(|pixel| {
                let tap = (first + pixel).checked_sub(before);
                tap.and_then(|tap| weights.get(tap)).copied().unwrap_or(0)
            });
            tile.weights.push(weights_of(of_quad));
        }
    }
    tile
}
