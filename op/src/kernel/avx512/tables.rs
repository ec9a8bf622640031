//! Which bytes each vector of the horizontal pass loads, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::digits;
use crate::kernel::x86::{Block, lane_window};
use crate::run::Axis;

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
pub(crate) struct Columns {
    pub(super) loads: Loads,
    pub(super) mode: Mode,
    /// Whether the last quad has at most two taps and is kept as 16-bit weights.
    pub(super) tail: bool,
    pub(super) quads: usize,
    /// How many lanes of a vector are used.
    pub(super) lanes: usize,
    pub(super) vectors: usize,
    /// For each vector and quad the first byte that is loaded; for [`Loads::Pairs`], for each vector and
    /// two quads, that of lanes 0 to 5 and that of lanes 6 to 11.
    pub(super) bases: Vec<u32>,
    /// For each vector and quad: byte indices, then the three digits of the weights.
    pub(super) blocks: Vec<Block>,
    /// How many bytes a row must have for all loads to lie inside.
    pub(super) row_bytes: usize,
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

/// Bytes of a vector load.
pub(super) const LOAD: usize = Block::BYTES;

/// Blocks for each vector and quad.
pub(super) const BLOCKS: usize = 4;

/// The largest weight whose fourfold has three digits.
const MAX_TOP: u32 = 2_088_959;

/// Most quads whose tables are held in registers.
pub(super) const MAX_SHORT: usize = 4;

/// The ways to load, the best first; lanes that a way has too few bytes for make the next one tried.
const WAYS: [(Loads, usize); 14] = [
    (Loads::Shared, 16),
    (Loads::Shared, 15),
    (Loads::PerQuad, 16),
    (Loads::PerQuad, 15),
    (Loads::Pairs, 12),
    (Loads::Wide, 16),
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
            bases: Vec::new(),
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
        let mut bases = vec![0_u32; vectors * quads];
        let mut blocks = vec![Block::ZERO; vectors * quads * BLOCKS];
        let multiple = if self.mode == Mode::Top { 4 } else { 1 };
        for vector in 0..vectors {
            for quad in 0..quads {
                // Which taps and which lanes one load serves.
                let (taps, sharing) = match loads {
                    Loads::Shared => (0..4 * quads, lanes),
                    Loads::PerQuad | Loads::Wide => (4 * quad..4 * quad + 4, lanes),
                    Loads::Pairs => (4 * (quad & !1)..4 * (quad & !1) + 8, lanes / 2),
                };
                for first in (0..lanes).step_by(sharing) {
                    let windows = || {
                        (first..first + sharing).filter_map(|lane| {
                            let window = lane_window(axis, origin, channels, vector * lanes + lane)?;
                            Some((lane, window))
                        })
                    };
                    let base = windows()
                        .filter(|(_, window)| taps.start < window.weights.len())
                        .map(|(_, window)| window.byte + taps.start * CHANNELS)
                        .min()
                        .unwrap_or(0)
                        .min(self.row_bytes - reach);
                    let slot = if pairs {
                        (quad & !1) + first / sharing
                    } else {
                        quad
                    };
                    bases[vector * quads + slot] = u32::try_from(base).ok()?;
                    let [indices, high, middle, low] =
                        &mut blocks[(vector * quads + quad) * BLOCKS..][..BLOCKS]
                    else {
                        return None;
                    };
                    for (lane, window) in windows() {
                        for (at, weight) in window.weights.iter().enumerate().skip(4 * quad).take(4) {
                            let byte = window.byte + at * CHANNELS - base;
                            if byte >= reach {
                                return None;
                            }
                            let weight = weight * multiple;
                            let at = at - 4 * quad;
                            if tail && quad == quads - 1 {
                                let by = i32::from(weight as i8);
                                let place = lane * 4 + 2 * at;
                                indices.0[place] = byte as u8;
                                high.0[place..place + 2]
                                    .copy_from_slice(&(((weight - by) >> 8) as i16).to_le_bytes());
                                middle.0[place..place + 2].copy_from_slice(&(by as i16).to_le_bytes());
                            } else {
                                let place = lane * 4 + at;
                                indices.0[place] = byte as u8;
                                [high.0[place], middle.0[place], low.0[place]] = digits(weight);
                            }
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
            bases,
            blocks,
            ..*self
        })
    }
}
