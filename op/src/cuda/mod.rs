//! The op on CUDA: the bits of the CPU kernels, on the stream and in the context that the caller uses.
//!
//! The kernel is `op/cuda/preprocess.cu`, committed as PTX; the driver library is loaded at run time, so
//! this crate builds and runs without CUDA. `op/cuda/README.md` has the design and what was verified.

mod context;
mod driver;
mod failure;
mod launch;
mod preprocessor;
mod table;

pub use driver::{driver_version, status};
pub use preprocessor::{DeviceImages, Preprocessor, Stream};
