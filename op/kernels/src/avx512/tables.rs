//! Which bytes each vector of the horizontal pass loads, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::ahead::Lines;
use crate::Axis;
use crate::x86::{Block, digits, lane_window};

/// How a vector gets at the bytes of its lanes' windows. Four taps are a quad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loads {
    /// One load of 64 bytes serves two neighbouring vectors of one quad.
    Pair,
    /// One load of 64 bytes serves all quads.
    Shared,
    /// Two neighbouring loads of 64 bytes serve all quads.
    Wide,
}

impl Loads {
    /// Vectors that are loaded together.
    fn vectors(self) -> usize {
        match self {
            Self::Pair => 2,
            Self::Shared | Self::Wide => 1,
        }
    }

    /// Whether a vector of so many quads is loaded so.
    fn suits(self, quads: usize) -> bool {
        match self {
            Self::Pair => quads == 1,
            Self::Shared | Self::Wide => true,
        }
    }

    /// Bytes that are loaded from a base on.
    fn reach(self) -> usize {
        match self {
            Self::Pair | Self::Shared => LOAD,
            Self::Wide => 2 * LOAD,
        }
    }
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

/// How the sums of four rows become the bytes of lanes.
#[derive(Clone, Copy)]
pub(super) struct Packing {
    pub(super) mode: Mode,
    /// The byte of each row in every lane. Kept here, because masks that it knows the compiler makes anew for each vector.
    pub(super) bytes: [u64; 4],
}

/// Tables of the horizontal pass.
pub struct Columns {
    pub(super) loads: Loads,
    pub(super) packing: Packing,
    /// Whether the last quad has at most two taps and is kept as 16-bit weights.
    pub(super) tail: bool,
    /// The bytes of a tail that are taken, the lower one of each 16-bit weight's. Kept here, because of a mask that it knows the
    /// compiler makes an operation behind each shuffle.
    pub(super) even: u64,
    /// Every third lane of a vector, from the first, second and third on. Kept here for the same reason.
    pub(super) thirds: [u16; CHANNELS],
    pub(super) quads: usize,
    /// How many lanes of a vector are used.
    pub(super) lanes: usize,
    pub(super) vectors: usize,
    /// The first byte that is loaded, for each vector, or two where they are loaded together.
    pub(super) bases: Vec<u32>,
    /// For each vector and quad.
    pub(super) tables: Vec<QuadTable>,
    /// How many bytes a row must have for all loads to lie inside.
    pub(super) row_bytes: usize,
    /// What is asked for of the rows ahead, for each base.
    pub(super) ahead: Vec<Lines>,
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

/// Bytes of a vector load.
pub(super) const LOAD: usize = Block::BYTES;

/// For one vector and four taps of every lane: the indices of their bytes in the load, and the weights' digits, the highest
/// first; of a tail, the weights' upper and lower part.
///
/// Lanes of a pixel have the same weights. One for all three would be a quarter of the bytes, but spread over the lanes anew for
/// each row group: on Zen 4 a shuffle costs more than a load, of the second level of the cache too.
pub(super) type QuadTable = [Block; 4];

/// The largest weight whose fourfold has three digits.
const MAX_TOP: u32 = 2_088_959;

/// Most quads: their tables are held in registers.
const MAX_QUADS: usize = 4;

/// How many of [`WAYS`], the first ones, pay for that many quads.
const WAYS_OF_MOST: usize = 5;

/// The ways to load, the best first; lanes that a way has too few bytes for make the next one tried.
const WAYS: [(Loads, usize); 12] = [
    (Loads::Pair, 16),
    (Loads::Shared, 16),
    (Loads::Shared, 15),
    (Loads::Wide, 16),
    (Loads::Wide, 15),
    (Loads::Wide, 12),
    (Loads::Wide, 9),
    (Loads::Shared, 12),
    (Loads::Shared, 9),
    (Loads::Wide, 6),
    (Loads::Shared, 6),
    (Loads::Shared, 3),
];

impl Columns {
    /// `None` where gathering the bytes of each lane does not pay.
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Option<Self> {
        let taps = axis.max_taps().max(1);
        let mode = if axis.clamp {
            Mode::Clamp
        } else if axis.max_weight() > MAX_TOP {
            Mode::Shift
        } else {
            Mode::Top
        };
        let quads = taps.div_ceil(4);
        let ways = match quads {
            ..MAX_QUADS => &WAYS[..],
            MAX_QUADS => &WAYS[..WAYS_OF_MOST],
            _ => return None,
        };
        let draft = Self {
            loads: Loads::Shared,
            packing: Packing {
                mode,
                bytes: [0, 1, 2, 3].map(|row| 0x1111_1111_1111_1111 << row),
            },
            tail: (2..=MAX_QUADS).contains(&quads) && matches!(taps % 4, 1 | 2),
            even: 0x5555_5555_5555_5555,
            thirds: [0x9249, 0x2492, 0x4924],
            quads,
            lanes: 0,
            vectors: 0,
            bases: Vec::new(),
            tables: Vec::new(),
            row_bytes: (source.len() * CHANNELS).max(LOAD),
            ahead: Vec::new(),
            columns: axis.len(),
            layout,
        };
        ways.iter()
            .find_map(|(loads, lanes)| draft.filled(axis, source.start, channels, *loads, *lanes))
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
        let quads = self.quads;
        let (reach, together) = (loads.reach(), loads.vectors());
        if self.row_bytes < reach || !loads.suits(quads) {
            return None;
        }
        let steps = (self.columns * CHANNELS).div_ceil(together * lanes);
        let vectors = steps * together;
        let mut bases = Vec::with_capacity(steps);
        let mut end = 0;
        let mut tables = vec![[Block::ZERO; 4]; vectors * quads];
        let multiple = if self.packing.mode == Mode::Top { 4 } else { 1 };
        for (step, tables) in tables.chunks_exact_mut(together * quads).enumerate() {
            let windows = || {
                (0..together * lanes).filter_map(|lane| {
                    let window = lane_window(axis, origin, channels, step * together * lanes + lane)?;
                    (!window.weights.is_empty()).then_some((lane, window))
                })
            };
            let first = windows().map(|(_, window)| window.byte).min();
            let base = first.unwrap_or(0).min(self.row_bytes - reach);
            bases.push(u32::try_from(base).ok()?);
            for (lane, window) in windows() {
                end = end.max(window.byte + window.weights.len() * CHANNELS);
                let (vector, lane) = (lane / lanes, lane % lanes);
                for (at, weight) in window.weights.iter().enumerate() {
                    let (quad, tap) = (at / 4, at % 4);
                    let index = window.byte + at * CHANNELS - base;
                    if index >= reach {
                        return None;
                    }
                    let [indices, digit_blocks @ ..] = &mut tables[vector * quads + quad];
                    let weight = weight * multiple;
                    if self.tail && quad == quads - 1 {
                        let place = 4 * lane + 2 * tap;
                        indices.0[place] = index as u8;
                        let low = i32::from(weight as i8);
                        for (block, value) in digit_blocks.iter_mut().zip([(weight - low) >> 8, low]) {
                            block.0[place..place + 2].copy_from_slice(&(value as i16).to_le_bytes());
                        }
                    } else {
                        let place = 4 * lane + tap;
                        indices.0[place] = index as u8;
                        for (block, value) in digit_blocks.iter_mut().zip(digits(weight)) {
                            block.0[place] = value;
                        }
                    }
                }
            }
        }
        let ahead = Lines::of(&bases, end);
        Some(Self {
            loads,
            lanes,
            vectors,
            ahead,
            bases,
            tables,
            ..*self
        })
    }
}
