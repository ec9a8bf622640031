//! One image, in each form that a model takes.

use ndarray::{ArrayView3, Axis, aview2};
use prep_onnx_pipeline::CHANNELS;

/// One image, decoded and as it is stored.
#[derive(Clone, Copy)]
pub(crate) struct Picture<'a> {
    /// [height, width, 3].
    pub(crate) pixels: ArrayView3<'a, u8>,
    pub(crate) file: &'a [u8],
}

impl<'a> Picture<'a> {
    /// For models that take pixels.
    pub(crate) fn of_pixels(pixels: ArrayView3<'a, u8>) -> Self {
        Self { pixels, file: &[] }
    }

    /// For models that take files.
    pub(crate) fn of_file(file: &'a [u8]) -> Self {
        Self {
            pixels: aview2(&[[0; CHANNELS]; 0]).insert_axis(Axis(0)),
            file,
        }
    }
}
