//! From a plan to finished tensors: checks, weights, scheduling and the row loop around the kernels.

mod cache;
#[cfg(target_arch = "x86_64")]
mod copy;
mod engine;
mod images;
mod memory;
mod part;
pub(crate) mod places;
mod preprocessor;
mod schedule;
mod tables;

#[cfg(target_arch = "x86_64")]
pub(crate) use copy::RowSource;
pub(crate) use engine::element_size;
pub(crate) use images::{Image, Pixels, checked_shape, fixed_output, listed, shown};
pub use images::{ImageShapes, Images, ListedImage, Shape};
pub(crate) use memory::{grow, room};
pub use preprocessor::{OutputMut, Preprocessor};
pub(crate) use preprocessor::{Pool, check_elements, check_output};
pub(crate) use schedule::{BANDS_PER_THREAD, LEAST_ROWS, each};
pub use schedule::{Executor, Sequential, Threads};
