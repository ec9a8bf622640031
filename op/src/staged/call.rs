//! The images of one call and the shapes of its outputs.

use std::ops::Range;

use prep_onnx_pipeline::plan::{ImageGeometry, OutputExtent};
use prep_onnx_pipeline::{Error, MAX_PIXELS, OutputKind, PLAN_ATTRIBUTE, Plan, Result};

use super::extras::{self, ExtraMut};
use crate::run::{ImageShapes, OutputMut, check_elements, shown};

/// One image of a call.
pub(super) struct StagedImage {
    pub(super) geometry: ImageGeometry,
    /// Where it is in the elements of the input.
    pub(super) bytes: Range<usize>,
}

/// The extents of the outputs of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedShape {
    /// Those of the tensor.
    pub tensor: Vec<usize>,
    /// Those of the other outputs of the plan, in their order.
    pub extras: Vec<(OutputKind, Vec<usize>)>,
    /// Images.
    pub images: usize,
}

/// A call whose input has been checked.
pub struct StagedCall {
    images: Vec<StagedImage>,
    shape: StagedShape,
}

impl StagedCall {
    /// The extents of the outputs.
    pub fn shape(&self) -> &StagedShape {
        &self.shape
    }

    pub(super) fn images(&self) -> &[StagedImage] {
        &self.images
    }

    pub(super) fn elements_of_image(&self) -> usize {
        let all: usize = self.shape.tensor.iter().product();
        all / self.shape.images.max(1)
    }

    pub(super) fn new(plan: &Plan, shapes: &ImageShapes<'_>) -> Result<Self> {
        let (sizes, subject) = match *shapes {
            ImageShapes::Batch { shape, length } => (batch(plan, shape, length)?, "image"),
            ImageShapes::Ragged {
                pixels_shape,
                length,
                shapes_shape,
                shapes,
            } => {
                mixed(plan)?;
                (
                    ragged(plan, pixels_shape, length, shapes_shape, shapes)?,
                    "shapes",
                )
            }
        };
        let Sizes { sizes, empty, mixed } = sizes;
        let named = |index: usize, error: Error| match mixed {
            true => error.within(format_args!("{subject}[{index}]")),
            false => error.within(subject),
        };
        // Of a batch, every image is the first one.
        let distinct = if mixed { sizes.len() } else { sizes.len().min(1) };
        for (index, size) in sizes[..distinct].iter().enumerate() {
            plan.geometry(size.0, size.1)
                .map_err(|error| named(index, error))?;
        }
        let canvas = plan.batch_canvas(sizes[..distinct].iter().copied())?;
        let mut geometries = Vec::new();
        for (index, size) in sizes[..distinct].iter().enumerate() {
            let geometry = plan.geometry_on(size.0, size.1, canvas);
            geometries.push(geometry.map_err(|error| named(index, error))?);
        }
        let output = match geometries.first() {
            Some(geometry) => geometry.output,
            // The largest of no sizes.
            None if mixed && plan.is_of_batch() => canvas.map_or((0, 0), |canvas| canvas.size),
            None => empty_output(plan, empty)?,
        };
        if !geometries.is_empty() {
            plan.form.check_size(output)?;
        }
        let mut images = Vec::new();
        let mut start = 0;
        for (index, size) in sizes.iter().enumerate() {
            let geometry = if mixed {
                geometries.get(index)
            } else {
                geometries.first()
            };
            let bytes = bytes_of(plan, *size);
            if let Some(geometry) = geometry {
                images.push(StagedImage {
                    geometry: geometry.clone(),
                    bytes: start..start + bytes,
                });
            }
            start += bytes;
        }
        let shape = StagedShape::new(plan, images.len(), output)?;
        Ok(Self { images, shape })
    }

