//! Which pixels are turned together, and the windows on them.

use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

use super::numbers::known_pairs;
use crate::avx2::turned::TURNED;
use crate::turned::layout::{PAIRS, QUAD};
use crate::turned::orders::Source;
use crate::turned::windows::{Run, Windows, few_pixels};
use crate::{Axis, Lanes};

/// The most bits of the lower part of a weight. A window with a larger one, of 1, has few taps: its bytes are gathered for each lane.
const MOST_SHIFT: u32 = 7;

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
    /// Of each column and pair the upper parts of both weights, as bits, and the lower ones.
    pub(super) weights: Vec<[f32; 2]>,
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
            weights: Vec::with_capacity(columns.len() * pairs),
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
            tile.weights.extend((pair..pair + pairs).map(|pair| {
                let [first, second] = [0, 1].map(|side| parts(2 * pair + side));
                [0, 1].map(|part| f32::from_bits((first[part] as u32 & 0xffff) | (second[part] as u32) << 16))
            }));
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

/// The upper and the lower part of a weight, of `shift` bits and signed.
fn parts(weight: i32, shift: u32) -> [i32; 2] {
    let upper = (weight + (1 << shift >> 1)) >> shift;
    [upper, weight - (upper << shift)]
}
