//! The vertical pass where it comes first: weighted sums of whole rows of bytes.

use std::arch::x86_64::*;

use crate::Isa;
use crate::scalar::Scalar;
use crate::split::{LOW_BITS, pair, split};
use crate::{HALF, PRECISION};

/// Bytes of a vector.
const BYTES: usize = 32;

/// Pairs of taps whose weights are split once for a row, not for each vector of it.
const PREPARED: usize = 64;

/// The upper and the lower parts of the weights of two taps.
fn parts(weights: &[i32]) -> [i32; 2] {
    let [high0, low0] = split(weights[0]);
    let [high1, low1] = split(weights.get(1).copied().unwrap_or(0));
    [pair(high0, high1), pair(low0, low1)]
}

/// `out[i]` = the rounded sum over taps of `weights[tap] * source[tap * stride + i]`.
#[target_feature(enable = "avx2,fma")]
pub(super) fn weigh_rows(source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
    let mut prepared = [[0; 2]; PREPARED];
    for (prepared, weights) in prepared.iter_mut().zip(weights.chunks(2)) {
        *prepared = parts(weights);
    }
    let Some(last) = out.len().checked_sub(BYTES) else {
        return Scalar.weigh_rows(source, stride, weights, out);
    };
    for start in (0..out.len()).step_by(BYTES) {
        // The last vector has bytes of the one before, too.
        let start = start.min(last);
        let out = &mut out[start..][..BYTES];
        let zero = _mm256_setzero_si256();
        let mut upper = [zero; 4];
        let mut lower = [_mm256_set1_epi32(HALF); 4];
        for (two, weights) in weights.chunks(2).enumerate() {
            let [high, low] = match prepared.get(two) {
                Some(parts) => *parts,
                None => parts(weights),
            };
            let (high, low) = (_mm256_set1_epi32(high), _mm256_set1_epi32(low));
            let rows: [__m256i; 2] = std::array::from_fn(|tap| {
                if tap >= weights.len() {
                    return zero;
                }
                let row = &source[(2 * two + tap) * stride + start..][..BYTES];
                // SAFETY: `row` has as many bytes as the vector.
                unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
            });
            let first = _mm256_unpacklo_epi8(rows[0], rows[1]);
            let second = _mm256_unpackhi_epi8(rows[0], rows[1]);
            // Two taps of one byte position to a dword; packing below undoes the order.
            let taps = [
                _mm256_unpacklo_epi8(first, zero),
                _mm256_unpackhi_epi8(first, zero),
                _mm256_unpacklo_epi8(second, zero),
                _mm256_unpackhi_epi8(second, zero),
            ];
            for (at, taps) in taps.into_iter().enumerate() {
                upper[at] = _mm256_add_epi32(upper[at], _mm256_madd_epi16(taps, high));
                lower[at] = _mm256_add_epi32(lower[at], _mm256_madd_epi16(taps, low));
            }
        }
        let value = |at: usize| {
            let sum = _mm256_add_epi32(_mm256_slli_epi32::<{ LOW_BITS as i32 }>(upper[at]), lower[at]);
            _mm256_srai_epi32::<{ PRECISION as i32 }>(sum)
        };
        // Both packs saturate, which is the clamp: values lie in -512 to 511.
        let words = [
            _mm256_packs_epi32(value(0), value(1)),
            _mm256_packs_epi32(value(2), value(3)),
        ];
        let bytes = _mm256_packus_epi16(words[0], words[1]);
        // SAFETY: `out` has as many bytes as the vector.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), bytes) }
    }
}
