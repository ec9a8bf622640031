//! The fused op of prep-onnx: resize, crop, normalise and transpose of uint8 images in one pass.
//!
//! Three ways in:
//! - the shared library `libprep_onnx_op`, whose one export [`RegisterCustomOps`] every ONNX
//!   Runtime binding knows how to call;
//! - [`host::register`] (feature `ort`) and [`register`]: the same ops on a session of this process;
//! - [`Preprocessor`], and [`EncodedPreprocessor`] for files: the ops without ONNX Runtime.
//!
//! All give the bits of [`prep_onnx_pipeline::Pipeline::reference`], at every [`SimdLevel`].

mod boundary;
pub mod cuda;
mod encoded;
#[cfg(feature = "ort")]
pub mod host;
mod run;
mod staged;

pub use boundary::{RegisterCustomOps, register};
pub use encoded::{EncodedPreprocessor, Files};
use prep_onnx_op_kernels as kernel;
pub use prep_onnx_op_kernels::SimdLevel;
pub use run::{
    Executor, ImageShapes, Images, ListedImage, OutputMut, Preprocessor, Sequential, Shape, Threads,
};
pub use staged::{ExtraMut, StagedCall, StagedPreprocessor, StagedShape};
