//! Plans of version 2: stage by stage through bytes, on the engine of version 1 wherever it has the arithmetic.
//!
//! - [`sizes`]: what the shapes of the inputs say; [`call`]: the images of one call and the shapes of its outputs; [`extras`]: the outputs besides the tensor;
//! - [`source`]: what the host hands over; [`pixels`]: an image of bytes and its canvas; [`resample`], [`linear`]: the resize of a stage;
//! - [`finish`]: the last stage and the values; [`border`]: what lies around the image; [`bytes`]: what quantised models take.

mod border;
mod bytes;
mod call;
pub(crate) mod extras;
mod finish;
mod linear;
mod pixels;
mod resample;
mod sizes;
mod source;

use std::sync::Mutex;

use ndarray::ArrayView3;
use prep_onnx_pipeline::plan::{ImageGeometry, OverviewPlace, Stage, StageGeometry};
use prep_onnx_pipeline::{Elements, Plan, Result};

pub(crate) use call::mixed;
pub use call::{StagedCall, StagedShape};
pub use extras::ExtraMut;

use crate::SimdLevel;
use crate::run::{Executor, Images, OutputMut, Sequential, places};
use bytes::Bytes;
use finish::Finisher;
use pixels::Pixels;
use resample::Resampler;
pub(crate) use resample::visible;

/// A plan of any version made ready to run stage by stage, as often and from as many threads as wanted.
pub struct StagedPreprocessor {
    plan: Plan,
    /// One for each stage, where it resizes.
    resamplers: Vec<Option<Resampler>>,
    finisher: Finisher,
    level: SimdLevel,
    /// The tiles and the picture of the whole, where the plan has one.
    parts: Option<Box<[Self; 2]>>,
    /// The pixels, and what becomes of them, where the plan is of a quantised model.
    quantised: Option<(Box<Self>, Bytes)>,
}

impl StagedPreprocessor {
    /// Prepares `plan` at the level that [`SimdLevel::best`] gives.
    ///
    /// # Errors
    /// When the plan cannot be executed, or the environment names a level that this processor lacks.
    pub fn new(plan: Plan) -> Result<Self> {
        Self::with_level(plan, SimdLevel::best()?)
    }

    /// Prepares `plan` at a given level.
    ///
    /// # Errors
    /// When the plan cannot be executed, or this processor lacks the level.
    pub fn with_level(plan: Plan, level: SimdLevel) -> Result<Self> {
        plan.check()?;
        let resampler = |stage: &Stage| {
            let sampling = stage.resample.map(|resample| resample.sampling);
            sampling
                .map(|sampling| Resampler::new(sampling, level))
                .transpose()
        };
        let quantised = match Bytes::new(&plan, level) {
            Some(bytes) => Some((Box::new(Self::with_level(plan.pixels(), level)?), bytes)),
            None => None,
        };
        let parts = match plan.overview_alone() {
            // Of bytes, the pixels have it.
            Some(_) if quantised.is_some() => None,
            Some(whole) => Some(Box::new([
                Self::with_level(plan.tiles_alone(), level)?,
                Self::with_level(whole, level)?,
            ])),
            None => None,
        };
        Ok(Self {
            parts,
            resamplers: plan.stages.iter().map(resampler).collect::<Result<_>>()?,
            finisher: match &quantised {
                // Not asked: the pixels have their own.
                Some((pixels, _)) => Finisher::new(&pixels.plan, level)?,
                None => Finisher::new(&plan, level)?,
            },
            level,
            quantised,
            plan,
        })
    }

    /// What is executed.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Checks the input and gives the extents of all outputs.
    ///
    /// # Errors
    /// Names the input, and the expected and the actual shape.
    pub fn call(&self, images: &Images<'_>) -> Result<StagedCall> {
        StagedCall::new(&self.plan, &images.shapes())
    }

