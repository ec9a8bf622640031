//! A plan, executed plainly: what backends are compared with where steps are out of the way.

use ndarray::{Array3, ArrayView3};

use super::canvas::{Outside, place, place_resized};
use super::form::finish;
use super::{gray, source, turned};
use crate::output::{Answers, Extras};
use crate::plan::{BatchCanvas, Canvas, Fill, ImageGeometry, Placement, Plan};
use crate::resample::{Arithmetic, resize_floats};
use crate::steps::Pixels;
use crate::{Operation, Result};

impl Plan {
    /// The outputs of a batch of images, each a tensor [rows, columns, values] of the source format.
    ///
    /// # Errors
    /// When an image is not of the source format, or a stage would give it no pixels or too many; names the image.
    pub fn reference(&self, images: &[ArrayView3<'_, u8>]) -> Result<Answers> {
        let batch = self.batch_of(images)?;
        let mut answers = Answers::default();
        for (index, image) in images.iter().enumerate() {
            let within = |error: crate::Error| error.within_key(format_args!("images[{index}]"));
            let geometry = self.geometry_of(image, batch).map_err(within)?;
            let tensor = self.tensor(image.view(), &geometry).map_err(within)?;
            answers.push(self, tensor, &geometry);
        }
        Ok(answers)
    }

    /// The canvas of a batch of images.
    pub(crate) fn batch_of(&self, images: &[ArrayView3<'_, u8>]) -> Result<Option<BatchCanvas>> {
        let mut sizes = Vec::with_capacity(images.len());
        for image in images {
            sizes.push(self.source.image_size(image.dim().0, image.dim().1)?);
        }
        self.batch_canvas(sizes)
    }

    pub(crate) fn geometry_of(
        &self,
        image: &ArrayView3<'_, u8>,
        batch: Option<BatchCanvas>,
    ) -> Result<ImageGeometry> {
        let (height, width) = self.source.image_size(image.dim().0, image.dim().1)?;
        self.geometry_on(height, width, batch)
    }

    /// The tensor of one image [rows, columns, values] of the source format, with a batch of 1.
    ///
    /// # Errors
    /// When `image` is not of the source format, or its output cannot be cut into the blocks of the form.
    pub fn tensor(&self, image: ArrayView3<'_, u8>, geometry: &ImageGeometry) -> Result<crate::Tensor> {
        if let Some(table) = self.values.bytes() {
            let mut tensor = self.pixels().tensor(image, geometry)?;
            let stride = self.channel_stride(&tensor.shape);
            if let crate::Elements::Uint8(pixels) = &mut tensor.elements {
                for (index, byte) in pixels.iter_mut().enumerate() {
                    *byte = table.channel(index / stride % self.channels())[usize::from(*byte)];
                }
            }
            return Ok(tensor);
        }
        if let Some(whole) = self.overview_alone() {
            let (height, width) = geometry.image;
            let of_whole = whole.geometry(height, width)?;
            let tiles = self.tiles_alone().tensor(image.view(), geometry)?;
            return Ok(self.beside(tiles, whole.tensor(image, &of_whole)?));
        }
        let mut image = source::read(self.source, image)?;
        if geometry.turned {
            image = turned(&image);
        }
        if let Some(rule) = self.gray {
            image = gray(&image, rule);
        }
        // Where the output shows the image, and not a fill that comes after the arithmetic.
        let mut valued: Option<([f64; 3], Placement)> = None;
        for (stage, numbers) in self.stages.iter().zip(&geometry.stages) {
            if let (Some(canvas), Some(placement)) = (&stage.before, &numbers.before) {
                image = place(&image, placement, around(canvas));
            }
            let after = stage.after.as_ref().zip(numbers.after);
            if let Some((Fill::Value { value }, placement)) =
                after.map(|(canvas, placement)| (canvas.fill, placement))
            {
                valued = Some((value, placement));
            }
            let sampling = stage.resample.map(|resample| resample.sampling);
            image = match (sampling.zip(numbers.resized), after) {
                (Some((sampling, _)), Some((canvas, placement))) => {
                    place_resized(image.view(), sampling, &placement, around(canvas))
                }
                (Some((sampling, resized)), None) => sampling.resize(image.view(), resized.to),
                (None, Some((canvas, placement))) => place(&image, &placement, around(canvas)),
                (None, None) => image,
            };
        }
        if let Some(rule) = self.values.gray {
            image = gray(&image, rule);
        }
        let image = image.select(ndarray::Axis(2), &self.values.channels);
        let pixels = match &self.float {
            None if self.values.operations.is_empty() && valued.is_none() => Pixels::Uint8(image),
            None => {
                let floats = operated(image.mapv(f32::from), &self.values.operations);
                Pixels::Float32(match valued {
                    None => floats,
                    Some((value, placement)) => {
                        let [top, left, height, width] = placement.inner();
                        let inside =
                            |at: usize, start: usize, length: usize| (start..start + length).contains(&at);
                        Array3::from_shape_fn(floats.raw_dim(), |(row, column, channel)| {
                            if inside(row, top, height) && inside(column, left, width) {
                                floats[[row, column, channel]]
                            } else {
                                value[channel] as f32
                            }
                        })
                    }
                })
            }
            Some(stage) => {
                let mut floats = operated(image.mapv(f32::from), &stage.operations);
                let numbers = geometry.stages.last();
                if let (Arithmetic::Torch { filter, antialias }, Some(resized)) = (
                    stage.resample.sampling,
                    numbers.and_then(|numbers| numbers.resized),
                ) {
                    floats = resize_floats(floats.view(), resized.to, filter, antialias);
                }
                floats = operated(floats, &self.values.operations);
                if let (Some(canvas), Some(placement)) =
                    (&stage.after, numbers.and_then(|numbers| numbers.after))
                {
                    let outside = match canvas.fill {
                        Fill::Value { value } => Outside::Values(value.map(|value| value as f32)),
                        Fill::Color { color } => Outside::Values(color.map(f32::from)),
                        Fill::Mirror { mode } => Outside::Mirror(mode),
                    };
                    floats = place(&floats, &placement, outside);
                }
                Pixels::Float32(floats)
            }
        };
        finish(pixels, self.form)
    }
}

impl Answers {
    fn push(&mut self, plan: &Plan, tensor: crate::Tensor, geometry: &ImageGeometry) {
        self.tensors.push(tensor);
        self.extras.push(Extras::of(plan, geometry));
    }
}

fn around(canvas: &Canvas) -> Outside<u8> {
    match canvas.fill {
        Fill::Color { color } => Outside::Values(color),
        // Overwritten after the arithmetic.
        Fill::Value { .. } => Outside::Values([0; 3]),
        Fill::Mirror { mode } => Outside::Mirror(mode),
    }
}

fn operated(mut image: Array3<f32>, operations: &[Operation]) -> Array3<f32> {
    for ((_, _, channel), value) in image.indexed_iter_mut() {
        *value = Operation::chain(operations, *value, channel);
    }
    image
}
