//! The op on CUDA: the bits of the CPU kernels, on the stream and in the context that the caller uses.
//!
//! The kernels are `op/cuda/preprocess.cu`, committed as PTX; the driver library is loaded at run time, so
//! this crate builds and runs without CUDA. `op/cuda/README.md` has the design and what was verified.
//!
//! - `driver`, `failure`: the driver's functions and errors; `context`: kernels and memory of a context;
//! - `calls`: the kernels' parameters; `tiling`: how a launch is cut into blocks; `rule`, `table`: the tables of an axis;
//! - `engine`: resizes; `place`: the kernels that weigh nothing;
//! - `preprocessor`: plans of version 1; `staged`, `tensor`: those of version 2, whose way through the kernels is `route`; `host`: what has
//!   no kernel.

mod calls;
mod context;
mod driver;
mod engine;
mod failure;
mod host;
mod place;
mod preprocessor;
mod route;
mod rule;
mod staged;
mod table;
mod tensor;
mod tiling;

pub use driver::{driver_version, status};
pub use preprocessor::{DeviceImages, Preprocessor, Stream};
pub use route::without_kernel;
pub use staged::StagedPreprocessor;
