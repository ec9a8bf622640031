//! One embedded model in every backend.

use std::path::Path;

use prep_onnx::host::{Array, Session, SessionOptions};
use prep_onnx::runtime::Loaded;
use prep_onnx_pipeline::{Dtype, Layout, Pipeline};
use prep_onnx_rewriter::EmbedOptions;

use crate::{embed_to, identity_model};

/// A session in which the portable body runs, and one in which the fused op does.
pub struct Embedded {
    _folder: tempfile::TempDir,
    /// Without the library.
    pub portable: Session,
    /// With it.
    pub fused: Session,
}

/// The shipped identity model of `form`, its axis order, element type and opset, with `pipeline`.
pub fn embedded(
    loaded: &Loaded,
    pipeline: &Pipeline,
    form: (Layout, Dtype, i64),
    options: &EmbedOptions,
) -> Embedded {
    embedded_in(loaded, &identity_model(form.2, form.0, form.1), pipeline, options)
}

/// The model at `model` with `pipeline`.
pub fn embedded_in(loaded: &Loaded, model: &Path, pipeline: &Pipeline, options: &EmbedOptions) -> Embedded {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("embedded.onnx");
    embed_to(model, pipeline, options, &path);
    Embedded {
        portable: open(loaded, &path, false),
        fused: open(loaded, &path, true),
        _folder: folder,
    }
}

/// A session of the model at `path`, on one thread.
pub fn open(loaded: &Loaded, path: &Path, fused: bool) -> Session {
    let options = SessionOptions {
        threads: 1,
        fused,
        ..SessionOptions::default()
    };
    Session::open(loaded, path, options).expect("a model that loads")
}

/// The elements in C order, little-endian.
pub fn bytes(array: &Array) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_le(&mut bytes).expect("memory takes all");
    bytes
}
