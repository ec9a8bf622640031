//! The images of one call and the shapes of its outputs.

use std::ops::Range;

use prep_onnx_pipeline::plan::{ImageGeometry, OutputExtent};
use prep_onnx_pipeline::{Error, OutputKind, PLAN_ATTRIBUTE, Plan, Result};

use super::extras::{self, ExtraMut};
use super::sizes::{Sizes, batch, bytes_of, empty_output, list, ragged};
use crate::run::{ImageShapes, OutputMut, check_elements};

/// One image of a call.
pub(crate) struct StagedImage {
    pub(crate) geometry: ImageGeometry,
    /// Where it is in the elements of the input.
    pub(crate) bytes: Range<usize>,
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

    pub(crate) fn images(&self) -> &[StagedImage] {
        &self.images
    }

    pub(crate) fn elements_of_image(&self) -> usize {
        let all: usize = self.shape.tensor.iter().product();
        all / self.shape.images.max(1)
    }

    pub(crate) fn new(plan: &Plan, shapes: &ImageShapes<'_>) -> Result<Self> {
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
            ImageShapes::List(images) => {
                let first = images.first().map(|image| image.shape);
                if first.is_none_or(|first| images.iter().any(|image| image.shape != first)) {
                    mixed(plan)?;
                }
                (list(plan, images)?, "images")
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

    /// Checks the outputs besides the tensor.
    pub(crate) fn check_extras(&self, extras: &[ExtraMut<'_>]) -> Result<()> {
        if extras.len() != self.extras.len() {
            return Err(Error::new("outputs", "are not those of the plan")
                .expected_got(1 + self.extras.len(), 1 + extras.len()));
        }
        for ((kind, extents), output) in self.extras.iter().zip(extras) {
            extras::check(*kind, extents, output)?;
        }
        Ok(())
    }

    /// Checks and writes the outputs besides the tensor.
    pub(crate) fn write_extras(
        &self,
        plan: &Plan,
        geometries: &[Option<&ImageGeometry>],
        extras: &mut [ExtraMut<'_>],
    ) -> Result<()> {
        self.check_extras(extras)?;
        for ((kind, extents), output) in self.extras.iter().zip(extras) {
            for (index, geometry) in geometries.iter().enumerate() {
                extras::write(plan, *kind, index, *geometry, extents, output);
            }
        }
        Ok(())
    }
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
