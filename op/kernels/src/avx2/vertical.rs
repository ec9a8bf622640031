//! Row groups to one output row.

use std::arch::x86_64::*;

use super::Avx2;
use crate::elements::{RowSums, Run, write_row};
use crate::finish::AffineForm;
use crate::split::{GroupWeights, LOW_BITS, PairWeights, group_weights};
use crate::windows::GroupWindows;
use crate::x86::{self, Bytes, InTurn, Sink, Uniform};
use crate::{Axis, Finish, HALF, PRECISION};
use crate::{Lanes, Ring, RowOut};

/// Tables of the vertical pass.
pub struct Rows {
    windows: GroupWindows<GroupWeights>,
    clamp: bool,
}

impl Rows {
    pub(super) fn new(axis: &Axis, first: usize) -> Self {
        Self {
            windows: GroupWindows::new(axis, first, group_weights),
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
    let window = Window::new(isa, &rows.windows, row, rows.clamp, ring);
    write_row(&window, finish, out);
}

/// The window of one output row.
type Window<'a> = x86::Window<'a, Avx2, GroupWeights>;

impl RowSums for Window<'_> {
    fn floats(&self, form: &AffineForm, runs: &mut [Run<'_, f32>]) -> bool {
        let Avx2(()) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe {
            match runs.len() {
                1 => sum(self, runs, &InTurn(form)),
                _ => sum(self, runs, &Uniform(form)),
            }
        }
        true
    }

    fn bytes(&self, runs: &mut [Run<'_, u8>]) {
        let Avx2(()) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { sum(self, runs, &Bytes) }
    }
}

/// Sums the window's row groups for every run.
#[target_feature(enable = "avx2,fma")]
fn sum<S: Sink<[__m256i; 2]>>(window: &Window<'_>, runs: &mut [Run<'_, S::Element>], sink: &S) {
    let pairs = window.weights.as_flattened();
    // A window may begin or end with two rows that weigh nothing.
    let odd = pairs.first().is_some_and(|weights| *weights == [0, 0]);
    let empty = pairs.last().is_some_and(|weights| *weights == [0, 0]);
    let pairs = &pairs[usize::from(odd)..pairs.len() - usize::from(empty)];
    for run in &*runs {
        assert!(
            run.first + run.blocks() <= window.ring.blocks_per_group,
            "blocks of a group"
        );
    }
    // A macro, because the counts pick among constants.
    macro_rules! unrolled {
        ($($groups:literal $odd:literal $pairs:literal),*) => {
            match (pairs.len(), odd) {
                $(($pairs, $odd) => few::<$groups, $odd, $pairs, S>(window, pairs, runs, sink),)*
                _ => many(window, runs, sink),
            }
        };
    }
    unrolled!(
        1 false 1, 1 true 1, 1 false 2, 2 true 2, 2 false 3, 2 true 3, 2 false 4, 3 true 4, 3 false 5, 3 true 5, 3 false 6, 4 true 6
    );
}

/// The upper and lower sums of eight lanes, the rounding term among the lower.
#[derive(Clone, Copy)]
struct Sums {
    upper: __m256i,
    lower: __m256i,
}

impl Sums {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new() -> Self {
        Self {
            upper: _mm256_setzero_si256(),
            lower: _mm256_set1_epi32(HALF),
        }
    }

    /// Adds rows `2 * pair` and `2 * pair + 1` of a group.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(&mut self, packed: __m256i, pair: usize, [upper, lower]: [__m256i; 2]) {
        let rows = if pair == 0 {
            _mm256_and_si256(packed, _mm256_set1_epi32(0x00ff_00ff))
        } else {
            _mm256_srli_epi16::<8>(packed)
        };
        self.upper = _mm256_add_epi32(self.upper, _mm256_madd_epi16(rows, upper));
        self.lower = _mm256_add_epi32(self.lower, _mm256_madd_epi16(rows, lower));
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn whole(self) -> __m256i {
        _mm256_add_epi32(_mm256_slli_epi32::<{ LOW_BITS as i32 }>(self.upper), self.lower)
    }
}

/// The values of rounded sums.
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) fn values(mut sums: [__m256i; 2], clamp: bool) -> [__m256i; 2] {
    if clamp {
        for value in &mut sums {
            let positive = _mm256_max_epi32(*value, _mm256_setzero_si256());
            let shifted = _mm256_srli_epi32::<{ PRECISION as i32 }>(positive);
            *value = _mm256_min_epi32(shifted, _mm256_set1_epi32(255));
        }
    } else {
        for value in &mut sums {
            *value = _mm256_srli_epi32::<{ PRECISION as i32 }>(*value);
        }
    }
    sums
}

/// Half `half` of a block.
///
/// # Safety
/// `block` is one of [`Lanes`].
#[inline]
#[target_feature(enable = "avx2")]
pub(crate) unsafe fn load(block: *const Lanes, half: usize) -> __m256i {
    // SAFETY: `Lanes` is 64 bytes, aligned to 64: two vectors.
    unsafe { _mm256_load_si256(block.cast::<__m256i>().add(half)) }
}

/// `PAIRS` pairs of rows in `GROUPS` row groups; `ODD`: the first one is the second pair of its group. There are as many blocks
/// as the runs take.
#[target_feature(enable = "avx2,fma")]
fn few<const GROUPS: usize, const ODD: bool, const PAIRS: usize, S: Sink<[__m256i; 2]>>(
    window: &Window<'_>,
    pairs: &[PairWeights],
    runs: &mut [Run<'_, S::Element>],
    sink: &S,
) {
    let clamp = window.clamp;
    let pairs = &pairs[..PAIRS];
    let weights: [[__m256i; 2]; PAIRS] =
        std::array::from_fn(|pair| pairs[pair].map(|part| _mm256_set1_epi32(part)));
    for (index, run) in runs.iter_mut().enumerate() {
        // SAFETY: this function enables the features.
        let held = unsafe { sink.held(index) };
        let starts: [*const Lanes; GROUPS] =
            std::array::from_fn(|group| window.starts[group].wrapping_add(run.first));
        for at in 0..run.blocks() {
            let mut sums = [Sums::new(); 2];
            for (half, sums) in sums.iter_mut().enumerate() {
                for (group, start) in starts.iter().enumerate() {
                    // SAFETY: the group has as many blocks from `first` on as the run takes.
                    let packed = unsafe { load(start.add(at), half) };
                    for place in 0..2 {
                        let pair = (2 * group + place).wrapping_sub(usize::from(ODD));
                        if pair < PAIRS {
                            sums.add(packed, place, weights[pair]);
                        }
                    }
                }
            }
            // SAFETY: this function enables the features, and there are as many blocks as the run takes.
            unsafe {
                sink.store(
                    &held,
                    run.out,
                    at,
                    values([sums[0].whole(), sums[1].whole()], clamp),
                )
            }
        }
    }
}

/// Any number of groups.
#[target_feature(enable = "avx2,fma")]
fn many<S: Sink<[__m256i; 2]>>(window: &Window<'_>, runs: &mut [Run<'_, S::Element>], sink: &S) {
    let ring = window.ring;
    let from = window.group % ring.slots;
    for (index, run) in runs.iter_mut().enumerate() {
        // SAFETY: this function enables the features.
        let held = unsafe { sink.held(index) };
        for at in 0..run.blocks() {
            let mut sums = [Sums::new(); 2];
            let mut slot = from;
            for weights in window.weights {
                let block = &ring.blocks[slot * ring.blocks_per_group + run.first + at];
                for (half, sums) in sums.iter_mut().enumerate() {
                    // SAFETY: a block.
                    let packed = unsafe { load(block, half) };
                    for (place, weights) in weights.iter().enumerate() {
                        sums.add(packed, place, weights.map(|part| _mm256_set1_epi32(part)));
                    }
                }
                slot = ring.next(slot);
            }
            // SAFETY: this function enables the features, and there are as many blocks as the run takes.
            unsafe {
                sink.store(
                    &held,
                    run.out,
                    at,
                    values([sums[0].whole(), sums[1].whole()], true),
                )
            }
        }
    }
}
