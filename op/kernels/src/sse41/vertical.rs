//! Row groups to one output row.

use std::arch::x86_64::*;

use super::Sse41;
use crate::elements::{RowSums, Run, write_row};
use crate::finish::AffineForm;
use crate::split::{GroupWeights, LOW_BITS, group_weights};
use crate::windows::GroupWindows;
use crate::{Axis, Finish, HALF, Lanes, PRECISION, Ring, RowOut};

/// Vectors of a block.
const VECTORS: usize = 4;

/// Tables of the vertical pass.
pub struct Rows {
    windows: GroupWindows<GroupWeights>,
}

impl Rows {
    pub(super) fn new(axis: &Axis, first: usize) -> Self {
        Self {
            windows: GroupWindows::new(axis, first, group_weights),
        }
    }
}

pub(super) fn resize(
    isa: Sse41,
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
        ring,
    };
    write_row(&window, finish, out);
}

/// The window of one output row.
struct Window<'a> {
    isa: Sse41,
    /// First row group.
    group: usize,
    /// Weights of each group.
    weights: &'a [GroupWeights],
    ring: &'a Ring<'a>,
}

impl RowSums for Window<'_> {
    fn floats(&self, _: &AffineForm, _: &mut [Run<'_, f32>]) -> bool {
        false
    }

    fn bytes(&self, runs: &mut [Run<'_, u8>]) {
        let Sse41(()) = self.isa;
        // SAFETY: `isa` proves the features.
        unsafe { sum(self, runs) }
    }
}

/// Sums the window's row groups for every run.
#[target_feature(enable = "ssse3,sse4.1")]
fn sum(window: &Window<'_>, runs: &mut [Run<'_, u8>]) {
    let ring = window.ring;
    let from = window.group % ring.slots;
    let zero = _mm_setzero_si128();
    for Run { first, out } in runs {
        for (at, out) in out.chunks_mut(Lanes::COUNT).enumerate() {
            let mut upper = [zero; VECTORS];
            let mut lower = [_mm_set1_epi32(HALF); VECTORS];
            let mut slot = from;
            for [[high0, low0], [high1, low1]] in window.weights {
                let block = &ring.blocks[slot * ring.blocks_per_group + *first + at];
                let (high0, low0) = (_mm_set1_epi32(*high0), _mm_set1_epi32(*low0));
                let (high1, low1) = (_mm_set1_epi32(*high1), _mm_set1_epi32(*low1));
                for (vector, (upper, lower)) in upper.iter_mut().zip(&mut lower).enumerate() {
                    // SAFETY: `Lanes` is 64 bytes, aligned to 64: four vectors.
                    let packed = unsafe { _mm_load_si128(block.0.as_ptr().cast::<__m128i>().add(vector)) };
                    let first = _mm_and_si128(packed, _mm_set1_epi16(0x00ff));
                    let second = _mm_srli_epi16::<8>(packed);
                    let high = _mm_add_epi32(_mm_madd_epi16(first, high0), _mm_madd_epi16(second, high1));
                    let low = _mm_add_epi32(_mm_madd_epi16(first, low0), _mm_madd_epi16(second, low1));
                    *upper = _mm_add_epi32(*upper, high);
                    *lower = _mm_add_epi32(*lower, low);
                }
                slot = ring.next(slot);
            }
            for (value, lower) in upper.iter_mut().zip(lower) {
                let sum = _mm_add_epi32(_mm_slli_epi32::<{ LOW_BITS as i32 }>(*value), lower);
                *value = _mm_srai_epi32::<{ PRECISION as i32 }>(sum);
            }
            // Both packs saturate, which is the clamp: values lie in -512 to 511.
            let bytes = _mm_packus_epi16(
                _mm_packs_epi32(upper[0], upper[1]),
                _mm_packs_epi32(upper[2], upper[3]),
            );
            if let Ok(whole) = <&mut [u8; Lanes::COUNT]>::try_from(&mut *out) {
                // SAFETY: sixteen bytes.
                unsafe { _mm_storeu_si128(whole.as_mut_ptr().cast(), bytes) }
            } else {
                let mut whole = [0; Lanes::COUNT];
                // SAFETY: sixteen bytes.
                unsafe { _mm_storeu_si128(whole.as_mut_ptr().cast(), bytes) }
                let length = out.len();
                out.copy_from_slice(&whole[..length]);
            }
        }
    }
}