    /// Computes the outputs, whose extents are those of `call`: the tensor and, in their order, those of the plan.
    ///
    /// # Errors
    /// Names the output that does not fit, and the expected and the actual shape; not enough memory, which leaves the
    /// elements of the outputs in any state.
    pub fn run(
        &self,
        images: &Images<'_>,
        call: &StagedCall,
        tensor: OutputMut<'_>,
        extras: &mut [ExtraMut<'_>],
        executor: &dyn Executor,
    ) -> Result<()> {
        call.check(&self.plan, tensor, extras, |tensor| {
            let pixels = images.pixels();
            let size = call.elements_of_image();
            let places: Vec<_> = places::split(tensor, size).into_iter().map(Mutex::new).collect();
            let one = |index: usize, executor: &dyn Executor| {
                let (Some(place), Some(image)) = (places.get(index), call.images().get(index)) else {
                    return Ok(());
                };
                let mut place = place.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                self.image(
                    &image.geometry,
                    pixels.of(index, image.bytes.start, image.bytes.len()),
                    places::borrowed(&mut place),
                    executor,
                )
            };
            // One after the other, each on all threads, where most threads would have none: not every part of the way is shared.
            if places.len() == 1 || places.len() * 4 <= executor.threads() {
                return (0..places.len()).try_for_each(|index| one(index, executor));
            }
            crate::run::each(places.len(), executor, |index| one(index, &Sequential))
        })
    }

    /// The tensor of one image, the bytes of its source tensor.
    pub(crate) fn image(
        &self,
        geometry: &ImageGeometry,
        bytes: &[u8],
        output: OutputMut<'_>,
        executor: &dyn Executor,
    ) -> Result<()> {
        let plan = &self.plan;
        if let Some((pixels, bytes_of)) = &self.quantised {
            let mut output = output;
            pixels.image(geometry, bytes, places::borrowed(&mut output), executor)?;
            if let OutputMut::Uint8(elements) = output {
                bytes_of.apply(plan, &plan.output_shape(1, geometry.output), elements);
            }
            return Ok(());
        }
        if let (Some(parts), Some(overview)) = (&self.parts, &plan.overview) {
            let [tiles, whole] = parts.as_ref();
            let shape = tiles.plan.output_shape(1, geometry.output);
            let elements: usize = shape.iter().product();
            let count = shape.get(1).copied().unwrap_or(1).max(1);
            if !plan.has_overview(count) {
                return tiles.image(geometry, bytes, output, executor);
            }
            let (height, width) = geometry.image;
            let of_whole = whole.plan.geometry(height, width)?;
            let (of_tiles, of_picture) = match overview.place {
                OverviewPlace::First => {
                    let (picture, tiles) = places::split_at(output, elements / count);
                    (tiles, picture)
                }
                OverviewPlace::Last => places::split_at(output, elements),
            };
            tiles.image(geometry, bytes, of_tiles, executor)?;
            return whole.image(&of_whole, bytes, of_picture, executor);
        }
        if plan.float.is_some() {
            // A resize of floats is the definition itself.
            let (height, width) = geometry.image;
            let source = (plan.source.rows(height), width, plan.source.source_channels());
            let view = ArrayView3::from_shape(source, bytes)
                .map_err(|error| prep_onnx_pipeline::Error::new("pixels", error))?;
            write(plan.tensor(view, geometry)?.elements, output);
            return Ok(());
        }
        let mut image = source::read(plan, geometry.image, bytes)?;
        if geometry.turned {
            image = image.turned(self.level)?;
        }
        if let Some(rule) = plan.gray {
            image = image.gray(rule)?;
        }
        let mut stages: Vec<_> = (plan.stages.iter().zip(&self.resamplers).zip(&geometry.stages))
            .map(|((stage, resampler), numbers)| (stage, resampler, numbers))
            .collect();
        let mut last = stages.pop();
        for (stage, resampler, numbers) in stages {
            image = through(stage, resampler.as_ref(), numbers, image, executor)?;
        }
        let mut rest;
        let numbers;
        if let Some((stage, resampler, of_stage)) = last
            && let (Some(canvas), Some(placement)) = (&stage.before, &of_stage.before)
        {
            image = image.placed(placement, canvas.fill)?;
            rest = *stage;
            rest.before = None;
            numbers = StageGeometry {
                before: None,
                ..*of_stage
            };
            last = Some((&rest, resampler, &numbers));
        }
        self.finisher.run(plan, last, image, output, executor)
    }
}

/// An image through a stage.
fn through<'a>(
    stage: &Stage,
    resampler: Option<&Resampler>,
    numbers: &StageGeometry,
    mut image: Pixels<'a>,
    executor: &dyn Executor,
) -> Result<Pixels<'a>> {
    if let (Some(canvas), Some(placement)) = (&stage.before, &numbers.before) {
        image = image.placed(placement, canvas.fill)?;
    }
    let after = stage.after.as_ref().zip(numbers.after);
    let (Some(resampler), Some(resized)) = (resampler, numbers.resized) else {
        return match after {
            Some((canvas, placement)) => image.placed(&placement, canvas.fill),
            None => Ok(image),
        };
    };
    let whole = (0..resized.to.0, 0..resized.to.1);
    let Some((canvas, placement)) = after else {
        return resampler.resize(&image, resized.to, whole, executor);
    };
    if let prep_onnx_pipeline::plan::Fill::Mirror { .. } = canvas.fill {
        // What is mirrored may be outside the canvas.
        return resampler
            .resize(&image, resized.to, whole, executor)?
            .placed(&placement, canvas.fill);
    }
    let (rows, columns) = visible(&placement);
    let part = prep_onnx_pipeline::plan::Placement {
        from: (rows.len(), columns.len()),
        offset: (
            placement.offset.0 - rows.start as i64,
            placement.offset.1 - columns.start as i64,
        ),
        size: placement.size,
    };
    resampler
        .resize(&image, resized.to, (rows, columns), executor)?
        .placed(&part, canvas.fill)
}

fn write(elements: Elements, output: OutputMut<'_>) {
    match (elements, output) {
        (Elements::Float32(from), OutputMut::Float32(to)) => to.copy_from_slice(&from),
        (Elements::Float16(from), OutputMut::Float16(to)) => to.copy_from_slice(&from),
        (Elements::Uint8(from), OutputMut::Uint8(to)) => to.copy_from_slice(&from),
        // The output has the element type of the plan.
        (
            Elements::Float32(_) | Elements::Float16(_) | Elements::Uint8(_),
            OutputMut::Float32(_) | OutputMut::Float16(_) | OutputMut::Uint8(_),
        ) => {}
    }
}
