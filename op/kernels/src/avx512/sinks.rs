//! Storing the values of an output row: as floats of the affine form, or as bytes.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use crate::Lanes;
use crate::finish::{AffineForm, Scaling};
use crate::x86::{Bytes, Constants, InTurn, Sink, Uniform, prefetch_below};

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

/// Lanes whose pixel values are their eight bits from bit `AT` on; no bit above those is set.
#[derive(Clone, Copy)]
pub(super) struct Values<const AT: u32>(pub(super) __m512i);

impl<const AT: u32> Values<AT> {
    /// The values as numbers.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn numbers(self) -> __m512i {
        if AT == 0 {
            self.0
        } else {
            _mm512_srli_epi32::<AT>(self.0)
        }
    }

    /// The values times the first factor.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    fn scaled(self, scaling: Scaling, constants: &Constants<__m512>) -> __m512 {
        match scaling {
            Scaling::Bytes => self.repeated(),
            Scaling::Pixels => _mm512_cvtepi32_ps(self.numbers()),
            Scaling::Factor => {
                let [first, first_low, ..] = *constants;
                let pixel = _mm512_cvtepi32_ps(self.numbers());
                _mm512_fmadd_ps(pixel, first, _mm512_mul_ps(pixel, first_low))
            }
        }
    }

    /// The values times the first factor of [`Scaling::Bytes`].
    #[inline]
    #[target_feature(enable = "avx512f,avx512vbmi")]
    fn repeated(self) -> __m512 {
        let bits = const {
            let bits = AT as u64 * 0x0101_0101;
            (bits | (bits + 0x2020_2020) << 32) as i64
        };
        let four = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(bits), self.0);
        _mm512_cvt_roundepu32_ps::<{ _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC }>(four)
    }
}

/// Stores the affine form of the values of a block, which are scaled.
///
/// # Safety
/// The block starts inside `out`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
unsafe fn store_floats(out: &mut [f32], constants: &[__m512; 3], block: usize, scaled: __m512) {
    let [shift, second, second_low] = *constants;
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

/// The constants behind the first factor.
fn after([_, _, rest @ ..]: &Constants<__m512>) -> [__m512; 3] {
    *rest
}

/// Floats of the affine form, of one channel for each run, of [`Scaling::Bytes`].
pub(super) struct Fractions<'a>(pub(super) &'a AffineForm);

impl<const AT: u32> Sink<Values<AT>> for Fractions<'_> {
    type Element = f32;
    type Held = [__m512; 3];

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn held(&self, run: usize) -> Self::Held {
        let [_, _, rest @ ..] = self.0.constants[run];
        rest.map(|value| _mm512_set1_ps(value))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn store(&self, held: &Self::Held, out: &mut [f32], block: usize, values: Values<AT>) {
        // SAFETY: promised by the caller.
        unsafe { store_floats(out, held, block, values.repeated()) }
    }
}

impl<const AT: u32> Sink<Values<AT>> for Uniform<'_> {
    type Element = f32;
    type Held = Constants<__m512>;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn held(&self, run: usize) -> Self::Held {
        self.0.constants[run].map(|value| _mm512_set1_ps(value))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn store(&self, held: &Self::Held, out: &mut [f32], block: usize, values: Values<AT>) {
        // SAFETY: promised by the caller.
        unsafe { store_floats(out, &after(held), block, values.scaled(self.0.scaling, held)) }
    }
}

impl<const AT: u32> Sink<Values<AT>> for InTurn<'_> {
    type Element = f32;
    /// For a vector whose first lane has channel 0, 1 and 2.
    type Held = [Constants<__m512>; CHANNELS];

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn held(&self, _: usize) -> Self::Held {
        std::array::from_fn(|phase| {
            std::array::from_fn(|constant| {
                let lanes: [f32; Lanes::COUNT] =
                    std::array::from_fn(|lane| self.0.constants[(phase + lane) % CHANNELS][constant]);
                // SAFETY: an array of 16 floats is 64 bytes.
                unsafe { _mm512_loadu_ps(lanes.as_ptr()) }
            })
        })
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn store(&self, held: &Self::Held, out: &mut [f32], block: usize, values: Values<AT>) {
        // Sixteen lanes on, the channel is one further.
        let held = &held[block % CHANNELS];
        // SAFETY: promised by the caller.
        unsafe { store_floats(out, &after(held), block, values.scaled(self.0.scaling, held)) }
    }
}

impl<const AT: u32> Sink<Values<AT>> for Bytes {
    type Element = u8;
    type Held = ();

    #[inline]
    unsafe fn held(&self, _: usize) {}

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vbmi,avx512vbmi2,avx512vnni")]
    unsafe fn store(&self, (): &(), out: &mut [u8], block: usize, values: Values<AT>) {
        let bytes = _mm512_cvtepi32_epi8(values.numbers());
        // SAFETY: the block starts inside `out`, as the caller promises, and the mask leaves out what lies
        // behind its end.
        unsafe {
            let start = out.as_mut_ptr().add(block * Lanes::COUNT);
            match place(out.len(), block) {
                Place::Whole => _mm_storeu_si128(start.cast(), bytes),
                Place::Part(mask) => _mm_mask_storeu_epi8(start.cast(), mask, bytes),
            }
        }
    }
}
