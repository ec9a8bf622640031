//! The sums of one column in each row.
//!
//! A weight is `upper * 2^shift + lower`, each of 16 bits for multiply-adds of pairs.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::numbers::STEP;
use crate::avx2::turned::{Vector, everywhere, load};
use crate::{HALF, PRECISION};

/// Turned pixels, and the parts of weights beside them, the upper ones first.
#[derive(Clone, Copy)]
pub(super) struct Weighed {
    pub(super) pairs: *const [Vector; CHANNELS],
    pub(super) weights: *const [f32; 2],
}

impl Weighed {
    /// Those from pair `at` on.
    #[inline(always)]
    fn behind(self, at: usize) -> Self {
        Self {
            pairs: self.pairs.wrapping_add(at),
            weights: self.weights.wrapping_add(at),
        }
    }
}

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

    /// Adds `count` pairs, a multiple of [`STEP`].
    ///
    /// # Safety
    /// There are so many pairs, and weights.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn add_many(&mut self, weighed: Weighed, count: usize) {
        for at in (0..count).step_by(STEP) {
            // SAFETY: promised by the caller.
            unsafe { self.add(weighed.behind(at), STEP) }
        }
    }

    /// Adds `count` pairs.
    ///
    /// # Safety
    /// There are so many pairs, and weights.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn add(&mut self, weighed: Weighed, count: usize) {
        for at in 0..count {
            // SAFETY: promised by the caller.
            let (pairs, weights) = unsafe { (&*weighed.pairs.add(at), &*weighed.weights.add(at)) };
            let [upper, lower] = weights.each_ref().map(|part| everywhere(part));
            for (channel, pairs) in pairs.iter().enumerate() {
                let pairs = load(pairs);
                let [up, low] = [&mut self.upper[channel], &mut self.lower[channel]];
                *up = _mm256_add_epi32(*up, _mm256_madd_epi16(pairs, upper));
                *low = _mm256_add_epi32(*low, _mm256_madd_epi16(pairs, lower));
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
