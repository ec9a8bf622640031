//! The vertical pass where it comes first: weighted sums of whole rows of bytes.

use std::arch::aarch64::*;

use super::{bytes, spread, top_byte, top_bytes};
use crate::HALF;
use crate::Isa;
use crate::scalar::Scalar;

/// Bytes of a vector.
const BYTES: usize = 16;

/// The indices that take four bytes each.
const QUARTERS: [[u8; BYTES]; 4] = [spread(0, 1), spread(4, 1), spread(8, 1), spread(12, 1)];

/// `out[i]` = the rounded sum over taps of `weights[tap] * source[tap * stride + i]`.
#[target_feature(enable = "neon")]
pub(super) fn weigh_rows(source: &[u8], stride: usize, weights: &[i32], out: &mut [u8]) {
    let Some(last) = out.len().checked_sub(BYTES) else {
        return Scalar.weigh_rows(source, stride, weights, out);
    };
    // The last vector overlaps the one before it unless the bytes are a whole number of vectors.
    for start in (0..last).step_by(BYTES).chain([last]) {
        let quarters = QUARTERS.map(|indices| bytes(&indices));
        let mut sums = [vdupq_n_s32(HALF); 4];
        for (tap, weight) in weights.iter().enumerate() {
            let row = &source[tap * stride + start..][..BYTES];
            // SAFETY: `row` has as many bytes as the vector.
            let row = unsafe { vld1q_u8(row.as_ptr()) };
            for (sum, quarter) in sums.iter_mut().zip(quarters) {
                *sum = vmlaq_n_s32(*sum, vreinterpretq_s32_u8(vqtbl1q_u8(row, quarter)), *weight);
            }
        }
        let out = &mut out[start..][..BYTES];
        // SAFETY: `out` has as many bytes as the vector.
        unsafe { vst1q_u8(out.as_mut_ptr(), top_bytes(sums.map(|sum| top_byte(sum)))) }
    }
}
