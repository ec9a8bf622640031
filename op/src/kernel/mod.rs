//! The kernels: what one row costs at each SIMD level, and which level runs.
//!
//! Dispatch: [`SimdLevel::best`] is asked once per [`crate::Preprocessor`]. It takes the first of
//! 1. the level that the environment variable `PREP_ONNX_SIMD` names,
//! 2. on x86-64, `avx512`, where the processor has F, BW, VL, DQ, VBMI, VBMI2 and VNNI,
//! 3. on x86-64, `avx2`, where it has AVX2 and FMA,
//! 4. on 64-bit ARM, `neon`,
//! 5. `scalar`.
//!
//! Every level gives the same bits. An image whose sums can leave 32 bits runs on `scalar` at all of them.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod elements;
mod isa;
mod level;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
#[cfg(target_arch = "x86_64")]
pub(crate) mod rows;
pub(crate) mod scalar;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod windows;
#[cfg(target_arch = "x86_64")]
mod x86;

pub(crate) use isa::{Isa, Lanes, Ring, RowOut, as_lanes, lanes_of, plane_blocks};
pub use level::SimdLevel;
