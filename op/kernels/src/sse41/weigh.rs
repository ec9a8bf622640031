//! The vertical pass where it comes first: weighted sums of whole rows of bytes.

use std::arch::x86_64::*;

use crate::scalar::Scalar;
use crate::split::{LOW_BITS, pair, split};
use crate::{HALF, Isa, PRECISION};

/// Bytes of a vector.
const BYTES: usize = 16;

/// `out[i]` = the rounded sum over taps of `weights[tap] * source[tap * stride + i]`.
#[target_feature(enable = "ssse3,sse4.1")]
pub(super) fn weigh_rows(source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
    let Some(last) = out.len().checked_sub(BYTES) else {
        return Scalar.weigh_rows(source, stride, weights, out);
    };
    for start in (0..out.len()).step_by(BYTES) {
        // The last vector has bytes of the one before, too.
        let start = start.min(last);
        let out = &mut out[start..][..BYTES];
        let zero = _mm_setzero_si128();
        let mut upper = [zero; 4];
        let mut lower = [_mm_set1_epi32(HALF); 4];
        for (two, weights) in weights.chunks(2).enumerate() {
            let [high0, low0] = split(weights[0]);
            let [high1, low1] = split(weights.get(1).copied().unwrap_or(0));
            let (high, low) = (
                _mm_set1_epi32(pair(high0, high1)),
                _mm_set1_epi32(pair(low0, low1)),
            );
            let mut rows = [zero; 2];
            for (tap, row) in rows.iter_mut().enumerate().take(weights.len()) {
                let bytes = &source[(2 * two + tap) * stride + start..][..BYTES];
                // SAFETY: as many bytes as the vector has.
                *row = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
            }
            let first = _mm_unpacklo_epi8(rows[0], rows[1]);
            let second = _mm_unpackhi_epi8(rows[0], rows[1]);
            // Two taps of one byte to a dword.
            let taps = [
                _mm_unpacklo_epi8(first, zero),
                _mm_unpackhi_epi8(first, zero),
                _mm_unpacklo_epi8(second, zero),
                _mm_unpackhi_epi8(second, zero),
            ];
            for (at, taps) in taps.into_iter().enumerate() {
                upper[at] = _mm_add_epi32(upper[at], _mm_madd_epi16(taps, high));
                lower[at] = _mm_add_epi32(lower[at], _mm_madd_epi16(taps, low));
            }
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
        // SAFETY: `out` has as many bytes as the vector.
        unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) }
    }
}
