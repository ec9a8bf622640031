//! How the lanes of all columns come to vectors, and the tables of these.

use std::ops::Range;

use prep_onnx_pipeline::CHANNELS;

use super::short;
use super::tables::{ByColumn, Edge, HALF_LANES, HALVES, HalfBlock, Head, LOAD, PAIR_BYTES, Straight};
use super::taps::Taps;
use crate::split::split;

/// The fewest lanes of a half, on average and times ten, at which one tap pair a load costs less than two
/// tap pairs and one pixel.
const ENOUGH_TENTHS: usize = 33;

/// What the tables of all vectors are made of.
pub(super) struct Plan<'a> {
    /// Of each lane.
    pub(super) taps: &'a [Taps<'a>],
    pub(super) pairs: usize,
    pub(super) light: bool,
    pub(super) row_bytes: usize,
}

impl Plan<'_> {
    /// Whether there is code for straight vectors of so many pairs, `per_load` of which share a load.
    pub(super) fn is_short(&self, per_load: usize) -> bool {
        short::KINDS.contains(&(per_load, self.pairs, self.light))
    }

    pub(super) fn vectors(&self, per_load: usize, halves: &[Range<usize>], clamp: bool) -> ByColumn {
        let lanes = self.taps.len();
        let vectors: Vec<[Range<usize>; HALVES]> = halves
            .chunks(HALVES)
            .map(|halves| [0, 1].map(|half| halves.get(half).cloned().unwrap_or(lanes..lanes)))
            .collect();
        let straight = self.straight(per_load, &vectors);
        let edge = self.edge(&vectors[straight.heads.len()..]);
        ByColumn {
            straight,
            edge,
            clamp,
            lanes: lanes + HALF_LANES,
        }
    }

    /// The lanes of the halves, and how many pairs one load serves.
    pub(super) fn halves(&self) -> (usize, Vec<Range<usize>>) {
        let lanes = self.taps.len();
        let fours = (0..lanes)
            .step_by(HALF_LANES)
            .map(|start| start..(start + HALF_LANES).min(lanes));
        let fours: Vec<Range<usize>> = fours.collect();
        for per_load in [2, 1] {
            if fours.iter().all(|half| self.fits(half, per_load)) {
                return (per_load, fours);
            }
        }
        let mut halves = Vec::with_capacity(lanes);
        let mut start = 0;
        while start < lanes {
            let fits = |length: &usize| start + length <= lanes && self.fits(&(start..start + length), 1);
            let length = (1..=HALF_LANES).rev().find(fits).unwrap_or(1);
            halves.push(start..start + length);
            start += length;
        }
        if lanes * 10 >= halves.len() * ENOUGH_TENTHS {
            return (1, halves);
        }
        // Lanes of a pixel have the same weights, and so always fit.
        let pixels = (0..lanes).step_by(CHANNELS).map(|start| start..start + CHANNELS);
        (2, pixels.collect())
    }

    /// Whether the lanes of a half find their bytes in one load of `per_load` pairs, and in one of light taps.
    fn fits(&self, half: &Range<usize>, per_load: usize) -> bool {
        let spread =
            |bytes: Option<(usize, usize)>, most| bytes.is_none_or(|(first, last)| last - first <= most);
        let taps = LOAD - 1 - CHANNELS - (per_load - 1) * PAIR_BYTES;
        spread(self.starts(half), taps) && spread(self.lights(half), LOAD - 1)
    }

    /// The lowest and the highest byte that a lane of a half begins at.
    fn starts(&self, half: &Range<usize>) -> Option<(usize, usize)> {
        extremes(self.taps[half.clone()].iter().filter_map(Taps::start))
    }

    /// The lowest and the highest byte of a light tap.
    fn lights(&self, half: &Range<usize>) -> Option<(usize, usize)> {
        extremes(
            self.taps[half.clone()]
                .iter()
                .filter_map(|taps| Some(self.light_of(taps)?.0)),
        )
    }

    /// The byte and the weight of a light tap.
    fn light_of(&self, taps: &Taps<'_>) -> Option<(usize, i32)> {
        let place = 2 * self.pairs;
        (self.light && place < taps.weights.len()).then(|| taps.at(place))
    }

    /// The byte from which on the light taps of a half are loaded.
    fn light_base(&self, half: &Range<usize>) -> usize {
        let (first, _) = self.lights(half).unwrap_or_default();
        first.min(self.row_bytes - LOAD)
    }

    /// The first vectors, as many as can be straight: none, where there is no code for so many pairs.
    fn straight(&self, per_load: usize, vectors: &[[Range<usize>; HALVES]]) -> Straight {
        let blocks = Straight::blocks(per_load, self.pairs, self.light);
        let mut straight = Straight {
            per_load,
            pairs: self.pairs,
            light: self.light,
            heads: Vec::with_capacity(vectors.len()),
            tables: Vec::with_capacity(vectors.len() * blocks),
        };
        let last_load = (self.pairs.div_ceil(per_load) - 1) * per_load * PAIR_BYTES;
        if !self.is_short(per_load) {
            return straight;
        }
        for halves in vectors {
            let bases = halves
                .each_ref()
                .map(|half| self.starts(half).unwrap_or_default().0);
            if bases.iter().any(|base| base + last_load + LOAD > self.row_bytes) {
                break;
            }
            let light = halves.each_ref().map(|half| self.light_base(half));
            straight.heads.push(Head {
                starts: halves.each_ref().map(|half| half.start as u32),
                bases: bases.map(|base| base as u32),
                light: light.map(|base| base as u32),
            });
            let from = straight.tables.len();
            straight
                .tables
                .extend(std::iter::repeat_n(HalfBlock::NOTHING, per_load));
            straight.tables.resize(from + blocks, HalfBlock::ZERO);
            let (indices, weights) = straight.tables[from..].split_at_mut(per_load);
            let (weights, lights) = weights.split_at_mut(2 * self.pairs);
            if let [indices, _] = lights {
                *indices = HalfBlock::NOTHING;
            }
            for (half, lanes) in halves.iter().enumerate() {
                for (lane, taps) in self.taps[lanes.clone()].iter().enumerate() {
                    let Some(start) = taps.start() else { continue };
                    for (pair, indices) in indices.iter_mut().enumerate() {
                        let index = (start - bases[half] + pair * PAIR_BYTES) as u8;
                        indices.point(half, lane, 0, index);
                        indices.point(half, lane, 1, index + CHANNELS as u8);
                    }
                    for place in 0..taps.weights.len().min(2 * self.pairs) {
                        let parts = split(taps.at(place).1).map(i16::to_le_bytes);
                        for (part, value) in parts.into_iter().enumerate() {
                            weights[place / 2 * 2 + part].put(half, lane, place % 2, value);
                        }
                    }
                    if let (Some((byte, weight)), [indices, lower]) = (self.light_of(taps), &mut *lights) {
                        put_light(indices, lower, (half, lane), (byte - light[half]) as u8, weight);
                    }
                }
            }
        }
        straight
    }

    /// The vectors of which some load would leave the row.
    fn edge(&self, vectors: &[[Range<usize>; HALVES]]) -> Edge {
        let pairs = self.pairs + usize::from(self.light);
        let mut edge = Edge {
            pairs,
            starts: Vec::with_capacity(vectors.len()),
            bases: Vec::with_capacity(vectors.len() * pairs),
            tables: Vec::with_capacity(vectors.len() * pairs),
        };
        for halves in vectors {
            edge.starts.push(halves.each_ref().map(|half| half.start as u32));
            for pair in 0..pairs {
                let mut bases = [0; HALVES];
                let [mut indices, mut upper, mut lower] =
                    [HalfBlock::NOTHING, HalfBlock::ZERO, HalfBlock::ZERO];
                for (half, lanes) in halves.iter().enumerate() {
                    let lanes = &self.taps[lanes.clone()];
                    let places = 2 * pair..2 * pair + 2;
                    let bytes = lanes.iter().flat_map(|taps| taps.bytes(&places));
                    let base = bytes.min().unwrap_or(0).min(self.row_bytes - LOAD);
                    bases[half] = base as u32;
                    for (lane, taps) in lanes.iter().enumerate() {
                        for place in places.start..places.end.min(taps.weights.len()) {
                            let (byte, weight) = taps.at(place);
                            let (index, side) = ((byte - base) as u8, place % 2);
                            if pair == self.pairs {
                                put_light(&mut indices, &mut lower, (half, lane), index, weight);
                                continue;
                            }
                            indices.point(half, lane, side, index);
                            let [high, low] = split(weight).map(i16::to_le_bytes);
                            upper.put(half, lane, side, high);
                            lower.put(half, lane, side, low);
                        }
                    }
                }
                edge.bases.push(bases);
                edge.tables.push([indices, upper, lower]);
            }
        }
        edge
    }
}

fn extremes(bytes: impl Iterator<Item = usize>) -> Option<(usize, usize)> {
    bytes.fold(None, |all, byte| {
        let (first, last) = all.unwrap_or((byte, byte));
        Some((first.min(byte), last.max(byte)))
    })
}

/// A light tap: the same byte twice, for two parts of the weight.
fn put_light(
    indices: &mut HalfBlock,
    lower: &mut HalfBlock,
    (half, lane): (usize, usize),
    index: u8,
    weight: i32,
) {
    for (side, part) in [weight / 2, weight - weight / 2].into_iter().enumerate() {
        indices.point(half, lane, side, index);
        lower.put(half, lane, side, (part as i16).to_le_bytes());
    }
}
