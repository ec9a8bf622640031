//! The images of one call and the shape checks that make them safe to read.

use prep_onnx_pipeline::{CHANNELS, Error, FusedPlan, Geometry, MAX_PIXELS, PLAN_ATTRIBUTE, Result};

/// The input of one call, as the op's inputs hold it.
#[derive(Clone, Copy, Debug)]
pub enum Images<'a> {
    /// `image`: uint8 [N, H, W, 3], images of one size.
    Batch {
        /// The extents of the tensor.
        shape: &'a [i64],
        /// The elements in C order.
        image: &'a [u8],
    },
    /// `pixels`: uint8 `[total]` and `shapes`: int64 `[N, 3]`: images of mixed sizes, one after another.
    Ragged {
        /// The extents of `pixels`.
        pixels_shape: &'a [i64],
        /// The elements of `pixels`.
        pixels: &'a [u8],
        /// The extents of `shapes`.
        shapes_shape: &'a [i64],
        /// The elements of `shapes`: (height, width, channels) per image.
        shapes: &'a [i64],
    },
    /// Images of mixed sizes, each of them where it is: of a host that has a list.
    List(&'a [ListedImage<'a>]),
}

/// An image of a list.
#[derive(Clone, Copy, Debug)]
pub struct ListedImage<'a> {
    /// Height, width and channels, as a row of `shapes` in [`Images::Ragged`].
    pub shape: [i64; 3],
    /// The elements in C order.
    pub pixels: &'a [u8],
}

/// Where the pixels of the images of one call are.
#[derive(Clone, Copy)]
pub(crate) enum Pixels<'a> {
    /// One after another.
    Joined(&'a [u8]),
    /// Each by itself.
    Apart(&'a [ListedImage<'a>]),
}

impl<'a> Pixels<'a> {
    /// The pixels of image `index`, which has `length` bytes and, where images are joined, begins at `start`.
    pub(crate) fn of(self, index: usize, start: usize, length: usize) -> &'a [u8] {
        match self {
            Self::Joined(pixels) => &pixels[start..][..length],
            Self::Apart(images) => &images[index].pixels[..length],
        }
    }
}

/// The shapes of one call's input, wherever its elements are.
#[derive(Clone, Copy, Debug)]
pub enum ImageShapes<'a> {
    /// As [`Images::Batch`].
    Batch {
        /// The extents of the tensor.
        shape: &'a [i64],
        /// How many elements it has.
        length: usize,
    },
    /// As [`Images::Ragged`].
    Ragged {
        /// The extents of `pixels`.
        pixels_shape: &'a [i64],
        /// How many elements `pixels` has.
        length: usize,
        /// The extents of `shapes`.
        shapes_shape: &'a [i64],
        /// The elements of `shapes`: (height, width, channels) per image.
        shapes: &'a [i64],
    },
    /// As [`Images::List`].
    List(&'a [ListedImage<'a>]),
}

/// The output's extents, known before anything is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Axis extents: [N, 3, H, W] or [N, H, W, 3].
    pub extents: [usize; 4],
    /// Images.
    pub images: usize,
}

/// One image of a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Image {
    pub(crate) geometry: Geometry,
    /// Where its pixels start in the elements of the input, where images are joined.
    pub(crate) start: usize,
}

const SHOWN: usize = 8;

pub(crate) fn shown(extents: &[i64]) -> String {
    if extents.len() > SHOWN {
        return format!("{} axes", extents.len());
    }
    format!("{extents:?}")
}

