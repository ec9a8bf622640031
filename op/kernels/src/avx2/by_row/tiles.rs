//! Which pixels are turned together, and the windows on them.

use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

use super::numbers::known_pairs;
use crate::avx2::turned::TURNED;
use crate::turned::bounds::{Bounds, parts};
use crate::turned::layout::{PAIRS, QUAD};
use crate::turned::orders::Source;
use crate::turned::windows::{Run, Windows, few_pixels};
use crate::{Axis, Lanes};

/// The most bits of the lower part of a weight. A window with a larger one, of 1, has few taps: its bytes are gathered for each lane.
const MOST_SHIFT: u32 = 7;

/// The most columns that may have a value in doubt, as a share.
const MOST_DOUBT: f64 = 0.3;

/// So many pairs without their lower parts save what a column with a value in doubt costs.
const DOUBT_PAIRS: f64 = 36.0;

/// Columns whose windows lie in pixels that are turned together.
pub(super) struct Tile {
    /// A multiple of four of them.
    pub(super) columns: Range<usize>,
    /// Where its pixels begin in a row.
    pub(super) first_byte: usize,
    /// How many quads they are.
    pub(super) quads: usize,
    /// Pairs of every window.
    pub(super) pairs: usize,
    /// Of each column the first pair of its window.
    pub(super) firsts: Vec<u32>,
    /// Of each column the upper parts of all pairs, of each those of both weights, as bits, then the lower ones.
    pub(super) weights: Vec<f32>,
    /// Of each column, where so few values are in doubt that the upper parts are added alone.
    pub(super) bounds: Option<Vec<Bounds>>,
}

/// All columns.
pub(in crate::avx2) struct Tiles {
    pub(super) tiles: Vec<Tile>,
    /// Bits of the lower part of a weight.
    pub(super) shift: u32,
    /// The most quads that a tile has, or that hold the pairs of its windows.
    quads: usize,
    pub(super) source: Source,
}

/// What the tiles of an axis have in common.
struct Parts<'a> {
    windows: Windows<'a>,
    shift: u32,
}

impl Parts<'_> {
    /// How many pairs from pixel `first` on hold the window of any of the columns.
    fn pairs(&self, columns: Range<usize>, first: usize) -> usize {
        let windows = columns.filter_map(|column| self.windows.of(column));
        let pairs = windows.map(|(pixels, _)| ((pixels.start - first) % 2 + pixels.len()).div_ceil(2));
        pairs.max().unwrap_or(0)
    }

    /// Those of each column, where they leave few in doubt.
    fn bounds(&self, columns: Range<usize>, pairs: usize) -> Option<Vec<Bounds>> {
        let bounds = columns.map(|column| {
            let weights = self.windows.of(column).map_or(&[][..], |(_, weights)| weights);
            Bounds::new(weights, self.shift)
        });
        let bounds: Vec<Bounds> = bounds.collect::<Option<_>>()?;
        let in_doubt = |bounds: &Bounds| bounds.doubt() * (CHANNELS * TURNED) as f64;
        let doubt = bounds.iter().map(in_doubt).sum::<f64>() / bounds.len() as f64;
        (doubt <= MOST_DOUBT.min(pairs as f64 / DOUBT_PAIRS)).then_some(bounds)
    }

    fn tile(&self, Run { columns, pixels }: Run) -> Tile {
        // Pairs may begin at the pixel before: whichever needs fewer of them.
        let starts = pixels.start.saturating_sub(1)..=pixels.start;
        let few = |first: usize| (known_pairs(self.pairs(columns.clone(), first)), first);
        let (pairs, first) = starts
            .rev()
            .map(few)
            .min_by_key(|(pairs, _)| *pairs)
            .unwrap_or((0, 0));
        let mut tile = Tile {
            first_byte: first * CHANNELS,
            quads: (pixels.end - first).div_ceil(QUAD),
            pairs,
            firsts: Vec::with_capacity(columns.len()),
            weights: Vec::with_capacity(columns.len() * pairs * 2),
            bounds: self.bounds(columns.clone(), pairs),
            columns: columns.clone(),
        };
        for column in columns {
            let (pixels, weights) = self.windows.of(column).unwrap_or((first..first, &[]));
            let before = pixels.start - first;
            let pair = before / 2;
            tile.firsts.push(pair as u32);
            // Of the pixel that lies so many behind the first one of the tile.
            let parts = |at: usize| {
                let weight = at.checked_sub(before).and_then(|tap| weights.get(tap));
                parts(weight.copied().unwrap_or(0), self.shift)
            };
            for part in [0, 1] {
                tile.weights.extend((pair..pair + pairs).map(|pair| {
                    let [first, second] = [0, 1].map(|side| parts(2 * pair + side)[part] as u32);
                    f32::from_bits((first & 0xffff) | second << 16)
                }));
            }
        }
        tile
    }
}

impl Tiles {
    /// `None` where weights are too large.
    pub(in crate::avx2) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
    ) -> Option<Self> {
        let largest = axis.max_weight() as i32;
        let shift = (0..=MOST_SHIFT).find(|shift| parts(largest, *shift)[0] <= i16::MAX.into())?;
        let windows = Windows {
            axis,
            origin: source.start,
        };
        let parts = Parts { windows, shift };
        let tiles: Vec<Tile> = windows
            .runs(few_pixels(axis))
            .into_iter()
            .map(|run| parts.tile(run))
            .collect();
        let ends = tiles.iter().map(|tile| {
            let last = tile.firsts.iter().max().copied().unwrap_or(0);
            tile.quads.max((last as usize + tile.pairs).div_ceil(PAIRS))
        });
        Some(Self {
            quads: ends.max().unwrap_or(0),
            tiles,
            shift,
            source: Source::new(channels, source.len()),
        })
    }

    /// How many blocks of lanes the turned pixels of a tile take.
    pub(in crate::avx2) fn scratch(&self) -> usize {
        (self.quads * PAIRS * CHANNELS).div_ceil(Lanes::COUNT / TURNED)
    }
}
