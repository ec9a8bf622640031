//! The sums of one column in each row.
//!
//! A weight is `upper * 2^shift + lower`: 16 bits for multiply-adds of pairs, and so few bits below that products of four bytes
//! and four of them are added up in 16 bits.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::numbers::{STEP, quads_of};
use crate::avx2::turned::{Vector, everywhere, load};
use crate::turned::layout::PAIRS as PER_QUAD;
use crate::{HALF, PRECISION};

/// Turned pixels, and the weights beside them.
pub(super) type Weighed = (*const [Vector; CHANNELS], *const f32);

/// Those of each channel.
pub(super) struct Sums {
    upper: [__m256i; CHANNELS],
    lower: [__m256i; CHANNELS],
}

impl Sums {
    /// Half a step.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn half() -> Self {
        Self {
            upper: [_mm256_setzero_si256(); CHANNELS],
            lower: [_mm256_set1_epi32(HALF); CHANNELS],
        }
    }

    /// Adds a window of `PAIRS` pairs; the products of `AT_ONCE` quads and their lower parts have sums of 16 bits.
    ///
    /// # Safety
    /// There are so many pairs with the upper parts of their weights, and [`quads_of`] them quads with the lower ones.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn add_all<const PAIRS: usize, const AT_ONCE: usize>(
        &mut self,
        pairs: Weighed,
        quads: Weighed,
    ) {
        // SAFETY: promised by the caller.
        unsafe {
            self.add_upper(pairs, PAIRS);
            self.add_lower::<AT_ONCE>(quads, const { quads_of(PAIRS) });
        }
    }

    /// Adds a window of `PAIRS` pairs, to whose upper parts `lower` has the lower ones.
    ///
    /// # Safety
    /// There are so many pairs, and weights.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn add_pairs<const PAIRS: usize>(
        &mut self,
        (pairs, upper): Weighed,
        lower: *const f32,
    ) {
        for at in 0..PAIRS {
            // SAFETY: promised by the caller.
            let (pairs, upper, lower) = unsafe { (&*pairs.add(at), &*upper.add(at), &*lower.add(at)) };
            let [upper, lower] = [everywhere(upper), everywhere(lower)];
            for (channel, pairs) in pairs.iter().enumerate() {
                let pairs = load(pairs);
                let [up, low] = [&mut self.upper[channel], &mut self.lower[channel]];
                *up = _mm256_add_epi32(*up, _mm256_madd_epi16(pairs, upper));
                *low = _mm256_add_epi32(*low, _mm256_madd_epi16(pairs, lower));
            }
        }
    }

    /// [`Self::add_all`] of `count` pairs, a multiple of [`STEP`].
    ///
    /// # Safety
    /// As for [`Self::add_all`].
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn add_many<const AT_ONCE: usize>(
        &mut self,
        mut pairs: Weighed,
        mut quads: Weighed,
        count: usize,
    ) {
        const QUADS: usize = STEP / PER_QUAD;
        for _ in 0..count / STEP {
            // SAFETY: promised by the caller.
            unsafe {
                self.add_upper(pairs, STEP);
                self.add_lower::<AT_ONCE>(quads, QUADS);
            }
            pairs = (pairs.0.wrapping_add(STEP), pairs.1.wrapping_add(STEP));
            quads = (quads.0.wrapping_add(QUADS), quads.1.wrapping_add(QUADS));
        }
        // SAFETY: promised by the caller; a window that begins with the second pair of a quad has one more.
        unsafe { self.add_lower::<1>(quads, quads_of(count) - count / PER_QUAD) }
    }

    /// # Safety
    /// There are `count` of both.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn add_upper(&mut self, (pairs, weights): Weighed, count: usize) {
        for at in 0..count {
            // SAFETY: promised by the caller.
            let (pairs, weights) = unsafe { (&*pairs.add(at), everywhere(&*weights.add(at))) };
            for (sum, pairs) in self.upper.iter_mut().zip(pairs) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(load(pairs), weights));
            }
        }
    }

    /// # Safety
    /// There are `count` of both.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn add_lower<const AT_ONCE: usize>(&mut self, (quads, weights): Weighed, count: usize) {
        for from in (0..count).step_by(AT_ONCE) {
            let mut words = [_mm256_setzero_si256(); CHANNELS];
            for at in from..count.min(from + AT_ONCE) {
                // SAFETY: promised by the caller.
                let (quads, weights) = unsafe { (&*quads.add(at), everywhere(&*weights.add(at))) };
                for (words, quads) in words.iter_mut().zip(quads) {
                    *words = _mm256_add_epi16(*words, _mm256_maddubs_epi16(load(quads), weights));
                }
            }
            for (sum, words) in self.lower.iter_mut().zip(words) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(words, _mm256_set1_epi16(1)));
            }
        }
    }

    /// The rounded values, not clamped. The lower parts of weights have `shift` bits.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn values(self, shift: __m256i) -> [__m256i; CHANNELS] {
        let mut values = self.upper;
        for (value, lower) in values.iter_mut().zip(self.lower) {
            let sum = _mm256_add_epi32(_mm256_sllv_epi32(*value, shift), lower);
            *value = _mm256_srai_epi32::<{ PRECISION as i32 }>(sum);
        }
        values
    }
}
