//! The parts of the scalar reference that steps and plans share: plain definitions, nothing fast.

pub(crate) mod canvas;
pub(crate) mod form;
pub(crate) mod plan;
pub(crate) mod source;

use ndarray::{Array3, Axis};

use crate::plan::GrayRule;

/// The image, turned by 90 degrees clockwise: `numpy.rot90(image, 3)`.
pub(crate) fn turned<T: Clone>(image: &Array3<T>) -> Array3<T> {
    let mut turned = image.view().permuted_axes([1, 0, 2]);
    turned.invert_axis(Axis(1));
    turned.as_standard_layout().into_owned()
}

/// One channel of three.
pub(crate) fn gray(image: &Array3<u8>, rule: GrayRule) -> Array3<u8> {
    let (height, width, _) = image.dim();
    Array3::from_shape_fn((height, width, 1), |(row, column, _)| {
        rule.gray([0, 1, 2].map(|channel| image[[row, column, channel]]))
    })
}