    /// Checks the outputs, writes those besides the tensor, and lets `run` write the tensor.
    pub(super) fn check(
        &self,
        plan: &Plan,
        mut tensor: OutputMut<'_>,
        extras: &mut [ExtraMut<'_>],
        run: impl FnOnce(OutputMut<'_>) -> Result<()>,
    ) -> Result<()> {
        check_elements(plan.form.dtype, &self.shape.tensor, &mut tensor)?;
        let geometries: Vec<_> = self.images.iter().map(|image| Some(&image.geometry)).collect();
        self.shape.write_extras(plan, &geometries, extras)?;
        run(tensor)
    }
}

impl StagedShape {
    /// # Errors
    /// When an output does not fit into memory.
    pub(crate) fn new(plan: &Plan, images: usize, output: (usize, usize)) -> Result<Self> {
        let extent = |extent: OutputExtent| match extent {
            OutputExtent::Images => images,
            OutputExtent::Height => output.0,
            OutputExtent::Width => output.1,
            OutputExtent::Fixed(number) => number,
        };
        let extras = plan.outputs.iter().filter_map(|kind| {
            let extents = kind.extents()?.iter().map(|of| extent(*of)).collect();
            Some((*kind, extents))
        });
        let shape = Self {
            tensor: plan.output_shape(images, output),
            extras: extras.collect(),
            images,
        };
        for extents in std::iter::once(&shape.tensor).chain(shape.extras.iter().map(|(_, extents)| extents)) {
            let bytes = extents
                .iter()
                .try_fold(size_of::<i64>(), |product, extent| product.checked_mul(*extent));
            if bytes.is_none_or(|bytes| isize::try_from(bytes).is_err()) {
                return Err(Error::new("output", "does not fit into memory")
                    .expected_got("fewer elements", format_args!("a shape of {extents:?}")));
            }
        }
        Ok(shape)
    }

    /// Checks and writes the outputs besides the tensor.
    pub(crate) fn write_extras(
        &self,
        plan: &Plan,
        geometries: &[Option<&ImageGeometry>],
        extras: &mut [ExtraMut<'_>],
    ) -> Result<()> {
        if extras.len() != self.extras.len() {
            return Err(Error::new("outputs", "are not those of the plan")
                .expected_got(1 + self.extras.len(), 1 + extras.len()));
        }
        for ((kind, extents), output) in self.extras.iter().zip(extras) {
            extras::check(*kind, extents, output)?;
            for (index, geometry) in geometries.iter().enumerate() {
                extras::write(plan, *kind, index, *geometry, extents, output);
            }
        }
        Ok(())
    }
}

/// The sizes of the images, (height, width).
struct Sizes {
    sizes: Vec<(usize, usize)>,
    /// What the extents of a batch of no images say.
    empty: (usize, usize),
    /// Whether they may differ.
    mixed: bool,
}

fn bytes_of(plan: &Plan, (height, width): (usize, usize)) -> usize {
    plan.source.rows(height) * width * plan.source.source_channels()
}

/// Checks that images of mixed sizes become one tensor.
pub(crate) fn mixed(plan: &Plan) -> Result<()> {
    if plan.is_of_batch() || plan.fixed_output().is_some() {
        return Ok(());
    }
    Err(Error::new(PLAN_ATTRIBUTE, "the size of the output depends on the image")
        .why("images of mixed sizes become one tensor, so each must give the same size")
        .fix("end the geometry with an exact resize, a center_crop or a pad to the batch's largest, or embed with --accept batch"))
}

fn batch(plan: &Plan, shape: &[i64], length: usize) -> Result<Sizes> {
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
    let bytes = pixels_of("image", rows, columns)?.checked_mul(channels * images);
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

fn ragged(
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
fn empty_output(plan: &Plan, (rows, columns): (usize, usize)) -> Result<(usize, usize)> {
    match plan.fixed_output() {
        Some(output) => Ok(output),
        None => {
            let size = plan.source.image_size(rows, columns).unwrap_or((1, 1));
            Ok(plan.geometry(size.0.max(1), size.1.max(1))?.output)
        }
    }
}
