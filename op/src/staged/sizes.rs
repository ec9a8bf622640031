//! The sizes of the images of one call, by the shapes of its inputs.

use prep_onnx_pipeline::{Error, MAX_PIXELS, Plan, Result};

use crate::run::{ListedImage, listed, shown};

/// The sizes of the images, (height, width).
pub(super) struct Sizes {
    pub(super) sizes: Vec<(usize, usize)>,
    /// What the extents of a batch of no images say.
    pub(super) empty: (usize, usize),
    /// Whether they may differ.
    pub(super) mixed: bool,
}

/// The bytes of an image of (height, width) in the source format.
pub(super) fn bytes_of(plan: &Plan, (height, width): (usize, usize)) -> usize {
    plan.source.rows(height) * width * plan.source.source_channels()
}

/// # Errors
/// When the shape is not that of a batch of the source format, or of another number of elements.
pub(super) fn batch(plan: &Plan, shape: &[i64], length: usize) -> Result<Sizes> {
    let channels = plan.source.source_channels();
    let extent = |value: i64| usize::try_from(value).ok();
    let known = match *shape {
        [images, rows, columns, last] if last == channels as i64 => {
            extent(images).zip(extent(rows)).zip(extent(columns))
        }
        _ => None,
    };
    let Some(((images, rows), columns)) = known else {
        let rows = if plan.source.is_planar() { "H * 3 / 2" } else { "H" };
        return Err(Error::new(
            "image",
            format_args!("is not a batch of images in the format {}", plan.source.name()),
        )
        .expected_got(
            format_args!("uint8 [N, {rows}, W, {channels}]"),
            format_args!("a shape of {}", shown(shape)),
        ));
    };
    let bytes = (pixels_of("image", rows, columns)? * channels).checked_mul(images);
    if bytes != Some(length) {
        return Err(
            Error::new("image", "does not hold as many elements as its shape says")
                .expected_got(format_args!("the elements of {}", shown(shape)), length),
        );
    }
    if images == 0 {
        return Ok(Sizes {
            sizes: Vec::new(),
            empty: (rows, columns),
            mixed: false,
        });
    }
    let size = plan.source.image_size(rows, columns)?;
    Ok(Sizes {
        sizes: vec![size; images],
        empty: size,
        mixed: false,
    })
}

/// # Errors
/// When the shapes are not those of images of the source format that are as long together as the pixels.
pub(super) fn ragged(
    plan: &Plan,
    pixels_shape: &[i64],
    length: usize,
    shapes_shape: &[i64],
    shapes: &[i64],
) -> Result<Sizes> {
    let channels = plan.source.source_channels();
    if pixels_shape.len() != 1 {
        return Err(
            Error::new("pixels", "has another rank").expected_got("a shape of [total]", shown(pixels_shape))
        );
    }
    let images = match *shapes_shape {
        [images, 3] if images >= 0 && shapes.len() as i64 / 3 == images => images as usize,
        _ => {
            return Err(Error::new("shapes", "has another shape").expected_got(
                "[N, 3]: rows, columns and values of each image",
                shown(shapes_shape),
            ));
        }
    };
    let mut sizes = Vec::with_capacity(images);
    let mut end = 0_usize;
    for (index, shape) in shapes.chunks_exact(3).enumerate() {
        let subject = format!("shapes[{index}]");
        let extent = |value: i64| usize::try_from(value).ok().filter(|value| *value > 0);
        let (Some(rows), Some(columns), true) =
            (extent(shape[0]), extent(shape[1]), shape[2] == channels as i64)
        else {
            return Err(Error::new(
                subject,
                format_args!(
                    "is not the shape of an image in the format {}",
                    plan.source.name()
                ),
            )
            .expected_got(
                format_args!("[rows, columns, {channels}] of at least one pixel"),
                format_args!("{shape:?}"),
            ));
        };
        let pixels = pixels_of(&subject, rows, columns)?;
        let size = plan
            .source
            .image_size(rows, columns)
            .map_err(|error| error.within(&subject))?;
        end = end.saturating_add(pixels.saturating_mul(channels));
        if end > length {
            return Err(sum_error(
                format_args!("at least {end}, for shapes[0..={index}]"),
                length,
            ));
        }
        sizes.push(size);
    }
    if end != length {
        return Err(sum_error(format_args!("{end}"), length));
    }
    Ok(Sizes {
        sizes,
        empty: (1, 1),
        mixed: true,
    })
}

/// # Errors
/// When an image of the list is not one of the source format, or has another number of elements than its shape says.
pub(super) fn list(plan: &Plan, images: &[ListedImage<'_>]) -> Result<Sizes> {
    let size = |(index, image): (usize, &ListedImage<'_>)| {
        let (rows, columns) = listed(index, image, plan.source.source_channels())?;
        let size = plan.source.image_size(rows, columns);
        size.map_err(|error| error.within(format_args!("images[{index}]")))
    };
    Ok(Sizes {
        sizes: images.iter().enumerate().map(size).collect::<Result<_>>()?,
        empty: (1, 1),
        mixed: true,
    })
}

fn sum_error(expected: std::fmt::Arguments<'_>, got: usize) -> Error {
    Error::new("pixels", "is not as long as the images of `shapes` together").expected_got(expected, got)
}

fn pixels_of(subject: &str, rows: usize, columns: usize) -> Result<usize> {
    match rows.checked_mul(columns) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok(pixels),
        _ => Err(Error::new(subject, "has too many pixels").expected_got(
            format_args!("at most {MAX_PIXELS}"),
            format_args!("{rows} x {columns}"),
        )),
    }
}

/// The size of the output of no images.
pub(super) fn empty_output(plan: &Plan, (rows, columns): (usize, usize)) -> Result<(usize, usize)> {
    match plan.fixed_output() {
        Some(output) => Ok(output),
        None => {
            let size = plan.source.image_size(rows, columns).unwrap_or((1, 1));
            Ok(plan.geometry(size.0.max(1), size.1.max(1))?.output)
        }
    }
}
