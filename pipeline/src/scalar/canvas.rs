//! An image on a canvas.

use ndarray::{Array3, ArrayView3};

use crate::plan::{Mirror, Placement};
use crate::resample::Arithmetic;

/// What stands outside the image.
#[derive(Clone, Copy)]
pub(crate) enum Outside<T> {
    /// A value for each channel.
    Values([T; 3]),
    /// The image, mirrored.
    Mirror(Mirror),
}

/// The canvas of `placement` with `image` on it.
pub(crate) fn place<T: Copy>(image: &Array3<T>, placement: &Placement, outside: Outside<T>) -> Array3<T> {
    let (height, width, channels) = image.dim();
    let Placement { offset, size, .. } = *placement;
    Array3::from_shape_fn((size.0, size.1, channels), |(row, column, channel)| {
        let (row, column) = (row as i64 + offset.0, column as i64 + offset.1);
        let inside = |at: i64, length: usize| usize::try_from(at).ok().filter(|at| *at < length);
        match (inside(row, height), inside(column, width), outside) {
            (Some(row), Some(column), _) => image[[row, column, channel]],
            (_, _, Outside::Values(values)) => values[channel],
            (_, _, Outside::Mirror(mode)) => {
                image[[mode.source(row, height), mode.source(column, width), channel]]
            }
        }
    })
}

/// What [`place`] gives of the image resized to `placement.from`, without the pixels outside the canvas: a thin image enlarged
/// to a short edge can have millions of columns, of which a crop takes a few.
pub(crate) fn place_resized(
    image: ArrayView3<'_, u8>,
    sampling: Arithmetic,
    placement: &Placement,
    outside: Outside<u8>,
) -> Array3<u8> {
    let Placement { from, offset, size } = *placement;
    if let Outside::Mirror(_) = outside {
        // What is mirrored may be outside the canvas.
        return place(&sampling.resize(image, from), placement, outside);
    }
    let visible = |from: usize, offset: i64, size: usize| {
        let clamped = |at: i64| at.clamp(0, from as i64) as usize;
        clamped(offset)..clamped(offset + size as i64)
    };
    let rows = visible(from.0, offset.0, size.0);
    let columns = visible(from.1, offset.1, size.1);
    let part = Placement {
        from: (rows.len(), columns.len()),
        offset: (offset.0 - rows.start as i64, offset.1 - columns.start as i64),
        size,
    };
    place(
        &sampling.resize_part(image, from, (rows, columns)),
        &part,
        outside,
    )
}
