//! Which pixels are turned together, and the windows on them.

use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

use super::numbers::{BY_PAIRS, MOST_BY_PAIRS, known_at_once, known_pairs, quads_of};
use crate::avx2::turned::TURNED;
use crate::turned::layout::{ORDER, PAIRS, QUAD};
use crate::turned::orders::Source;
use crate::turned::windows::{Run, Windows, few_pixels};
use crate::{Axis, Lanes};

/// The most bits of the lower part of a weight: two of its products fit into 16 bits.
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
    /// Of each column and pair the upper parts of both weights, as bits.
    pub(super) upper: Vec<f32>,
    /// Of each column and quad the lower parts of all weights, as bits; of each pair with [`BY_PAIRS`].
    pub(super) lower: Vec<f32>,
}

/// All columns.
pub(in crate::avx2) struct Tiles {
    pub(super) tiles: Vec<Tile>,
    /// Bits of the lower part of a weight.
    pub(super) shift: u32,
    /// How many quads' lower parts have sums of products of 16 bits, or [`BY_PAIRS`].
    pub(super) at_once: usize,
    /// Where the bytes of quads begin, behind those of as many pairs. All pairs and quads of a window lie before the ends of both.
    pub(super) bytes_from: usize,
    pub(super) source: Source,
}

/// What the tiles of an axis have in common.
struct Parts<'a> {
    windows: Windows<'a>,
    shift: u32,
    at_once: usize,
}

impl Parts<'_> {
    /// How many pairs from pixel `first` on hold the window of any of the columns.
    fn pairs(&self, columns: Range<usize>, first: usize) -> usize {
        let windows = columns.filter_map(|column| self.windows.of(column));
        let pairs = windows.map(|(pixels, _)| ((pixels.start - first) % 2 + pixels.len()).div_ceil(2));
        pairs.max().unwrap_or(0)
    }

    fn tile(&self, Run { columns, pixels }: Run) -> Tile {
        let &Self { shift, at_once, .. } = self;
        // Pairs may begin at the pixel before: whichever needs fewer of them.
        let starts = pixels.start.saturating_sub(1)..=pixels.start;
        let few = |first: usize| (known_pairs(self.pairs(columns.clone(), first), at_once), first);
        let (pairs, first) = starts
            .rev()
            .map(few)
            .min_by_key(|(pairs, _)| *pairs)
            .unwrap_or((0, 0));
        let quads = quads_of(pairs);
        let mut tile = Tile {
            first_byte: first * CHANNELS,
            quads: (pixels.end - first).div_ceil(QUAD),
            pairs,
            firsts: Vec::with_capacity(columns.len()),
            upper: Vec::with_capacity(columns.len() * pairs),
            lower: Vec::with_capacity(columns.len() * quads),
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
                parts(weight.copied().unwrap_or(0), shift)
            };
            let words = |pair: usize, part: usize| {
                let [first, second] = [0, 1].map(|side| parts(2 * pair + side)[part]);
                f32::from_bits((first as u32 & 0xffff) | (second as u32) << 16)
            };
            tile.upper.extend((pair..pair + pairs).map(|pair| words(pair, 0)));
            if at_once == BY_PAIRS {
                tile.lower.extend((pair..pair + pairs).map(|pair| words(pair, 1)));
                continue;
            }
            for quad in (pair / PAIRS..).take(quads) {
                let bytes = ORDER.map(|pixel| parts(QUAD * quad + pixel)[1] as u8);
                tile.lower.push(f32::from_le_bytes(bytes));
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
        let at_once = if axis.max_taps() <= MOST_BY_PAIRS {
            BY_PAIRS
        } else {
            known_at_once(i16::MAX as usize / (usize::from(u8::MAX) << shift))
        };
        let windows = Windows {
            axis,
            origin: source.start,
        };
        let parts = Parts {
            windows,
            shift,
            at_once,
        };
        let tiles: Vec<Tile> = windows
            .runs(few_pixels(axis))
            .into_iter()
            .map(|run| parts.tile(run))
            .collect();
        let ends = tiles.iter().map(|tile| {
            let last = tile
                .firsts
                .iter()
                .max()
                .map_or(0, |first| *first as usize / PAIRS);
            tile.quads.max(last + quads_of(tile.pairs))
        });
        Some(Self {
            bytes_from: ends.max().unwrap_or(0) * PAIRS,
            tiles,
            shift,
            at_once,
            source: Source::new(channels, source.len()),
        })
    }

    /// How many blocks of lanes the turned pixels of a tile take.
    pub(in crate::avx2) fn scratch(&self) -> usize {
        let bytes = if self.at_once == BY_PAIRS {
            0
        } else {
            self.bytes_from / PAIRS
        };
        let vectors = (self.bytes_from + bytes) * CHANNELS;
        vectors.div_ceil(Lanes::COUNT / TURNED)
    }
}

/// The upper and the lower part of a weight, of `shift` bits and signed.
fn parts(weight: i32, shift: u32) -> [i32; 2] {
    let upper = (weight + (1 << shift >> 1)) >> shift;
    [upper, weight - (upper << shift)]
}
