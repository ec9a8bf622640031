//! What a callable gave for an image, as an image.

use ndarray::{Array3, ArrayView3};

use crate::{Dtype, Elements, Error, ErrorKind, Layout, Result, Tensor};

/// A tensor as [height, width, channels] of float32, which holds every float16 and every uint8 as it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) values: Array3<f32>,
}

impl Answer {
    /// The tensor, with its axes in the order of `layout` after leading axes of extent 1. A gray image may have two axes.
    pub(super) fn new(tensor: &Tensor, layout: Layout) -> Result<Self> {
        let extents = extents(&tensor.shape)?;
        let floats: Vec<f32> = match &tensor.elements {
            Elements::Float32(values) => values.clone(),
            Elements::Float16(values) => values.iter().map(|value| value.to_f32()).collect(),
            Elements::Uint8(values) => values.iter().map(|value| f32::from(*value)).collect(),
        };
        let [a, b, c] = extents;
        let view = ArrayView3::from_shape((a, b, c), &floats)
            .map_err(|error| Error::new("tensor", error).with_kind(ErrorKind::Unsupported))?;
        let values = match layout {
            Layout::Nchw => view.permuted_axes([1, 2, 0]).as_standard_layout().to_owned(),
            Layout::Nhwc => view.to_owned(),
        };
        Ok(Self { values })
    }

    pub(super) fn size(&self) -> (usize, usize) {
        (self.values.dim().0, self.values.dim().1)
    }

    pub(super) fn channels(&self) -> usize {
        self.values.dim().2
    }
}

/// The three extents after leading axes of extent 1.
fn extents(shape: &[usize]) -> Result<[usize; 3]> {
    let mut rest = shape;
    while rest.len() > 3 && rest[0] == 1 {
        rest = &rest[1..];
    }
    match *rest {
        [a, b, c] => Ok([a, b, c]),
        [a, b] => Ok([1, a, b]),
        _ => Err(Error::new("the callable", "gives a tensor of another form")
            .expected_got(
                "[C, H, W] or [H, W, C], alone or as a batch of one",
                format_args!("{shape:?}"),
            )
            .why("patches, tiles, frames and several images for one are not learned")
            .with_kind(ErrorKind::Unsupported)),
    }
}

/// Which of the axes has the channels.
pub(super) fn layout_of(shape: &[usize]) -> Result<Layout> {
    let [first, _, last] = extents(shape)?;
    let are_channels = |extent: usize| extent == 1 || extent == 3;
    if are_channels(first) {
        Ok(Layout::Nchw)
    } else if are_channels(last) {
        Ok(Layout::Nhwc)
    } else {
        Err(
            Error::new("the callable", "gives a tensor without an axis of channels")
                .expected_got(
                    "an axis of extent 1 or 3, first or last",
                    format_args!("{shape:?}"),
                )
                .with_kind(ErrorKind::Unsupported),
        )
    }
}

/// Whether both hold the same bits in the same order: leading axes of extent 1 aside.
pub(super) fn same_bits(one: &Tensor, other: &Tensor) -> bool {
    let form = |tensor: &Tensor| extents(&tensor.shape).ok();
    form(one).is_some() && form(one) == form(other) && bits(&one.elements) == bits(&other.elements)
}

/// The element type, and the elements as whole numbers.
fn bits(elements: &Elements) -> (Dtype, Vec<u32>) {
    match elements {
        Elements::Float32(values) => (
            Dtype::Float32,
            values.iter().map(|value| value.to_bits()).collect(),
        ),
        Elements::Float16(values) => (
            Dtype::Float16,
            values.iter().map(|value| u32::from(value.to_bits())).collect(),
        ),
        Elements::Uint8(values) => (
            Dtype::Uint8,
            values.iter().map(|value| u32::from(*value)).collect(),
        ),
    }
}
