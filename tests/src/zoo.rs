//! The shipped models, each with a pipeline that makes what it takes.

use std::path::{Path, PathBuf};

use prep_onnx_pipeline::steps::Step;
use prep_onnx_pipeline::{Dtype, Pipeline, imagenet_at};
use prep_onnx_rewriter::{ImageInput, Model};

use crate::shipped;

/// The weights of `external-data.onnx`, which lie beside it.
pub const EXTERNAL_DATA: &str = "models/zoo/external-data.bin";

/// The models that take an RGB image, sorted by name.
pub fn models() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(shipped("models/zoo")).expect("models/zoo is shipped");
    let mut models: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "onnx"))
        .filter(|path| !name(path).starts_with("refused-") && !name(path).starts_with("gray-"))
        .collect();
    models.sort();
    models
}

/// The file's name without its ending.
pub fn name(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A pipeline that makes what the model takes: the ImageNet preset at its size, without arithmetic for uint8.
pub fn pipeline_for(model: &Path) -> Pipeline {
    let model = Model::open(model).expect("a shipped model");
    let input = ImageInput::find(&model, None).expect("an image input");
    let (height, width) = input.size();
    let edge = |fixed: Option<i64>| fixed.and_then(|edge| usize::try_from(edge).ok()).unwrap_or(64);
    let mut pipeline = imagenet_at(edge(height.fixed()), edge(width.fixed())).expect("a size");
    if input.dtype == Dtype::Uint8 {
        pipeline
            .steps
            .retain(|step| matches!(step, Step::Resize(_) | Step::CenterCrop(_)));
    }
    pipeline
}
