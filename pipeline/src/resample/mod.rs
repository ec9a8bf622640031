//! The resize of 8-bit images, as integers.
//!
//! Every resampler is separable: one pass of [`AxisWeights`] along each axis, each pass rounded to
//! uint8, in an order that [`Resampler::vertical_first`] gives. Nothing else is needed to be exact.

mod filter;
mod resampler;
mod sampling;
mod scalar;
mod weights;

pub use filter::{Filter, HAMMING};
pub use resampler::Resampler;
pub use scalar::{resize, resize_part};
pub use weights::{AxisWeights, MAX_TORCHVISION_PRECISION, PILLOW_PRECISION};
