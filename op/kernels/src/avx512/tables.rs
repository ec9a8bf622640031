//! Which bytes each vector of the horizontal pass loads, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::digits;
use crate::Axis;
use crate::x86::{Block, lane_window};

/// How a vector gets at the bytes of its lanes' windows. Four taps are a quad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loads {
    /// One load of 64 bytes serves all quads.
    Shared,
    /// One load of 64 bytes for each quad.
    PerQuad,
    /// One load of 64 bytes for each two quads and each six lanes.
    Pairs,
    /// Two neighbouring loads of 64 bytes for each quad.
    Wide,
}

/// How a sum becomes a value in the top byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Weights are stored times 4: the value is there.
    Top,
    /// Shift by 2.
    Shift,
    /// Clamp to 30 bits, then shift by 2.
    Clamp,
}

/// Tables of the horizontal pass.
pub struct Columns {
    pub(super) loads: Loads,
    pub(super) mode: Mode,
    /// Whether the last quad has at most two taps and is kept as 16-bit weights.
    pub(super) tail: bool,
    pub(super) quads: usize,
    /// How many lanes of a vector are used.
    pub(super) lanes: usize,
    pub(super) vectors: usize,
    /// For each vector and quad; for [`Loads::Pairs`], for each vector and two quads, that of lanes 0 to 5
    /// and that of lanes 6 to 11.
    pub(super) sources: Vec<Source>,
    /// For each vector: the byte indices of the first quad, then the [`DIGITS`] of each quad.
    pub(super) blocks: Vec<Block>,
    /// How many bytes a row must have for all loads to lie inside.
    pub(super) row_bytes: usize,
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

/// Bytes of a vector load.
pub(super) const LOAD: usize = Block::BYTES;

/// What one load of a vector reads.
#[derive(Clone, Copy, Default)]
pub(super) struct Source {
    /// The first byte.
    pub(super) base: u32,
    /// In each of the four bytes: what to add to the indices of the first quad, of which the window of this
    /// quad (the even one of two) lies 12 bytes times its number further on.
    pub(super) shift: u32,
}

/// The three lanes of a pixel have the same weights, so a quad's weights are kept once for each pixel: 32
/// bits of the highest digits at `DIGITS[0] + pixel`, of the middle and of the lowest ones. All tables of a
/// row stay in the first level of the cache that way.
pub(super) const DIGITS: [usize; 3] = [0, MAX_PIXELS, 2 * MAX_PIXELS];

/// Most pixels of a vector.
const MAX_PIXELS: usize = 5;

/// Bytes from one quad of a window to the next.
pub(super) const QUAD_BYTES: usize = 4 * CHANNELS;

/// The largest weight whose fourfold has three digits.
const MAX_TOP: u32 = 2_088_959;

/// Most quads whose tables are held in registers.
pub(super) const MAX_SHORT: usize = 4;

/// The ways to load, the best first; lanes that a way has too few bytes for make the next one tried.
const WAYS: [(Loads, usize); 11] = [
    (Loads::Shared, 15),
    (Loads::PerQuad, 15),
    (Loads::Pairs, 12),
    (Loads::Wide, 15),
    (Loads::Wide, 12),
    (Loads::Wide, 9),
    (Loads::PerQuad, 12),
    (Loads::PerQuad, 9),
    (Loads::Wide, 6),
    (Loads::PerQuad, 6),
    (Loads::PerQuad, 3),
];

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let taps = axis.max_taps().max(1);
        let mode = if axis.clamp {
            Mode::Clamp
        } else if axis.max_weight() > MAX_TOP {
            Mode::Shift
        } else {
            Mode::Top
        };
        let quads = taps.div_ceil(4);
        let draft = Self {
            loads: Loads::PerQuad,
            mode,
            tail: (2..=MAX_SHORT).contains(&quads) && matches!(taps % 4, 1 | 2),
            quads,
            lanes: 0,
            vectors: 0,
            sources: Vec::new(),
            blocks: Vec::new(),
            row_bytes: (source.len() * CHANNELS).max(LOAD),
            columns: axis.len(),
            layout,
        };
        let fill = |(loads, lanes)| draft.filled(axis, source.start, channels, loads, lanes);
        WAYS.into_iter().find_map(fill).unwrap_or(draft)
    }

    /// The tables for one way to load, unless some lane's bytes lie outside.
    fn filled(
        &self,
        axis: &Axis,
        origin: usize,
        channels: [usize; CHANNELS],
        loads: Loads,
        lanes: usize,
    ) -> Option<Self> {
        let short = self.quads <= MAX_SHORT;
        let reach = if loads == Loads::Wide { 2 * LOAD } else { LOAD };
        let suits = match loads {
            Loads::Shared => short,
            Loads::PerQuad => true,
            Loads::Pairs => self.quads >= 4,
            Loads::Wide => self.row_bytes >= reach,
        };
        if !suits {
            return None;
        }
        let pairs = loads == Loads::Pairs;
        let quads = if pairs {
            self.quads.next_multiple_of(2)
        } else {
            self.quads
        };
        let tail = self.tail && !pairs;
        let used = self.columns * CHANNELS;
        let vectors = used.div_ceil(lanes);
        let mut sources = vec![Source::default(); vectors * quads];
        let mut blocks = vec![Block::ZERO; vectors * (1 + quads)];
        let multiple = if self.mode == Mode::Top { 4 } else { 1 };
        for (vector, (sources, blocks)) in sources
            .chunks_exact_mut(quads)
            .zip(blocks.chunks_exact_mut(1 + quads))
            .enumerate()
        {
            let (indices, weights) = blocks.split_first_mut()?;
            let windows = |some: Range<usize>| {
                some.filter_map(|lane| {
                    let window = lane_window(axis, origin, channels, vector * lanes + lane)?;
                    (!window.weights.is_empty()).then_some((lane, window))
                })
            };
            // The lanes that one load serves.
            let sharing = if pairs { lanes / 2 } else { lanes };
            for first in (0..lanes).step_by(sharing) {
                let of_load = || windows(first..first + sharing);
                let slot = |quad: usize| {
                    if pairs {
                        (quad & !1) + first / sharing
                    } else {
                        quad
                    }
                };
                for quad in (0..quads).step_by(if pairs { 2 } else { 1 }) {
                    let from = if loads == Loads::Shared { 0 } else { 4 * quad };
                    let base = of_load()
                        .filter(|(_, window)| from < window.weights.len())
                        .map(|(_, window)| window.byte + from * CHANNELS)
                        .min()
                        .unwrap_or(0)
                        .min(self.row_bytes - reach);
                    let first_base = if quad == 0 {
                        base
                    } else {
                        sources[slot(0)].base as usize
                    };
                    // Modulo 256, as indices are added.
                    let shift = (first_base + quad * QUAD_BYTES).wrapping_sub(base) as u8;
                    sources[slot(quad)] = Source {
                        base: u32::try_from(base).ok()?,
                        shift: u32::from_ne_bytes([shift; 4]),
                    };
                }
                for (lane, window) in of_load() {
                    let first_base = sources[slot(0)].base as usize;
                    for tap in 0..4 {
                        indices.0[4 * lane + tap] = (window.byte + tap * CHANNELS - first_base) as u8;
                    }
                    for at in 0..window.weights.len() {
                        let base = sources[slot(at / 4)].base as usize;
                        if window.byte + at * CHANNELS - base >= reach {
                            return None;
                        }
                    }
                }
            }
            for (lane, window) in windows(0..lanes) {
                let pixel = lane / CHANNELS;
                for (at, weight) in window.weights.iter().enumerate() {
                    let (quad, tap) = (at / 4, at % 4);
                    let weight = weight * multiple;
                    let place = |digit: usize| 4 * (DIGITS[digit] + pixel);
                    let block = &mut weights[quad].0;
                    if tail && quad == quads - 1 {
                        let low = i32::from(weight as i8);
                        for (digit, value) in [(weight - low) >> 8, low].into_iter().enumerate() {
                            let place = place(digit) + 2 * tap;
                            block[place..place + 2].copy_from_slice(&(value as i16).to_le_bytes());
                        }
                    } else {
                        for (digit, value) in digits(weight).into_iter().enumerate() {
                            block[place(digit) + tap] = value;
                        }
                    }
                }
            }
        }
        Some(Self {
            loads,
            tail,
            quads,
            lanes,
            vectors,
            sources,
            blocks,
            ..*self
        })
    }
}
