//! Which pixels are turned together, and the windows on them.

use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

use super::layout::{PAIRS, QUAD, ROWS, known_at_once, known_pairs, quads_of};
use crate::avx2::tables::{HALVES, HalfBlock, LOAD};
use crate::{Axis, Lanes};

/// Columns that are packed together.
pub(super) const FOUR: usize = 4;

/// The order of a quad's bytes: those of each pair are 16-bit elements once the others are cleared or shifted out.
const ORDER: [usize; QUAD] = [0, 2, 1, 3];

/// The most bits of the lower part of a weight: two of its products fit into 16 bits.
const MOST_SHIFT: u32 = 7;

/// The pixels of a tile are so many times those of a window.
const WINDOWS: usize = 8;

/// The fewest pairs of a tile that is not the last, 9 KB, and the most if four columns need no more.
const TILE_PAIRS: [usize; 2] = [64, 512];

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
    /// Of each column and quad the lower parts of all weights, as bits.
    pub(super) lower: Vec<f32>,
}

/// All columns.
pub(in crate::avx2) struct Tiles {
    pub(super) tiles: Vec<Tile>,
    /// Bits of the lower part of a weight.
    pub(super) shift: u32,
    /// How many quads' lower parts have sums of products of 16 bits.
    pub(super) at_once: usize,
    /// Where the bytes of quads begin, behind those of as many pairs. All pairs and quads of a window lie before the ends of both.
    pub(super) bytes_from: usize,
    /// For loads that begin so many bytes before their quad, which bytes are those of each channel.
    pub(super) orders: Vec<HalfBlock>,
    pub(super) row_bytes: usize,
}

/// The windows of columns: source pixels, from the first one of a row on, and weights.
struct Windows<'a> {
    axis: &'a Axis,
    origin: usize,
}

impl Windows<'_> {
    /// That of `column`, or of the last one.
    fn of(&self, column: usize) -> Option<(Range<usize>, &[i32])> {
        let (start, weights) = self.axis.window(column.min(self.axis.len() - 1));
        let start = start.checked_sub(self.origin)?;
        (!weights.is_empty()).then(|| (start..start + weights.len(), weights))
    }

    /// Columns by fours, as many as share pixels that stay in the cache, and these.
    fn runs(&self) -> Vec<(Range<usize>, Range<usize>)> {
        let [least, most] = TILE_PAIRS;
        let most = 2 * (self.axis.max_taps() * WINDOWS / 2).clamp(least, most);
        let mut runs: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        for four in (0..self.axis.len()).step_by(FOUR) {
            let columns = four..four + FOUR;
            let windows = columns.clone().filter_map(|column| self.of(column));
            let pixels = windows.fold(None, |all: Option<Range<usize>>, (next, _)| {
                let all = all.unwrap_or(next.clone());
                Some(all.start.min(next.start)..all.end.max(next.end))
            });
            match (runs.last_mut(), pixels) {
                (Some(last), None) => last.0.end = columns.end,
                (Some(last), Some(pixels)) if last.1.is_empty() => {
                    *last = (last.0.start..columns.end, pixels)
                }
                (Some(last), Some(pixels)) if pixels.end - last.1.start <= most => {
                    *last = (
                        last.0.start..columns.end,
                        last.1.start..last.1.end.max(pixels.end),
                    );
                }
                (_, pixels) => runs.push((columns, pixels.unwrap_or_default())),
            }
        }
        runs
    }

    /// How many pairs from pixel `first` on hold the window of any of the columns.
    fn pairs(&self, columns: Range<usize>, first: usize) -> usize {
        let windows = columns.filter_map(|column| self.of(column));
        let pairs = windows.map(|(pixels, _)| ((pixels.start - first) % 2 + pixels.len()).div_ceil(2));
        pairs.max().unwrap_or(0)
    }

    fn tile(&self, columns: Range<usize>, pixels: Range<usize>, (shift, at_once): (u32, usize)) -> Tile {
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
            let (pixels, weights) = self.of(column).unwrap_or((first..first, &[]));
            let before = pixels.start - first;
            let pair = before / 2;
            tile.firsts.push(pair as u32);
            // Of the pixel that lies so many behind the first one of the tile.
            let parts = |at: usize| {
                let weight = at.checked_sub(before).and_then(|tap| weights.get(tap));
                parts(weight.copied().unwrap_or(0), shift)
            };
            for pair in pair..pair + pairs {
                let [first, second] = [0, 1].map(|side| parts(2 * pair + side)[0]);
                tile.upper
                    .push(f32::from_bits((first as u32 & 0xffff) | (second as u32) << 16));
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
        origin: usize,
        channels: [usize; CHANNELS],
        row_bytes: usize,
    ) -> Option<Self> {
        let largest = axis.max_weight() as i32;
        let shift = (0..=MOST_SHIFT).find(|shift| parts(largest, *shift)[0] <= i16::MAX.into())?;
        let at_once = known_at_once(i16::MAX as usize / (usize::from(u8::MAX) << shift));
        let windows = Windows { axis, origin };
        let runs = windows.runs();
        let tiles: Vec<Tile> = runs
            .into_iter()
            .map(|(columns, pixels)| windows.tile(columns, pixels, (shift, at_once)))
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
            orders: (0..LOAD).map(|before| order(channels, before)).collect(),
            row_bytes,
        })
    }

    /// How many blocks of lanes the turned pixels of a tile take.
    pub(in crate::avx2) fn scratch(&self) -> usize {
        let vectors = (self.bytes_from + self.bytes_from / PAIRS) * CHANNELS;
        vectors.div_ceil(Lanes::COUNT / ROWS)
    }
}

/// The upper and the lower part of a weight, of `shift` bits and signed.
fn parts(weight: i32, shift: u32) -> [i32; 2] {
    let upper = (weight + (1 << shift >> 1)) >> shift;
    [upper, weight - (upper << shift)]
}

/// The order of a quad's bytes where its load begins `before` bytes before it.
fn order(channels: [usize; CHANNELS], before: usize) -> HalfBlock {
    let mut order = HalfBlock::NOTHING;
    for half in 0..HALVES {
        for (lane, channel) in channels.into_iter().enumerate() {
            for (byte, pixel) in ORDER.into_iter().enumerate() {
                let index = before + pixel * CHANNELS + channel;
                if index < LOAD {
                    order.0[half * LOAD + lane * 4 + byte] = index as u8;
                }
            }
        }
    }
    order
}
