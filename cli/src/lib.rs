//! The command line of prep-onnx, and ONNX Runtime as its host.
//!
//! [`runtime`] finds, gets and loads ONNX Runtime.
#![forbid(unsafe_code)]

pub mod runtime;
