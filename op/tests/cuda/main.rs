//! The op on CUDA gives the bits of the scalar reference, and says what is wrong where it cannot run.
//!
//! Without a GPU the host build of the kernel runs behind a fake driver, so that all of the launcher runs
//! too; that needs a C++ compiler (`PREP_REQUIRE=cuda-emulation`). With one, the same cases run on it
//! (`PREP_REQUIRE=cuda`).

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/plans.rs"]
mod compare;
#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod emulated;
#[cfg(target_os = "linux")]
mod on_gpu;
#[cfg(target_os = "linux")]
mod plans;
#[cfg(target_os = "linux")]
mod suite;
