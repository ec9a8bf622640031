//! Which bytes each half of a vector loads in the horizontal pass, and the weights beside them.

use std::ops::Range;

use prep_onnx_pipeline::{CHANNELS, Layout};

use super::split;
use super::taps::{Taps, lighten};
use crate::Axis;
use crate::x86::lane_window;

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
pub struct Columns {
    /// How many tap pairs one load serves.
    pub(super) pairs_per_load: usize,
    /// Where the lanes of each half of each vector begin; empty where every half has four.
    pub(super) starts: Vec<[u32; HALVES]>,
    pub(super) vectors: usize,
    pub(super) loads: usize,
    /// Tap pairs of a vector; the last load may serve fewer than the others.
    pub(super) pairs: usize,
    /// Whether the last pair is one tap, whose weight has no upper part.
    pub(super) light: bool,
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
        let lanes = axis.len() * CHANNELS;
        let windows = (0..lanes).map(|lane| lane_window(axis, source.start, channels, lane));
        let mut taps: Vec<Taps<'_>> = windows
            .map(|window| window.map_or(Taps::NONE, |window| Taps::new(window.byte, window.weights)))
            .collect();
        taps.resize_with(lanes.next_multiple_of(HALF_LANES), || Taps::NONE);
        let draft = Self {
            pairs_per_load: 1,
            starts: Vec::new(),
            vectors: 0,
            loads: 0,
            pairs: axis.max_taps().max(1).div_ceil(2),
            light: lighten(&mut taps, axis.max_taps()),
            clamp: axis.clamp,
            bases: Vec::new(),
            tables: Vec::new(),
            row_bytes: (source.len() * CHANNELS).max(LOAD),
            columns: axis.len(),
            layout,
        };
        let fours: Vec<Range<usize>> = (0..lanes)
            .step_by(HALF_LANES)
            .map(|start| start..start + HALF_LANES)
            .collect();
        let fit =
            |halves: &[Range<usize>], pairs| halves.iter().all(|half| draft.fits(&taps[half.clone()], pairs));
        for pairs_per_load in [2, 1] {
            if fit(&fours, pairs_per_load) {
                return draft.filled(&fours, pairs_per_load, &taps);
            }
        }
        let mut halves = Vec::with_capacity(lanes);
        let mut start = 0;
        while start < lanes {
            let fits = |length: &usize| {
                let lanes = taps.get(start..start + length);
                lanes.is_some_and(|lanes| draft.fits(lanes, 1))
            };
            let length = (1..=HALF_LANES).rev().find(fits).unwrap_or(1);
            halves.push(start..start + length);
            start += length;
        }
        if lanes * 10 >= halves.len() * ENOUGH_TENTHS {
            return draft.filled(&halves, 1, &taps);
        }
        let pixels: Vec<Range<usize>> = (0..axis.len())
            .map(|pixel| pixel * CHANNELS..(pixel + 1) * CHANNELS)
            .collect();
        if fit(&pixels, 2) {
            return draft.filled(&pixels, 2, &taps);
        }
        // Two pairs of one pixel always fit where taps are in their own order.
        for taps in &mut taps {
            taps.turned = false;
        }
        let draft = Self {
            light: false,
            ..draft
        };
        draft.filled(&pixels, 2, &taps)
    }

    /// The first byte of a load that serves the taps `served` of some lanes.
    fn base(&self, lanes: &[Taps<'_>], served: &Range<usize>) -> usize {
        let bytes = lanes.iter().flat_map(|taps| taps.bytes(served));
        bytes.min().unwrap_or(0).min(self.row_bytes - LOAD)
    }

    /// The taps that each load serves.
    fn taps(&self, pairs_per_load: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let taps = 2 * pairs_per_load;
        let loads = self.pairs.div_ceil(pairs_per_load);
        (0..loads).map(move |load| load * taps..(load + 1) * taps)
    }

    /// Whether each load holds all bytes that it serves.
    fn fits(&self, lanes: &[Taps<'_>], pairs_per_load: usize) -> bool {
        self.taps(pairs_per_load).all(|served| {
            let base = self.base(lanes, &served);
            let mut bytes = lanes.iter().flat_map(|taps| taps.bytes(&served));
            bytes.all(|byte| byte - base < LOAD)
        })
    }

    /// The tables for halves that fit.
    fn filled(self, halves: &[Range<usize>], pairs_per_load: usize, taps: &[Taps<'_>]) -> Self {
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
            for (load, served) in self.taps(pairs_per_load).enumerate() {
                let lanes = &taps[lanes.clone()];
                let base = self.base(lanes, &served);
                bases[vector * loads + load][half] = base as u32;
                for (lane, taps) in lanes.iter().enumerate() {
                    for place in served.start..served.end.min(taps.weights.len()) {
                        let (byte, weight) = taps.at(place);
                        let (pair, side) = (place / 2, place % 2);
                        let index = (byte - base) as u8;
                        let at = half * LOAD + lane * 4 + side * 2;
                        let [indices, upper, lower] = &mut tables[vector * self.pairs + pair];
                        indices.0[at] = index;
                        let parts = split(weight).map(i16::to_le_bytes);
                        upper.0[at..at + 2].copy_from_slice(&parts[0]);
                        lower.0[at..at + 2].copy_from_slice(&parts[1]);
                        if self.light && pair + 1 == self.pairs {
                            // The same byte twice, for two parts of the weight.
                            indices.0[at + 2] = index;
                            for (part, place) in [(weight / 2, at), (weight - weight / 2, at + 2)] {
                                lower.0[place..place + 2].copy_from_slice(&(part as i16).to_le_bytes());
                            }
                        }
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
