//! Any bytes as a model file: read, and where that succeeds embedded, written and stripped to the same bytes.
//!
//! The sum of the bytes chooses pipeline and options, so that the file is all of them.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use prep_onnx_fuzz::only_our_panics;
use prep_onnx_pipeline::{Accept, OnBadImage, Pipeline, imagenet_at, preset};
use prep_onnx_rewriter::portable::Portable;
use prep_onnx_rewriter::{
    EmbedOptions, ImageInput, Lowering, Model, embed, inspect, nodes, output_size_depends_on_values,
    preprocessing, strip,
};

/// Constants of the portable body grow with the model's size where the image's is known.
const MAX_EDGE: usize = 1000;

static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());

fn at(name: &str) -> PathBuf {
    FOLDER.path().join(name)
}

fuzz_target!(init: only_our_panics(), |bytes: &[u8]| {
    std::fs::write(at("model.onnx"), bytes).unwrap();
    let Ok(model) = Model::open(at("model.onnx")) else {
        return;
    };
    assert_eq!(model.bytes(), bytes.len() as u64);
    serde_json::to_string(&inspect(&model)).unwrap();
    for output in model.outputs() {
        let _ = output_size_depends_on_values(&model, &output.name);
    }
    let _ = (nodes(&model), preprocessing(&model));
    let _ = model.check_external_files();
    if let Ok(edit) = strip(&model) {
        // What strip hands out has the digest of the original, so it is a model.
        if edit.write(at("stripped.onnx")).is_ok() {
            let stripped = Model::open(at("stripped.onnx")).unwrap();
            assert_eq!(stripped.bytes(), edit.bytes());
        }
    }
    let sum = bytes.iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    round_trip(&model, bytes, sum);
});

fn round_trip(model: &Model, bytes: &[u8], choice: usize) {
    let Ok(input) = ImageInput::find(model, None) else {
        return;
    };
    let (height, width) = input.size();
    let edge = |fixed: Option<i64>| fixed.and_then(|edge| usize::try_from(edge).ok());
    let (height, width) = (edge(height.fixed()), edge(width.fixed()));
    let small = |edge: Option<usize>| edge.is_none_or(|edge| edge <= MAX_EDGE);
    let options = EmbedOptions {
        accept: Accept::ALL[choice % 3],
        lowering: Lowering::ALL[choice / 3 % 3],
        portable: [Portable::Exact, Portable::Fast][choice / 9 % 2],
        on_bad_image: OnBadImage::ALL[choice / 18 % 2],
        image_size: (choice.is_multiple_of(5) && small(height) && small(width)).then_some((37, 41)),
        single_file: choice.is_multiple_of(7),
        ..EmbedOptions::default()
    };
    for pipeline in pipelines(height, width) {
        let Ok(embedding) = embed(model, &pipeline, &options) else {
            continue;
        };
        if embedding.edit.write(at("embedded.onnx")).is_err() {
            continue;
        }
        let embedded = Model::open(at("embedded.onnx")).unwrap();
        assert_eq!(embedded.bytes(), embedding.edit.bytes());
        assert!(inspect(&embedded).embedded.is_some());
        assert!(embed(&embedded, &pipeline, &options).is_err());
        assert!(nodes(&embedded).is_ok() || nodes(model).is_err());
        strip(&embedded).unwrap().write(at("back.onnx")).unwrap();
        assert!(
            std::fs::read(at("back.onnx")).unwrap() == bytes,
            "another file came back"
        );
        return;
    }
}

fn pipelines(height: Option<usize>, width: Option<usize>) -> impl Iterator<Item = Pipeline> {
    let at_size = imagenet_at(height.unwrap_or(24), width.unwrap_or(24)).ok();
    let raw = preset("raw").and_then(|preset| preset.import(None)).ok();
    at_size.into_iter().chain(raw.map(|import| import.pipeline))
}
