//! From a plan to finished tensors: checks, weights, scheduling and the row loop around the kernels.

mod axis;
mod cache;
mod engine;
mod finish;
mod images;
mod preprocessor;
mod schedule;
mod tables;

pub(crate) use axis::{Axis, HALF, PRECISION, round};
pub(crate) use finish::{Affine, Finish};
pub use images::{Images, Shape};
pub use preprocessor::{OutputMut, Preprocessor};
pub use schedule::{Executor, Sequential, Threads};
