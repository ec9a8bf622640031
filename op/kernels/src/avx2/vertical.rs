//! Row groups to one output row.

use std::arch::x86_64::*;

use super::sinks::by_phase;
use super::{Avx2, LOW_BITS, pair, split};
use crate::elements::{RowSums, RunConstants, write_row};
use crate::windows::GroupWindows;
use crate::x86::{Bytes, InTurn, Sink, Uniform};
use crate::{Axis, Finish, HALF, PRECISION};
use crate::{Lanes, Ring, RowOut};

/// Weights of two rows: upper parts, lower parts.
type PairWeights = [i32; 2];

/// Weights of the four rows of a group: rows 0 and 1, rows 2 and 3.
type GroupWeights = [PairWeights; 2];

/// Tables of the vertical pass.
pub struct Rows {
    windows: GroupWindows<GroupWeights>,
    clamp: bool,
}

impl Rows {
    pub(super) fn new(axis: &Axis, first: usize) -> Self {
        let windows = GroupWindows::new(axis, first, |weights| {
            let [[high0, low0], [high1, low1], [high2, low2], [high3, low3]] = weights.map(split);
            [
                [pair(high0, high1), pair(low0, low1)],
                [pair(high2, high3), pair(low2, low3)],
            ]
        });
        Self {
            windows,
            clamp: axis.clamp,
        }
    }
}

pub(super) fn resize(
    isa: Avx2,
    rows: &Rows,
    row: usize,
    ring: &Ring<'_>,
    finish: &Finish,
    out: &mut RowOut<'_>,
) {
    let (group, weights) = rows.windows.window(row);
    let window = Window {
        isa,
        group,
        weights,
        clamp: rows.clamp,
        ring,
    };
    write_row(&window, finish, out);
}

/// The window of one output row.
struct Window<'a> {
    isa: Avx2,
    /// First row group.
    group: usize,
    /// Weights of each group.
    weights: &'a [GroupWeights],
    clamp: bool,
    ring: &'a Ring<'a>,
}

impl RowSums for Window<'_> {
    fn floats(&self, first: usize, constants: RunConstants<'_>, out: &mut [f32]) {
        let Avx2(()) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { self.write_floats(first, constants, out) }
    }

    fn bytes(&self, first: usize, out: &mut [u8]) {
        let Avx2(()) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { sum(self, first, &mut Bytes { out }) }
    }
}

impl Window<'_> {
    #[target_feature(enable = "avx2,fma")]
    fn write_floats(&self, first: usize, constants: RunConstants<'_>, out: &mut [f32]) {
        match constants {
            RunConstants::Uniform(values) => {
                let constants = values.map(|value| _mm256_set1_ps(value));
                sum(self, first, &mut Uniform { constants, out });
            }
            RunConstants::InTurn(values) => {
                let constants = by_phase(values);
                sum(self, first, &mut InTurn { constants, out });
            }
        }
    }
}

/// Sums the window's row groups from block `first` on, as many lanes as the sink takes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sum<S: Sink<[__m256i; 2]>>(window: &Window<'_>, first: usize, sink: &mut S) {
    // A macro, because the count picks among constants.
    macro_rules! unrolled {
        ($($groups:literal),*) => {
            match window.weights.len() {
                $($groups => few::<$groups, S>(window, first, sink),)*
                _ => many(window, first, sink),
            }
        };
    }
    unrolled!(1, 2, 3, 4, 5);
}

/// The upper and lower sums of a block, the rounding term among the lower.
struct Sums {
    upper: [__m256i; 2],
    lower: [__m256i; 2],
}

impl Sums {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        let zero = _mm256_setzero_si256();
        Self {
            upper: [zero; 2],
            lower: [_mm256_set1_epi32(HALF); 2],
        }
    }

    /// Adds the rows of a group whose pair is wanted.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, lanes: &Lanes, weights: &GroupWeights, wanted: [bool; 2]) {
        let low_bytes = _mm256_set1_epi32(0x00ff_00ff);
        for half in 0..2 {
            // SAFETY: `Lanes` is 64 bytes, aligned to 64: two vectors.
            let packed = unsafe { _mm256_load_si256(lanes.0.as_ptr().cast::<__m256i>().add(half)) };
            if wanted[0] {
                self.add_pair(half, _mm256_and_si256(packed, low_bytes), &weights[0]);
            }
            if wanted[1] {
                self.add_pair(half, _mm256_srli_epi16::<8>(packed), &weights[1]);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add_pair(&mut self, half: usize, rows: __m256i, weights: &PairWeights) {
        let [high, low] = weights.map(|weight| _mm256_madd_epi16(rows, _mm256_set1_epi32(weight)));
        self.upper[half] = _mm256_add_epi32(self.upper[half], high);
        self.lower[half] = _mm256_add_epi32(self.lower[half], low);
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn values(&self, clamp: bool) -> [__m256i; 2] {
        [0, 1].map(|half| {
            let upper = _mm256_slli_epi32::<{ LOW_BITS as i32 }>(self.upper[half]);
            let sum = _mm256_add_epi32(upper, self.lower[half]);
            if clamp {
                let value = _mm256_srai_epi32::<{ PRECISION as i32 }>(sum);
                let positive = _mm256_max_epi32(value, _mm256_setzero_si256());
                _mm256_min_epi32(positive, _mm256_set1_epi32(255))
            } else {
                _mm256_srli_epi32::<{ PRECISION as i32 }>(sum)
            }
        })
    }
}

#[target_feature(enable = "avx2,fma")]
fn few<const GROUPS: usize, S: Sink<[__m256i; 2]>>(window: &Window<'_>, first: usize, sink: &mut S) {
    let blocks = sink.length().div_ceil(Lanes::COUNT);
    let weights = &window.weights[..GROUPS];
    let groups: [&[Lanes]; GROUPS] = window.ring.groups(window.group, first..first + blocks);
    // A window may begin or end with two rows that weigh nothing.
    let leads = weights.first().is_some_and(|weights| weights[0] != [0, 0]);
    let trails = weights.last().is_some_and(|weights| weights[1] != [0, 0]);
    for at in 0..blocks {
        let mut sums = Sums::new();
        for (number, (group, weights)) in groups.iter().zip(weights).enumerate() {
            let wanted = [number > 0 || leads, number + 1 < GROUPS || trails];
            sums.add(&group[at], weights, wanted);
        }
        // SAFETY: this function enables the features, and there are as many blocks as the sink takes.
        unsafe { sink.store(at, sums.values(window.clamp)) }
    }
}

/// Any number of groups.
#[target_feature(enable = "avx2,fma")]
fn many<S: Sink<[__m256i; 2]>>(window: &Window<'_>, first: usize, sink: &mut S) {
    let ring = window.ring;
    let from = window.group % ring.slots;
    for at in 0..sink.length().div_ceil(Lanes::COUNT) {
        let mut sums = Sums::new();
        let mut slot = from;
        for weights in window.weights {
            let lanes = &ring.blocks[slot * ring.blocks_per_group + first + at];
            sums.add(lanes, weights, [true; 2]);
            slot = ring.next(slot);
        }
        // SAFETY: this function enables the features, and there are as many blocks as the sink takes.
        unsafe { sink.store(at, sums.values(true)) }
    }
}
