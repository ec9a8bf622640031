//! `vpdpbusd` of 256 bits, which processors have in one of two encodings.

use std::arch::asm;
use std::arch::x86_64::*;

/// Which instructions a processor has.
#[derive(Clone, Copy)]
pub(super) enum Encoding {
    /// AVX-VNNI.
    Vex,
    /// AVX-512 VNNI and VL.
    Evex,
}

impl Encoding {
    /// The processor's, of two the one of AVX-VNNI.
    pub(super) fn detected() -> Option<Self> {
        // `op/check_vex.sh` emulates it.
        if cfg!(emulated_vex) || is_x86_feature_detected!("avxvnni") {
            Some(Self::Vex)
        } else if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
            Some(Self::Evex)
        } else {
            None
        }
    }
}

/// An [`Encoding`], known when code is made.
pub(super) trait Dot {
    /// `sum` plus the products of four unsigned bytes and four signed ones in each lane.
    ///
    /// # Safety
    /// The processor has AVX2 and this encoding.
    unsafe fn add(sum: __m256i, pixels: __m256i, weights: __m256i) -> __m256i;
}

/// [`Encoding::Vex`].
pub(super) struct Vex;

/// [`Encoding::Evex`].
pub(super) struct Evex;

/// The instruction and not `_mm256_dpbusd_avx_epi32` or `_mm256_dpbusd_epi32`: these are inlined only into functions with their
/// features, and so everything would be written twice.
macro_rules! dot {
    ($encoding:ident, $prefix:literal) => {
        impl Dot for $encoding {
            #[inline]
            #[target_feature(enable = "avx2")]
            unsafe fn add(mut sum: __m256i, pixels: __m256i, weights: __m256i) -> __m256i {
                // SAFETY: the processor has the instruction, as the caller promises, and it reads and writes its registers alone.
                unsafe {
                    asm!(
                        concat!("{{", $prefix, "}} vpdpbusd {sum}, {pixels}, {weights}"),
                        sum = inout(ymm_reg) sum,
                        pixels = in(ymm_reg) pixels,
                        weights = in(ymm_reg) weights,
                        options(pure, nomem, nostack, preserves_flags),
                    );
                }
                sum
            }
        }
    };
}

dot!(Vex, "vex");
dot!(Evex, "evex");

/// Calls a function with the type of an encoding as its first parameter.
macro_rules! with_encoding {
    ($encoding:expr, $call:ident, [$($generics:tt)*], $arguments:tt) => {
        match $encoding {
            Encoding::Vex => $call::<Vex $($generics)*> $arguments,
            Encoding::Evex => $call::<Evex $($generics)*> $arguments,
        }
    };
}
pub(super) use with_encoding;
