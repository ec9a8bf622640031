//! Models of images with the preprocessing of videos.

use prep_onnx_pipeline::steps::{Blocks, Step};
use prep_onnx_pipeline::{Dtype, Layout, Result};
use prep_onnx_rewriter::{ImageInput, ImageKind, Model};

use super::Choice;

/// Leaves torchvision's axis for frames out, and says so, where the image input of `model` has none: its models of videos and of
/// images have the same transforms. A processor of transformers always gives the axis, so that a model without one is another
/// processor's.
///
/// # Errors
/// A pipeline that is no plan.
pub(super) fn fitted(model: &Model, input: Option<&str>, mut choice: Choice) -> Result<Choice> {
    let is_frame = |step: &Step| {
        matches!(
            step,
            Step::Blocks(Blocks {
                frame: true,
                after_channels: true,
                ..
            })
        )
    };
    let Some(at) = choice.pipeline.steps.iter().position(is_frame) else {
        return Ok(choice);
    };
    let plan = choice.pipeline.compile(Layout::Nchw, Dtype::Float32)?;
    let of_videos = ImageInput::find_for(model, input, ImageKind::of(&plan));
    if let (Err(_), Ok(of_images)) = (of_videos, ImageInput::find(model, input)) {
        choice.pipeline.steps.remove(at);
        choice.notes.push(format!(
            "input `{}` takes images, not videos: the axis for frames is left out",
            of_images.name
        ));
    }
    Ok(choice)
}
