//! Which bytes each half of a vector loads in the horizontal pass, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::split;
use crate::kernel::x86::lane_window;
use crate::run::Axis;

/// Bytes of the load of half a vector.
pub(super) const LOAD: usize = 16;

/// Halves of a vector.
pub(super) const HALVES: usize = 2;

/// 32 table bytes, aligned for a vector load.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct HalfBlock(pub(super) [u8; 32]);

/// For one vector and two taps of every lane: byte indices, upper and lower part of the weights.
pub(super) type PairTable = [HalfBlock; 3];

/// An index that gives a zero byte.
const NOTHING: u8 = 0x80;

/// Tables of the horizontal pass.
pub(crate) struct Columns {
    /// How many tap pairs one load serves.
    pub(super) pairs_per_load: usize,
    /// How many lanes of each half are used.
    pub(super) half_lanes: usize,
    pub(super) vectors: usize,
    pub(super) loads: usize,
    /// Tap pairs of a vector; the last load may serve fewer than the others.
    pub(super) pairs: usize,
    pub(super) clamp: bool,
    /// For each vector and load, the first byte of each half.
    pub(super) bases: Vec<[u32; HALVES]>,
    /// For each vector and tap pair.
    pub(super) tables: Vec<PairTable>,
    /// How many bytes a row must have for all loads to lie inside.
    pub(super) row_bytes: usize,
    pub(super) columns: usize,
    pub(super) layout: Layout,
}

/// Lanes of a half and tap pairs of a load, the best first. One pixel and two pairs always fit.
const WAYS: [(usize, usize); 3] = [(4, 2), (4, 1), (3, 2)];

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let draft = Self {
            pairs_per_load: 1,
            half_lanes: 1,
            vectors: 0,
            loads: 0,
            pairs: 0,
            clamp: axis.clamp,
            bases: Vec::new(),
            tables: Vec::new(),
            row_bytes: (source.len() * CHANNELS).max(LOAD),
            columns: axis.len(),
            layout,
        };
        let fill = |(lanes, pairs)| draft.filled(axis, source.start, channels, lanes, pairs);
        WAYS.into_iter().find_map(fill).unwrap_or(draft)
    }

    /// The tables for one way to load, unless some lane's bytes lie outside.
    fn filled(
        &self,
        axis: &Axis,
        origin: usize,
        channels: [usize; CHANNELS],
        half_lanes: usize,
        pairs_per_load: usize,
    ) -> Option<Self> {
        let taps_per_load = 2 * pairs_per_load;
        let pairs = axis.max_taps().max(1).div_ceil(2);
        let loads = pairs.div_ceil(pairs_per_load);
        let vectors = (self.columns * CHANNELS).div_ceil(HALVES * half_lanes);
        let mut bases = vec![[0; HALVES]; vectors * loads];
        let mut tables =
            vec![[HalfBlock([NOTHING; 32]), HalfBlock([0; 32]), HalfBlock([0; 32])]; vectors * pairs];
        for (at, bases) in bases.iter_mut().enumerate() {
            let (vector, first_tap) = (at / loads, at % loads * taps_per_load);
            for (half, base) in bases.iter_mut().enumerate() {
                let first_lane = (vector * HALVES + half) * half_lanes;
                let windows = || {
                    (0..half_lanes).filter_map(|lane| {
                        let window = lane_window(axis, origin, channels, first_lane + lane)?;
                        (first_tap < window.weights.len()).then_some((lane, window))
                    })
                };
                let first_byte = windows()
                    .map(|(_, window)| window.byte + first_tap * CHANNELS)
                    .min();
                let first_byte = first_byte.unwrap_or(0).min(self.row_bytes - LOAD);
                *base = u32::try_from(first_byte).ok()?;
                for (lane, window) in windows() {
                    for (tap, weight) in window
                        .weights
                        .iter()
                        .enumerate()
                        .skip(first_tap)
                        .take(taps_per_load)
                    {
                        let byte = window.byte + tap * CHANNELS - first_byte;
                        if byte >= LOAD {
                            return None;
                        }
                        let (pair, side) = (tap / 2, tap % 2);
                        let place = half * LOAD + lane * 4 + side * 2;
                        let [indices, upper, lower] = &mut tables[vector * pairs + pair];
                        indices.0[place] = byte as u8;
                        let parts = split(*weight).map(i16::to_le_bytes);
                        upper.0[place..place + 2].copy_from_slice(&parts[0]);
                        lower.0[place..place + 2].copy_from_slice(&parts[1]);
                    }
                }
            }
        }
        Some(Self {
            pairs_per_load,
            half_lanes,
            vectors,
            loads,
            pairs,
            bases,
            tables,
            ..*self
        })
    }
}
