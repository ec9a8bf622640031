//! The C boundary to ONNX Runtime.
//!
//! [`callbacks`], and for CUDA [`cuda_callbacks`], hold every function that ONNX Runtime calls, each behind a panic guard; [`api`] wraps
//! the functions of ONNX Runtime that they use; [`registration`] makes the op entries. The API version is
//! the literal 17: `ort_sys::ORT_API_VERSION` and the size of `OrtCustomOp` grow when another crate of
//! the same build asks for a newer one.

mod api;
mod callbacks;
mod cuda_callbacks;
mod encoded;
mod registration;
mod status;

pub use registration::{RegisterCustomOps, register};
