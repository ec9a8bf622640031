//! What the tests that span crates share: the shipped images and models, and ONNX Runtime.
//!
//! A test that lacks something says so on standard error and passes, unless `PREP_REQUIRE`, a list
//! such as `runtime,python`, names what it lacks.
#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests: what they cannot do fails the test"
)]

pub mod embedded;
pub mod fed;
pub mod identity;
pub mod planned;
pub mod protos;
pub mod random;
pub mod zoo;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ndarray::Array3;
use prep_onnx::runtime::{self, Loaded, Search};
use prep_onnx_pipeline::{Dtype, Layout, Pipeline};
use prep_onnx_rewriter::{EmbedOptions, Model, Report, embed};

/// A path below the repository's root.
pub fn shipped(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

/// The shipped test images by name, RGB [height, width, 3], sorted by name.
pub fn images() -> Vec<(String, Array3<u8>)> {
    let folder = shipped("tests/images");
    let entries = std::fs::read_dir(&folder).expect("tests/images is shipped");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a readable folder").path())
        .collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let image = image::open(&path).expect("a readable PNG").into_rgb8();
            let shape = (image.height() as usize, image.width() as usize, 3);
            (
                name,
                Array3::from_shape_vec(shape, image.into_raw()).expect("RGB pixels"),
            )
        })
        .collect()
}

/// Whether `PREP_REQUIRE` names `what`.
pub fn required(what: &str) -> bool {
    std::env::var("PREP_REQUIRE").is_ok_and(|list| list.split(',').any(|name| name.trim() == what))
}

/// Reports that a test is skipped for the lack of `what`, or fails it where that is required.
pub fn skip(what: &str, why: &dyn std::fmt::Debug) {
    assert!(
        !required(what),
        "PREP_REQUIRE names {what}, which is missing: {why:?}"
    );
    eprintln!("skipped for lack of {what}: {why:?}");
}

/// ONNX Runtime, got if need be; `None` after reporting the skip.
pub fn runtime() -> Option<&'static Loaded> {
    static LOADED: OnceLock<Result<Loaded, prep_onnx_pipeline::Error>> = OnceLock::new();
    let load = || {
        let found = runtime::ensure(&Search::from_env(), &mut |line| eprintln!("{line}"))?;
        runtime::load(&found)
    };
    LOADED
        .get_or_init(load)
        .as_ref()
        .map_err(|error| skip("runtime", error))
        .ok()
}

/// The shipped model of any size whose output is its input, at `opset`.
///
/// float32 NCHW is there for opsets 11, 13, 17, 18 and 21; float16 NCHW and float32 NHWC for 13 and 18.
pub fn identity_model(opset: i64, layout: Layout, dtype: Dtype) -> PathBuf {
    let kind = match (layout, dtype) {
        (Layout::Nchw, Dtype::Float32) => "",
        (Layout::Nchw, Dtype::Float16) => "-f16",
        (Layout::Nhwc, Dtype::Float32) => "-nhwc",
        other => panic!("no identity model of {other:?}"),
    };
    shipped(&format!("models/zoo/identity-dynamic{kind}-opset{opset}.onnx"))
}

/// Embeds `pipeline` into the model at `model` and writes the result to `to`.
pub fn embed_to(model: &Path, pipeline: &Pipeline, options: &EmbedOptions, to: &Path) -> Report {
    let model = Model::open(model).expect("a shipped model");
    let embedding = embed(&model, pipeline, options).expect("an embeddable pipeline");
    embedding.edit.write(to).expect("a writable folder");
    embedding.report
}
