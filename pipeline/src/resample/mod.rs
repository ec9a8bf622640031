//! The resize of an image: which windows ([`Windows`], [`AxisWeights`]) and which arithmetic ([`Arithmetic`]).
//!
//! [`Arithmetic::Passes`] is separable: one pass of [`AxisWeights`] along each axis, each pass rounded to
//! uint8, in an order that [`Windows::vertical_first`] gives. Nothing else is needed to be exact.

mod arithmetic;
mod filter;
mod passes;
mod plain;
mod resampler;
mod sampling;
mod weights;
mod windows;

pub use arithmetic::{
    Arithmetic, FloatAxis, FloatTap, LinearAxis, OpencvFilter, TORCH_ONE_THREAD, area_axes, cubic_axis,
    nearest_index, resize_floats, torch_bound,
};
pub use filter::{Filter, HAMMING};
pub use passes::{resize, resize_part};
pub use resampler::Resampler;
pub use weights::{AxisWeights, MAX_TORCHVISION_PRECISION, PILLOW_PRECISION};
pub use windows::Windows;
