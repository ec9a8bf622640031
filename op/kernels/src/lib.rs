//! The kernels of `prep-onnx-op`: what one row costs at each SIMD level, and which level runs.
//!
//! A crate of its own, so that all of this is built for speed whatever the rest of the op is built for. It is no
//! interface: its items are for the op alone, which alone calls them in the way that their safety needs.
//!
//! Dispatch: [`SimdLevel::best`] is asked once per `Preprocessor`. It takes the first of
//! 1. the level that the environment variable `PREP_ONNX_SIMD` names,
//! 2. on x86-64, `avx512`, where the processor has F, BW, VL, DQ, VBMI, VBMI2 and VNNI,
//! 3. on x86-64, `vnni`, where it has AVX2, FMA, and AVX-VNNI or AVX-512's VNNI and VL,
//! 4. on x86-64, `avx2`, where it has AVX2 and FMA,
//! 5. on x86-64, `sse41`, where it has SSSE3 and SSE4.1,
//! 6. on 64-bit ARM, `neon`,
//! 7. `scalar`.
//!
//! Every level gives the same bits. An image whose sums can leave 32 bits runs on `scalar` at all of them.

#![allow(
    missing_docs,
    clippy::len_without_is_empty,
    rustdoc::private_intra_doc_links,
    reason = "no interface: documented is what its one user does not see from a name"
)]

#[cfg(target_arch = "x86_64")]
pub mod avx2;
#[cfg(target_arch = "x86_64")]
pub mod avx512;
mod axis;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod elements;
mod finish;
mod isa;
mod level;
#[cfg(target_arch = "x86_64")]
mod near;
#[cfg(target_arch = "aarch64")]
pub mod neon;
pub mod pixels;
#[cfg(target_arch = "x86_64")]
pub mod rows;
pub mod scalar;
#[cfg(target_arch = "x86_64")]
mod split;
#[cfg(target_arch = "x86_64")]
pub mod sse41;
#[cfg(target_arch = "x86_64")]
mod turned;
#[cfg(target_arch = "x86_64")]
pub mod vnni;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod windows;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use axis::{Axis, HALF, PRECISION, round};
pub use finish::Finish;
pub use isa::{Isa, Lanes, Ring, RowOut, as_lanes, lanes_of, plane_blocks};
pub use level::SimdLevel;