impl ImageShapes<'_> {
    /// Checks the shapes and calls `each` with every image, then gives the output's shape.
    pub(crate) fn check(&self, plan: &FusedPlan, mut each: impl FnMut(Image)) -> Result<Shape> {
        match *self {
            Self::Batch { shape, length } => {
                let (images, height, width) = batch_extents(shape)?;
                let size = image_bytes(|| "image".to_owned(), height, width)?;
                if images.checked_mul(size) != Some(length) {
                    return Err(length_error("image", shape, length));
                }
                if images == 0 && (height == 0 || width == 0) {
                    let output = empty_output(plan, height, width).map_err(|error| error.within("image"))?;
                    return checked_shape(plan, 0, output);
                }
                let geometry = plan
                    .geometry(height, width)
                    .map_err(|error| error.within("image"))?;
                for index in 0..images {
                    each(Image {
                        geometry,
                        start: index * size,
                    });
                }
                checked_shape(plan, images, geometry.output)
            }
            Self::Ragged {
                pixels_shape,
                length,
                shapes_shape,
                shapes,
            } => {
                let output = fixed_output(plan)?;
                if pixels_shape.len() != 1 {
                    return Err(Error::new("pixels", "has another rank")
                        .expected_got("a shape of [total]", shown(pixels_shape)));
                }
                let images = match *shapes_shape {
                    [images, 3] if images >= 0 && shapes.len() as i64 / 3 == images => images as usize,
                    _ => {
                        return Err(Error::new("shapes", "has another shape").expected_got(
                            "[N, 3]: height, width and channels of each image",
                            shown(shapes_shape),
                        ));
                    }
                };
                let mut start = 0;
                for (index, shape) in shapes.chunks_exact(3).enumerate() {
                    let subject = || format!("shapes[{index}]");
                    let &[height, width, channels] = shape else {
                        continue;
                    };
                    let extent = |value: i64| usize::try_from(value).ok().filter(|value| *value > 0);
                    let (Some(height), Some(width), true) =
                        (extent(height), extent(width), channels == CHANNELS as i64)
                    else {
                        return Err(
                            Error::new(subject(), "is not the shape of an RGB image").expected_got(
                                "[height, width, 3] of at least one pixel",
                                format_args!("{shape:?}"),
                            ),
                        );
                    };
                    let size = image_bytes(subject, height, width)?;
                    let end = start + size;
                    if end > length {
                        return Err(sum_error(
                            &format!("at least {end}, for shapes[0..={index}]"),
                            length,
                        ));
                    }
                    let geometry = plan
                        .geometry(height, width)
                        .map_err(|error| error.within(subject()))?;
                    each(Image { geometry, start });
                    start = end;
                }
                if start != length {
                    return Err(sum_error(&start.to_string(), length));
                }
                checked_shape(plan, images, output)
            }
            Self::List(images) => {
                let first = images.first().map(|image| image.shape);
                let output = match first {
                    Some(first) if images.iter().all(|image| image.shape == first) => None,
                    _ => Some(fixed_output(plan)?),
                };
                let mut size = output;
                for (index, image) in images.iter().enumerate() {
                    let subject = || format!("images[{index}]");
                    let (height, width) = listed(index, image, CHANNELS)?;
                    let geometry = plan
                        .geometry(height, width)
                        .map_err(|error| error.within(subject()))?;
                    size = Some(geometry.output);
                    each(Image { geometry, start: 0 });
                }
                // A list without images has had its size from the plan.
                checked_shape(plan, images.len(), size.unwrap_or_default())
            }
        }
    }
}

impl<'a> Images<'a> {
    /// The shapes alone.
    pub fn shapes(&self) -> ImageShapes<'a> {
        match *self {
            Self::Batch { shape, image } => ImageShapes::Batch {
                shape,
                length: image.len(),
            },
            Self::Ragged {
                pixels_shape,
                pixels,
                shapes_shape,
                shapes,
            } => ImageShapes::Ragged {
                pixels_shape,
                length: pixels.len(),
                shapes_shape,
                shapes,
            },
            Self::List(images) => ImageShapes::List(images),
        }
    }

    /// Checks the shapes and calls `each` with every image, then gives the output's shape.
    pub(crate) fn check(&self, plan: &FusedPlan, each: impl FnMut(Image)) -> Result<Shape> {
        self.shapes().check(plan, each)
    }

    /// Where the pixels are.
    pub(crate) fn pixels(&self) -> Pixels<'a> {
        match *self {
            Self::Batch { image, .. } => Pixels::Joined(image),
            Self::Ragged { pixels, .. } => Pixels::Joined(pixels),
            Self::List(images) => Pixels::Apart(images),
        }
    }
}

