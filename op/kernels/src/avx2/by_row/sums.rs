//! The sums of one column in each row.

use std::arch::x86_64::*;

use prep_onnx_pipeline::CHANNELS;

use super::numbers::{ANY, STEP, with_places};
use crate::avx2::turned::{Vector, everywhere, load};

/// One of each channel.
pub(super) type Sums = [__m256i; CHANNELS];

/// The same in every lane of each channel.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn all(sum: i32) -> Sums {
    [_mm256_set1_epi32(sum); CHANNELS]
}

/// The turned pixels of a window and, beside them, so many parts of its weights.
#[derive(Clone, Copy)]
pub(super) struct Weighed<const PARTS: usize> {
    pub(super) pairs: *const [Vector; CHANNELS],
    pub(super) weights: [*const f32; PARTS],
}

impl<const PARTS: usize> Weighed<PARTS> {
    /// Adds `PAIRS` pairs to the sums of each part, or `count` where that is [`ANY`].
    ///
    /// # Safety
    /// There are so many pairs, and weights.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) unsafe fn add<const PAIRS: usize>(self, sums: &mut [Sums; PARTS], count: usize) {
        // No loop, whose end would be guessed wrong among branches that nothing foretells.
        macro_rules! each {
            ($($at:literal)*) => {{
                $(if $at < PAIRS {
                    // SAFETY: promised by the caller.
                    unsafe { self.add_pair(sums, $at) }
                })*
            }};
        }
        if PAIRS != ANY {
            with_places!(each);
            return;
        }
        let steps = count / STEP * STEP;
        for first in (0..steps).step_by(STEP) {
            for at in first..first + STEP {
                // SAFETY: promised by the caller.
                unsafe { self.add_pair(sums, at) }
            }
        }
        for at in steps..count {
            // SAFETY: promised by the caller.
            unsafe { self.add_pair(sums, at) }
        }
    }

    /// # Safety
    /// There are a pair and weights at `at`.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn add_pair(self, sums: &mut [Sums; PARTS], at: usize) {
        // SAFETY: promised by the caller.
        let (pairs, weights) = unsafe {
            let weights = self.weights.map(|part| everywhere(&*part.add(at)));
            (&*self.pairs.add(at), weights)
        };
        for (channel, pairs) in pairs.iter().enumerate() {
            let pairs = load(pairs);
            for (sums, weights) in sums.iter_mut().zip(weights) {
                sums[channel] = _mm256_add_epi32(sums[channel], _mm256_madd_epi16(pairs, weights));
            }
        }
    }
}
