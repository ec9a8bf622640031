//! The ways to read the elements of a dump as an image.

use ndarray::{Array3, ArrayView3, Axis};

use super::mistake::{Finding, Mistake};
use crate::{Elements, Error, ErrorKind, Layout, Result, Tensor};

/// A dump read as [height, width, channels], and what is wrong with the host if that is how it is meant.
pub(super) struct View {
    pub(super) values: Array3<f64>,
    pub(super) findings: Vec<Finding>,
}

/// Every way to read the tensor, the one that is expected first.
///
/// # Errors
/// A tensor of no such shape, or of several images.
pub(super) fn views(tensor: &Tensor, layout: Layout) -> Result<Vec<View>> {
    let values: Vec<f64> = match &tensor.elements {
        Elements::Float32(values) => values.iter().map(|value| f64::from(*value)).collect(),
        Elements::Float16(values) => values.iter().map(|value| f64::from(value.to_f32())).collect(),
        Elements::Uint8(values) => values.iter().map(|value| f64::from(*value)).collect(),
    };
    let mut shape = tensor.shape.as_slice();
    while shape.len() > 3 && shape[0] == 1 {
        shape = &shape[1..];
    }
    let extents: [usize; 3] = match *shape {
        [a, b, c] => [a, b, c],
        [a, b] if layout == Layout::Nchw => [1, a, b],
        [a, b] => [a, b, 1],
        _ => return Err(unreadable(tensor)),
    };
    let channels = |extent: usize| extent == 1 || extent == 3;
    let mut found = Vec::new();
    let mut push = |values: Array3<f64>, findings: Vec<Finding>| {
        if values.dim().0 > 0 && values.dim().1 > 0 {
            found.push(View { values, findings });
        }
    };
    let named = |layout: Layout| match layout {
        Layout::Nchw => "[N, C, H, W]",
        Layout::Nhwc => "[N, H, W, C]",
    };
    for as_read in [layout, other(layout)] {
        let [a, b, c] = extents;
        let (count, height, width) = match as_read {
            Layout::Nchw => (a, b, c),
            Layout::Nhwc => (c, a, b),
        };
        if !channels(count) {
            continue;
        }
        let mut findings = Vec::new();
        if as_read != layout {
            findings.push(Finding::new(
                Mistake::Layout,
                format_args!(
                    "the tensor is {}, where {} is expected",
                    named(as_read),
                    named(layout)
                ),
            ));
        }
        push(image(&values, as_read, (height, width, count))?, findings.clone());
        // The memory of the other order under this shape.
        let mut reshaped = findings.clone();
        reshaped.push(Finding::new(
            Mistake::MemoryOrder,
            format_args!(
                "the memory is that of {}, reshaped and not transposed",
                named(other(as_read))
            ),
        ));
        push(image(&values, other(as_read), (height, width, count))?, reshaped);
        let mut turned = findings;
        turned.push(Finding::new(
            Mistake::Transposed,
            "height and width are exchanged",
        ));
        push(
            image(&values, as_read, (height, width, count))?
                .permuted_axes([1, 0, 2])
                .as_standard_layout()
                .to_owned(),
            turned,
        );
    }
    if found.is_empty() {
        Err(unreadable(tensor))
    } else {
        Ok(found)
    }
}

const fn other(layout: Layout) -> Layout {
    match layout {
        Layout::Nchw => Layout::Nhwc,
        Layout::Nhwc => Layout::Nchw,
    }
}

fn image(
    values: &[f64],
    layout: Layout,
    (height, width, count): (usize, usize, usize),
) -> Result<Array3<f64>> {
    let wrong = |error| Error::new("tensor", error);
    Ok(match layout {
        Layout::Nchw => ArrayView3::from_shape((count, height, width), values)
            .map_err(wrong)?
            .permuted_axes([1, 2, 0])
            .as_standard_layout()
            .to_owned(),
        Layout::Nhwc => ArrayView3::from_shape((height, width, count), values)
            .map_err(wrong)?
            .to_owned(),
    })
}

fn unreadable(tensor: &Tensor) -> Error {
    Error::new("tensor", "is not one image")
        .expected_got(
            "[C, H, W] or [H, W, C], alone or as a batch of one",
            format_args!("{:?}", tensor.shape),
        )
        .fix("save one row of the batch, before it is cut into patches")
        .with_kind(ErrorKind::Unsupported)
}

/// The image turned and mirrored in one of eight ways; 0 is as it is.
pub(super) fn oriented(image: ArrayView3<'_, u8>, way: usize) -> Array3<u8> {
    let mut view = image;
    if way & 4 != 0 {
        view = view.permuted_axes([1, 0, 2]);
    }
    if way & 1 != 0 {
        view.invert_axis(Axis(1));
    }
    if way & 2 != 0 {
        view.invert_axis(Axis(0));
    }
    view.as_standard_layout().to_owned()
}

/// What [`oriented`] does, in words.
pub(super) fn orientation(way: usize) -> &'static str {
    match way {
        0 => "as it is",
        1 => "mirrored from left to right",
        2 => "mirrored from top to bottom",
        3 => "turned by 180 degrees",
        4 => "mirrored along its diagonal",
        5 => "turned by 90 degrees clockwise",
        6 => "turned by 90 degrees counterclockwise",
        _ => "mirrored along its other diagonal",
    }
}
