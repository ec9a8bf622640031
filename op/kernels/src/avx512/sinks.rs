//! Storing the values of an output row: as floats of the affine form, or as bytes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use crate::Lanes;
use crate::x86::{Bytes, Constants, InTurn, Sink, Uniform, prefetch_below};

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

/// Where a block of a row of `length` elements lies.
enum Place {
    /// All of it inside.
    Whole,
    /// The lanes before the end of the row.
    Part(__mmask16),
}

/// The block starts inside `length`. A branch that is nearly always the same takes less than a mask for every block.
#[inline(always)]
fn place(length: usize, block: usize) -> Place {
    debug_assert!(block * Lanes::COUNT < length);
    match length - block * Lanes::COUNT {
        0..Lanes::COUNT => Place::Part((1 << (length % Lanes::COUNT)) - 1),
        _ => Place::Whole,
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
    prefetch_below(out, block * Lanes::COUNT);
    // SAFETY: the block starts inside `out`, as the caller promises, and the mask leaves out what lies behind
    // its end.
    unsafe {
        let start = out.as_mut_ptr().add(block * Lanes::COUNT);
        match place(out.len(), block) {
            Place::Whole => _mm512_storeu_ps(start, result),
            Place::Part(mask) => _mm512_mask_storeu_ps(start, mask, result),
        }
    }
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
        let bytes = _mm512_cvtepi32_epi8(values);
        // SAFETY: the block starts inside `out`, as the caller promises, and the mask leaves out what lies
        // behind its end.
        unsafe {
            let start = self.out.as_mut_ptr().add(block * Lanes::COUNT);
            match place(self.out.len(), block) {
                Place::Whole => _mm_storeu_si128(start.cast(), bytes),
                Place::Part(mask) => _mm_mask_storeu_epi8(start.cast(), mask, bytes),
            }
        }
    }
}
