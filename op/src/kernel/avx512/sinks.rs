//! Storing the values of an output row: as floats of the affine form, or as bytes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use crate::kernel::Lanes;
use crate::kernel::x86::{Bytes, Constants, InTurn, Sink, Uniform};

#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn by_phase(values: &[[f32; 5]; CHANNELS]) -> [Constants<__m512>; CHANNELS] {
    std::array::from_fn(|phase| {
        std::array::from_fn(|constant| {
            let lanes: [f32; Lanes::COUNT] =
                std::array::from_fn(|lane| values[(phase + lane) % CHANNELS][constant]);
            // SAFETY: an array of 16 floats is 64 bytes.
            unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
        })
    })
}

/// The lanes of a block that are used, which starts inside `length`.
fn mask(length: usize, block: usize) -> __mmask16 {
    debug_assert!(block * Lanes::COUNT < length);
    match length - block * Lanes::COUNT {
        0..Lanes::COUNT => (1 << (length % Lanes::COUNT)) - 1,
        _ => !0,
    }
}

/// Stores the affine form of the values of a block.
///
/// # Safety
/// The block starts inside `out`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn store_floats(out: &mut [f32], constants: &Constants<__m512>, block: usize, values: __m512i) {
    let [first, first_low, shift, second, second_low] = *constants;
    let pixel = _mm512_cvtepi32_ps(values);
    let scaled = _mm512_fmadd_ps(pixel, first, _mm512_mul_ps(pixel, first_low));
    let shifted = _mm512_sub_ps(scaled, shift);
    let result = _mm512_fmadd_ps(shifted, second, _mm512_mul_ps(shifted, second_low));
    let mask = mask(out.len(), block);
    // SAFETY: the block starts inside `out`, as the caller promises, and the mask leaves out what lies behind
    // its end.
    unsafe { _mm512_mask_storeu_ps(out.as_mut_ptr().add(block * Lanes::COUNT), mask, result) }
}

impl Sink<__m512i> for Uniform<'_, __m512> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn store(&mut self, block: usize, values: __m512i) {
        // SAFETY: promised by the caller.
        unsafe { store_floats(self.out, &self.constants, block, values) }
    }
}

impl Sink<__m512i> for InTurn<'_, __m512> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn store(&mut self, block: usize, values: __m512i) {
        // Sixteen lanes on, the channel is one further.
        // SAFETY: promised by the caller.
        unsafe { store_floats(self.out, &self.constants[block % CHANNELS], block, values) }
    }
}

impl Sink<__m512i> for Bytes<'_> {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn store(&mut self, block: usize, values: __m512i) {
        let mask = mask(self.out.len(), block);
        let bytes = _mm512_cvtepi32_epi8(values);
        // SAFETY: the block starts inside `out`, as the caller promises, and the mask leaves out what lies
        // behind its end.
        unsafe {
            _mm_mask_storeu_epi8(
                self.out.as_mut_ptr().add(block * Lanes::COUNT).cast(),
                mask,
                bytes,
            )
        }
    }
}
