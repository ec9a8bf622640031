//! What a model sees of an image: the pixels after resize and crop, before any arithmetic.

use ndarray::{Array3, ArrayView3};
use prep_onnx_pipeline::steps::Step;
use prep_onnx_pipeline::{CHANNELS, Dtype, Elements, Error, FusedPlan, Layout, Output, Pipeline, Result};

/// The geometry of a pipeline.
pub(crate) struct Seen {
    pipeline: Pipeline,
    plan: FusedPlan,
}

impl Seen {
    /// The steps of a pipeline that move pixels.
    ///
    /// # Errors
    /// A pipeline that has no plan.
    pub(crate) fn of(pipeline: &Pipeline) -> Result<Self> {
        let moves = |step: &&Step| match step {
            Step::Resize(_)
            | Step::CenterCrop(_)
            | Step::Crop(_)
            | Step::Pad(_)
            | Step::Letterbox(_)
            | Step::RotateTo(_)
            | Step::Grayscale(_)
            | Step::Blocks(_) => true,
            Step::ChannelOrder(_) | Step::Rescale(_) | Step::Normalize(_) | Step::RescaleNormalize(_) => {
                false
            }
        };
        let pipeline = Pipeline {
            description: None,
            steps: pipeline.steps.iter().filter(moves).cloned().collect(),
            input: pipeline.input,
            output: Output::default(),
        };
        let plan = pipeline.plan(Layout::Nhwc, Dtype::Uint8)?;
        Ok(Self { pipeline, plan })
    }

    /// Where the pixels come from.
    pub(crate) fn plan(&self) -> &FusedPlan {
        &self.plan
    }

    /// RGB pixels [height, width, 3].
    ///
    /// # Errors
    /// An image that would be resized to nothing.
    pub(crate) fn pixels(&self, image: ArrayView3<'_, u8>) -> Result<Array3<u8>> {
        let tensor = self.pipeline.reference(image, Layout::Nhwc, Dtype::Uint8)?;
        let extents: Vec<usize> = tensor.shape.iter().rev().take(3).rev().copied().collect();
        match (tensor.elements, extents.as_slice()) {
            (Elements::Uint8(values), [height, width, CHANNELS]) => {
                Array3::from_shape_vec((*height, *width, CHANNELS), values)
                    .map_err(|error| Error::new("image", error))
            }
            _ => Err(Error::new("image", "has no pixels after resize and crop")),
        }
    }
}
