//! The vertical pass where it comes first: weighted sums of whole rows of bytes.

use std::arch::x86_64::*;

use crate::PRECISION;
use crate::x86::{Block, ROUNDING, digits};

/// Quads of taps whose weights are split once for a row, not for each vector of it.
const PREPARED: usize = 32;

/// The digits of the weights of four taps, the highest ones first.
fn quad_digits(weights: &[i32]) -> [i32; 3] {
    let mut bytes = [[0_u8; 4]; 3];
    for (tap, weight) in weights.iter().enumerate() {
        for (bytes, digit) in bytes.iter_mut().zip(digits(*weight)) {
            bytes[tap] = digit;
        }
    }
    bytes.map(i32::from_le_bytes)
}

/// `out[i]` = the rounded sum over taps of `weights[tap] * source[tap * stride + i]`.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
pub(super) fn weigh_rows(source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
    let mut prepared = [[0; 3]; PREPARED];
    for (prepared, weights) in prepared.iter_mut().zip(weights.chunks(4)) {
        *prepared = quad_digits(weights);
    }
    for (index, out) in out.chunks_mut(Block::BYTES).enumerate() {
        let start = index * Block::BYTES;
        // Bit i is set for byte i of the chunk.
        let mask = !0 >> (Block::BYTES - out.len());
        let zero = _mm512_setzero_si512();
        let mut sums = [[_mm512_set1_epi32(ROUNDING), zero, zero]; 4];
        for (quad, weights) in weights.chunks(4).enumerate() {
            let [high, middle, low] = match prepared.get(quad) {
                Some(digits) => *digits,
                None => quad_digits(weights),
            };
            let digits = [
                _mm512_set1_epi32(high),
                _mm512_set1_epi32(middle),
                _mm512_set1_epi32(low),
            ];
            let rows: [__m512i; 4] = std::array::from_fn(|tap| {
                if tap >= weights.len() {
                    return zero;
                }
                let row = &source[(4 * quad + tap) * stride + start..][..out.len()];
                // SAFETY: the mask selects the bytes of `row` only.
                unsafe { _mm512_maskz_loadu_epi8(mask, row.as_ptr().cast()) }
            });
            let low = [
                _mm512_unpacklo_epi8(rows[0], rows[1]),
                _mm512_unpacklo_epi8(rows[2], rows[3]),
            ];
            let high = [
                _mm512_unpackhi_epi8(rows[0], rows[1]),
                _mm512_unpackhi_epi8(rows[2], rows[3]),
            ];
            // Four taps of one byte position to a dword; packing below undoes the order.
            let taps = [
                _mm512_unpacklo_epi16(low[0], low[1]),
                _mm512_unpackhi_epi16(low[0], low[1]),
                _mm512_unpacklo_epi16(high[0], high[1]),
                _mm512_unpackhi_epi16(high[0], high[1]),
            ];
            for (sums, taps) in sums.iter_mut().zip(taps) {
                for (sum, digits) in sums.iter_mut().zip(digits) {
                    *sum = _mm512_dpbusd_epi32(*sum, taps, digits);
                }
            }
        }
        let values = sums.map(|[high, middle, low]| {
            let upper = _mm512_add_epi32(_mm512_slli_epi32::<8>(high), middle);
            _mm512_srai_epi32::<PRECISION>(_mm512_add_epi32(_mm512_slli_epi32::<8>(upper), low))
        });
        // Both packs saturate, which is the clamp: values lie in -512 to 511.
        let words = [
            _mm512_packs_epi32(values[0], values[1]),
            _mm512_packs_epi32(values[2], values[3]),
        ];
        let bytes = _mm512_packus_epi16(words[0], words[1]);
        // SAFETY: the mask selects the bytes of `out` only.
        unsafe { _mm512_mask_storeu_epi8(out.as_mut_ptr().cast(), mask, bytes) }
    }
}
