//! What preprocessing is: steps, output sizes, resampling weights and the scalar reference.
//!
//! Nothing here reads files or knows ONNX. The other crates take their meaning from this one.
#![forbid(unsafe_code)]

mod error;

pub use error::{Error, Result};
