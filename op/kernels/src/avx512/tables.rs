//! Which bytes each vector of the horizontal pass loads, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::ahead::Lines;
use super::loads::{LOAD, Loads, MAX_QUADS, ways};
use crate::Axis;
use crate::x86::{Block, digits, lane_window};

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
    /// The first byte that is loaded, for each part of each vector, or of two where they are loaded together.
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

/// For one vector and four taps of every lane: the indices of their bytes in the load, and the weights' digits, the highest
/// first; of a tail, the weights' upper and lower part.
///
/// Lanes of a pixel have the same weights. One for all three would be a quarter of the bytes, but spread over the lanes anew for
/// each row group: on Zen 4 a shuffle costs more than a load, of the second level of the cache too.
pub(super) type QuadTable = [Block; 4];

/// The largest weight whose fourfold has three digits.
const MAX_TOP: u32 = 2_088_959;

/// Of the longest window, one at least.
pub(super) fn quads(axis: &Axis) -> usize {
    axis.max_taps().max(1).div_ceil(4)
}

impl Columns {
    /// Those of every way that has the bytes of its lanes, the best first, of [`Loads::PerQuad`] too where it is `per_quad`; none where
    /// gathering the bytes of each lane does not pay.
    pub(super) fn each_way(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
        per_quad: bool,
    ) -> impl Iterator<Item = Self> {
        let taps = axis.max_taps().max(1);
        let mode = if axis.clamp {
            Mode::Clamp
        } else if axis.max_weight() > MAX_TOP {
            Mode::Shift
        } else {
            Mode::Top
        };
        let quads = quads(axis);
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
        ways(quads, per_quad)
            .filter_map(move |(loads, lanes)| draft.filled(axis, source.start, channels, loads, lanes))
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
        let (reach, together, parts) = (loads.reach(), loads.vectors(), loads.parts(quads));
        if self.row_bytes < reach {
            return None;
        }
        let steps = (self.columns * CHANNELS).div_ceil(together * lanes);
        let vectors = steps * together;
        let mut bases = Vec::with_capacity(steps * parts);
        let mut windows = Vec::with_capacity(together * lanes);
        let mut end = 0;
        let mut tables = vec![[Block::ZERO; 4]; vectors * quads];
        let multiple = if self.packing.mode == Mode::Top { 4 } else { 1 };
        for (step, tables) in tables.chunks_exact_mut(together * quads).enumerate() {
            windows.clear();
            windows.extend((0..together * lanes).filter_map(|lane| {
                let window = lane_window(axis, origin, channels, step * together * lanes + lane)?;
                (!window.weights.is_empty()).then_some((lane, window))
            }));
            let from = bases.len();
            for part in 0..parts {
                let skipped = 4 * part;
                let read = windows
                    .iter()
                    .filter(|(_, window)| window.weights.len() > skipped);
                let first = read.map(|(_, window)| window.byte + skipped * CHANNELS).min();
                let base = first.unwrap_or(0).min(self.row_bytes - reach);
                bases.push(u32::try_from(base).ok()?);
            }
            for (lane, window) in &windows {
                end = end.max(window.byte + window.weights.len() * CHANNELS);
                let (vector, lane) = (lane / lanes, lane % lanes);
                for (at, weight) in window.weights.iter().enumerate() {
                    let (quad, tap) = (at / 4, at % 4);
                    let base = bases[from + quad.min(parts - 1)] as usize;
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
        let ahead = Lines::of(bases.iter().step_by(parts).copied(), end);
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
