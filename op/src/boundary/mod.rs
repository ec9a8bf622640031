//! The C boundary to ONNX Runtime.
//!
//! [`callbacks`] and [`kernel`] hold every function that ONNX Runtime calls, each that can fail behind a panic
//! guard; [`cpu`] and [`cuda`] are what a kernel computes with; [`api`] wraps the functions of ONNX Runtime
//! that they use; [`registration`] makes the op entries, each an [`entry`]. The API version is
//! the literal 17: `ort_sys::ORT_API_VERSION` and the size of `OrtCustomOp` grow when another crate of
//! the same build asks for a newer one.

mod api;
mod callbacks;
mod cpu;
mod cuda;
mod encoded;
mod entry;
mod first_session;
mod kernel;
mod outputs;
mod registration;
mod staged;
mod status;

pub use registration::{RegisterCustomOps, register};
