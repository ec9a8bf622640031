//! Which bytes each half of a vector loads in the horizontal pass, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::split;
use crate::kernel::x86::{LaneWindow, lane_window};
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
    /// Where the lanes of each half of each vector begin; empty where every half has four.
    pub(super) starts: Vec<[u32; HALVES]>,
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

/// Lanes of half a vector, at most.
pub(super) const HALF_LANES: usize = 4;

/// The fewest lanes of a half, on average and times ten, at which one tap pair a load costs less than two
/// tap pairs and one pixel.
const ENOUGH_TENTHS: usize = 35;

impl Columns {
    pub(super) fn new(
        axis: &Axis,
        source: Range<usize>,
        channels: [usize; CHANNELS],
        layout: Layout,
    ) -> Self {
        let draft = Self {
            pairs_per_load: 1,
            starts: Vec::new(),
            vectors: 0,
            loads: 0,
            pairs: axis.max_taps().max(1).div_ceil(2),
            clamp: axis.clamp,
            bases: Vec::new(),
            tables: Vec::new(),
            row_bytes: (source.len() * CHANNELS).max(LOAD),
            columns: axis.len(),
            layout,
        };
        let lanes = axis.len() * CHANNELS;
        let window = |lane: usize| lane_window(axis, source.start, channels, lane);
        let fours: Vec<Range<usize>> = (0..lanes)
            .step_by(HALF_LANES)
            .map(|start| start..start + HALF_LANES)
            .collect();
        let fit = |halves: &[Range<usize>], pairs| {
            let mut all = halves.iter();
            all.all(|half| draft.fits(half.clone(), pairs, window))
        };
        for pairs_per_load in [2, 1] {
            if fit(&fours, pairs_per_load) {
                return draft.filled(&fours, pairs_per_load, window);
            }
        }
        let mut halves = Vec::with_capacity(lanes);
        let mut start = 0;
        while start < lanes {
            let fits = |length: &usize| *length == 1 || draft.fits(start..start + length, 1, window);
            let length = (1..=HALF_LANES).rev().find(fits).unwrap_or(1);
            halves.push(start..start + length);
            start += length;
        }
        if lanes * 10 >= halves.len() * ENOUGH_TENTHS {
            return draft.filled(&halves, 1, window);
        }
        // Two pairs of one pixel always fit.
        let pixels: Vec<Range<usize>> = (0..axis.len())
            .map(|pixel| pixel * CHANNELS..(pixel + 1) * CHANNELS)
            .collect();
        draft.filled(&pixels, 2, window)
    }

    /// The first byte of a load that serves the taps `taps` of some lanes.
    fn base<'a>(
        &self,
        half: Range<usize>,
        taps: &Range<usize>,
        window: impl Fn(usize) -> Option<LaneWindow<'a>>,
    ) -> usize {
        half.filter_map(window)
            .filter(|window| taps.start < window.weights.len())
            .map(|window| window.byte + taps.start * CHANNELS)
            .min()
            .unwrap_or(0)
            .min(self.row_bytes - LOAD)
    }

    /// The taps that each load serves.
    fn taps(&self, pairs_per_load: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let taps = 2 * pairs_per_load;
        let loads = self.pairs.div_ceil(pairs_per_load);
        (0..loads).map(move |load| load * taps..(load + 1) * taps)
    }

    /// Whether each load holds all bytes that it serves.
    fn fits<'a>(
        &self,
        half: Range<usize>,
        pairs_per_load: usize,
        window: impl Fn(usize) -> Option<LaneWindow<'a>> + Copy,
    ) -> bool {
        self.taps(pairs_per_load).all(|taps| {
            let base = self.base(half.clone(), &taps, window);
            half.clone().filter_map(window).all(|window| {
                let end = taps.end.min(window.weights.len());
                end <= taps.start || window.byte + (end - 1) * CHANNELS - base < LOAD
            })
        })
    }

    /// The tables for halves that fit.
    fn filled<'a>(
        self,
        halves: &[Range<usize>],
        pairs_per_load: usize,
        window: impl Fn(usize) -> Option<LaneWindow<'a>> + Copy,
    ) -> Self {
        let vectors = halves.len().div_ceil(HALVES);
        let loads = self.pairs.div_ceil(pairs_per_load);
        let mut bases = vec![[0; HALVES]; vectors * loads];
        let nothing = [HalfBlock([NOTHING; 32]), HalfBlock([0; 32]), HalfBlock([0; 32])];
        let mut tables = vec![nothing; vectors * self.pairs];
        let end = halves.last().map_or(0, |half| half.end);
        let mut starts = vec![[end as u32; HALVES]; vectors];
        for (index, lanes) in halves.iter().enumerate() {
            let (vector, half) = (index / HALVES, index % HALVES);
            starts[vector][half] = lanes.start as u32;
            for (load, taps) in self.taps(pairs_per_load).enumerate() {
                let base = self.base(lanes.clone(), &taps, window);
                bases[vector * loads + load][half] = base as u32;
                for (lane, window) in lanes.clone().map(window).enumerate() {
                    let Some(window) = window else { continue };
                    let served = window.weights.iter().enumerate().take(taps.end).skip(taps.start);
                    for (tap, weight) in served {
                        let (pair, side) = (tap / 2, tap % 2);
                        let place = half * LOAD + lane * 4 + side * 2;
                        let [indices, upper, lower] = &mut tables[vector * self.pairs + pair];
                        indices.0[place] = (window.byte + tap * CHANNELS - base) as u8;
                        let parts = split(*weight).map(i16::to_le_bytes);
                        upper.0[place..place + 2].copy_from_slice(&parts[0]);
                        lower.0[place..place + 2].copy_from_slice(&parts[1]);
                    }
                }
            }
        }
        if halves.iter().all(|half| half.len() == HALF_LANES) {
            starts.clear();
        }
        Self {
            pairs_per_load,
            starts,
            vectors,
            loads,
            bases,
            tables,
            ..self
        }
    }
}