/// The rows and columns of image `index` of a list, whose pixels are as many as its shape says.
///
/// # Errors
/// A shape of another number of channels, without pixels or of too many; pixels of another length.
pub(crate) fn listed(index: usize, image: &ListedImage<'_>, channels: usize) -> Result<(usize, usize)> {
    let subject = || format!("images[{index}]");
    let extent = |value: i64| usize::try_from(value).ok().filter(|value| *value > 0);
    let [height, width, given] = image.shape;
    let (Some(height), Some(width), true) = (extent(height), extent(width), given == channels as i64) else {
        return Err(Error::new(subject(), "has another shape").expected_got(
            format_args!("[height, width, {channels}] of at least one pixel"),
            format_args!("{:?}", image.shape),
        ));
    };
    let pixels = height.checked_mul(width).filter(|pixels| *pixels <= MAX_PIXELS);
    let Some(pixels) = pixels else {
        return Err(Error::new(subject(), "has too many pixels").expected_got(
            format_args!("at most {MAX_PIXELS}"),
            format_args!("{height} x {width}"),
        ));
    };
    if pixels * channels != image.pixels.len() {
        return Err(length_error(&subject(), &image.shape, image.pixels.len()));
    }
    Ok((height, width))
}

fn sum_error(expected: &str, got: usize) -> Error {
    Error::new("pixels", "is not as long as the images of `shapes` together").expected_got(expected, got)
}

fn length_error(subject: &str, shape: &[i64], length: usize) -> Error {
    Error::new(subject, "does not hold as many elements as its shape says")
        .expected_got(format_args!("the elements of {}", shown(shape)), length)
}

fn batch_extents(shape: &[i64]) -> Result<(usize, usize, usize)> {
    let extent = |value: i64| usize::try_from(value).ok();
    if let &[images, height, width, 3] = shape
        && let (Some(images), Some(height), Some(width)) = (extent(images), extent(height), extent(width))
    {
        return Ok((images, height, width));
    }
    let error = Error::new("image", "is not a batch of RGB images")
        .expected_got("uint8 [N, H, W, 3]", format_args!("a shape of {}", shown(shape)));
    Err(match shape {
        [_, 3, _, _] => error.fix("put the channels last: transpose (0, 2, 3, 1)"),
        [_, _, 3] => error.fix("add the batch axis: image[None]"),
        _ => error,
    })
}

fn image_bytes(subject: impl Fn() -> String, height: usize, width: usize) -> Result<usize> {
    match height.checked_mul(width) {
        Some(pixels) if pixels <= MAX_PIXELS => Ok(pixels * CHANNELS),
        _ => Err(Error::new(subject(), "has too many pixels").expected_got(
            format_args!("at most {MAX_PIXELS}"),
            format_args!("{height} x {width}"),
        )),
    }
}

/// The size of the output of no images, said to be of `height` x `width` pixels. What is resized counts as one
/// pixel high and wide at least, as in the portable body.
fn empty_output(plan: &FusedPlan, height: usize, width: usize) -> Result<(usize, usize)> {
    match (plan.resize, plan.fixed_output()) {
        (Some(_), _) => Ok(plan.geometry(height.max(1), width.max(1))?.output),
        (None, fixed) => Ok(fixed.unwrap_or((height, width))),
    }
}

/// The size that every image gets, as it must be where images of mixed sizes become one tensor.
pub(crate) fn fixed_output(plan: &FusedPlan) -> Result<(usize, usize)> {
    plan.fixed_output().ok_or_else(|| {
        Error::new(PLAN_ATTRIBUTE, "the size of the output depends on the image")
            .why("images of mixed sizes become one tensor, so each must give the same size")
            .fix("end the geometry with an exact resize or a center_crop, or embed with --accept batch")
    })
}

fn output_shape(plan: &FusedPlan, images: usize, output: (usize, usize)) -> Shape {
    Shape {
        extents: plan.output_shape(images, output),
        images,
    }
}

/// The output's shape, which fits into memory.
pub(crate) fn checked_shape(plan: &FusedPlan, images: usize, output: (usize, usize)) -> Result<Shape> {
    let shape = output_shape(plan, images, output);
    let bytes = shape
        .extents
        .iter()
        .try_fold(4_usize, |product, extent| product.checked_mul(*extent));
    if bytes.is_some_and(|bytes| isize::try_from(bytes).is_ok()) {
        return Ok(shape);
    }
    Err(Error::new("output", "does not fit into memory")
        .expected_got("fewer elements", format_args!("a shape of {:?}", shape.extents)))
}
