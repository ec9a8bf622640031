//! Storing the values of an output row: as floats of the affine form, or as bytes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use crate::Lanes;
use crate::x86::{Bytes, Constants, InTurn, Sink, Uniform};

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn by_phase(values: &[[f32; 5]; CHANNELS]) -> [Constants<__m256>; CHANNELS] {
    std::array::from_fn(|phase| {
        std::array::from_fn(|constant| {
            let at = |lane: usize| values[(phase + lane) % CHANNELS][constant];
            _mm256_setr_ps(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
        })
    })
}

/// Stores the affine form of the values of a vector.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn store_floats(out: &mut [f32], constants: &Constants<__m256>, vector: usize, values: __m256i) {
    let [first, first_low, shift, second, second_low] = *constants;
    let pixel = _mm256_cvtepi32_ps(values);
    let scaled = _mm256_fmadd_ps(pixel, first, _mm256_mul_ps(pixel, first_low));
    let shifted = _mm256_sub_ps(scaled, shift);
    let result = _mm256_fmadd_ps(shifted, second, _mm256_mul_ps(shifted, second_low));
    let Some(out) = out.get_mut(vector * 8..) else {
        return;
    };
    if out.len() >= 8 {
        // SAFETY: `out` has eight elements.
        unsafe { _mm256_storeu_ps(out.as_mut_ptr(), result) }
    } else {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        let inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(out.len() as i32), lanes);
        // SAFETY: the mask selects the elements of `out` only.
        unsafe { _mm256_maskstore_ps(out.as_mut_ptr(), inside, result) }
    }
}

/// Stores the first bytes, fewer than sixteen, by the bits of how many: a copy would be a call, around which the loop puts its
/// vectors aside.
#[inline]
#[target_feature(enable = "avx2")]
fn store_first(out: &mut [u8], mut bytes: __m128i) {
    debug_assert!(out.len() < Lanes::COUNT);
    let (length, mut to) = (out.len(), out.as_mut_ptr());
    // SAFETY: together the stores are of the `length` bytes of `out`, one behind the other.
    unsafe {
        if length & 8 != 0 {
            _mm_storel_epi64(to.cast(), bytes);
            bytes = _mm_srli_si128::<8>(bytes);
            to = to.add(8);
        }
        if length & 4 != 0 {
            _mm_storeu_si32(to.cast(), bytes);
            bytes = _mm_srli_si128::<4>(bytes);
            to = to.add(4);
        }
        if length & 2 != 0 {
            _mm_storeu_si16(to.cast(), bytes);
            bytes = _mm_srli_si128::<2>(bytes);
            to = to.add(2);
        }
        if length & 1 != 0 {
            to.write(_mm_extract_epi8::<0>(bytes) as u8);
        }
    }
}

impl Sink<[__m256i; 2]> for Uniform<'_, __m256> {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store(&mut self, block: usize, values: [__m256i; 2]) {
        for (half, values) in values.into_iter().enumerate() {
            store_floats(self.out, &self.constants, 2 * block + half, values);
        }
    }
}

impl Sink<[__m256i; 2]> for InTurn<'_, __m256> {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store(&mut self, block: usize, values: [__m256i; 2]) {
        for (half, values) in values.into_iter().enumerate() {
            let vector = 2 * block + half;
            // Eight lanes on, the channel is two further.
            store_floats(self.out, &self.constants[2 * vector % CHANNELS], vector, values);
        }
    }
}

impl Sink<[__m256i; 2]> for Bytes<'_> {
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(&mut self, block: usize, values: [__m256i; 2]) {
        let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(values[0], values[1]));
        let bytes = _mm_packus_epi16(
            _mm256_castsi256_si128(words),
            _mm256_extracti128_si256::<1>(words),
        );
        let out = &mut self.out[block * Lanes::COUNT..];
        if out.len() >= Lanes::COUNT {
            // SAFETY: `out` has sixteen bytes.
            unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) }
        } else {
            store_first(out, bytes);
        }
    }
}
