//! Storing the values of an output row: as floats of the affine form, or as bytes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use crate::Lanes;
use crate::finish::Scaling;
use crate::x86::{Bytes, Constants, InTurn, Sink, Uniform, prefetch_below};

/// The affine form of the values of a vector.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn affine(scaling: Scaling, constants: &Constants<__m256>, values: __m256i) -> __m256 {
    let [first, first_low, shift, second, second_low] = *constants;
    let pixel = _mm256_cvtepi32_ps(values);
    let scaled = match scaling {
        Scaling::Pixels => pixel,
        Scaling::Bytes | Scaling::Factor => _mm256_fmadd_ps(pixel, first, _mm256_mul_ps(pixel, first_low)),
    };
    let shifted = _mm256_sub_ps(scaled, shift);
    _mm256_fmadd_ps(shifted, second, _mm256_mul_ps(shifted, second_low))
}

/// Stores the elements of block `block`.
///
/// # Safety
/// The block starts inside `out`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn store_floats(out: &mut [f32], block: usize, elements: [__m256; 2]) {
    let left = out.len() - block * Lanes::COUNT;
    prefetch_below(out, block * Lanes::COUNT);
    // SAFETY: the block starts inside `out`, as the caller promises, and what is stored lies before its end: all of the block where
    // as many elements are left, else those that the masks select.
    unsafe {
        let start = out.as_mut_ptr().add(block * Lanes::COUNT);
        if left >= Lanes::COUNT {
            _mm256_storeu_ps(start, elements[0]);
            _mm256_storeu_ps(start.add(8), elements[1]);
        } else {
            let left = _mm256_set1_epi32(left as i32);
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_maskstore_ps(start, _mm256_cmpgt_epi32(left, lanes), elements[0]);
            let lanes = _mm256_add_epi32(lanes, _mm256_set1_epi32(8));
            _mm256_maskstore_ps(
                start.wrapping_add(8),
                _mm256_cmpgt_epi32(left, lanes),
                elements[1],
            );
        }
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

impl Sink<[__m256i; 2]> for Uniform<'_> {
    type Element = f32;
    type Held = Constants<__m256>;

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn held(&self, run: usize) -> Self::Held {
        self.0.constants[run].map(|value| _mm256_set1_ps(value))
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store(&self, held: &Self::Held, out: &mut [f32], block: usize, values: [__m256i; 2]) {
        let elements = values.map(|values| affine(self.0.scaling, held, values));
        // SAFETY: promised by the caller.
        unsafe { store_floats(out, block, elements) }
    }
}

impl Sink<[__m256i; 2]> for InTurn<'_> {
    type Element = f32;
    /// For a vector whose first lane has channel 0, 1 and 2.
    type Held = [Constants<__m256>; CHANNELS];

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn held(&self, _: usize) -> Self::Held {
        std::array::from_fn(|phase| {
            std::array::from_fn(|constant| {
                let at = |lane: usize| self.0.constants[(phase + lane) % CHANNELS][constant];
                _mm256_setr_ps(at(0), at(1), at(2), at(3), at(4), at(5), at(6), at(7))
            })
        })
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn store(&self, held: &Self::Held, out: &mut [f32], block: usize, values: [__m256i; 2]) {
        let [first, second] = values;
        // Eight lanes on, the channel is two further.
        let elements = [
            affine(self.0.scaling, &held[block % CHANNELS], first),
            affine(self.0.scaling, &held[(block + 2) % CHANNELS], second),
        ];
        // SAFETY: promised by the caller.
        unsafe { store_floats(out, block, elements) }
    }
}

impl Sink<[__m256i; 2]> for Bytes {
    type Element = u8;
    type Held = ();

    #[inline]
    unsafe fn held(&self, _: usize) {}

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(&self, (): &(), out: &mut [u8], block: usize, values: [__m256i; 2]) {
        let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(values[0], values[1]));
        let bytes = _mm_packus_epi16(
            _mm256_castsi256_si128(words),
            _mm256_extracti128_si256::<1>(words),
        );
        let out = &mut out[block * Lanes::COUNT..];
        if out.len() >= Lanes::COUNT {
            // SAFETY: `out` has sixteen bytes.
            unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), bytes) }
        } else {
            store_first(out, bytes);
        }
    }
}
