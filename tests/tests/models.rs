//! Embedding changes nothing but the input: the shipped models give what they gave, and strip restores them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::Path;

use ndarray::Axis;
use prep_onnx::host::{Array, Feed, Session, SessionOptions};
use prep_onnx::runtime::Loaded;
use prep_onnx_rewriter::{EmbedOptions, Lowering, Model, strip};
use prep_onnx_tests::zoo::{EXTERNAL_DATA, models, name, pipeline_for};
use prep_onnx_tests::{embed_to, images, runtime, shipped};

fn run(session: &mut Session, feeds: &[(&str, Feed<'_>)]) -> Vec<Array> {
    let outputs: Vec<usize> = (0..session.outputs().len()).collect();
    session.run(feeds, &outputs).unwrap()
}

/// Ones for every input but the image.
fn other_inputs(session: &Session, image: &str) -> Vec<(String, Array)> {
    let inputs = session.inputs().iter().filter(|input| input.name != image);
    inputs
        .map(|input| {
            let shape: Vec<usize> = input
                .shape
                .iter()
                .flatten()
                .map(|extent| usize::try_from(*extent).unwrap_or(1))
                .collect();
            let shape = ndarray::IxDyn(&shape);
            let ones = match input.dtype.as_str() {
                "int64" => Array::Int64(ndarray::ArrayD::ones(shape)),
                "float32" => Array::Float32(ndarray::ArrayD::ones(shape)),
                "bool" => Array::Bool(ndarray::ArrayD::from_elem(shape, true)),
                other => panic!("{}: no feed for {other}", input.name),
            };
            (input.name.clone(), ones)
        })
        .collect()
}

fn check(loaded: &Loaded, path: &Path, lowering: Lowering) {
    let options = SessionOptions {
        threads: 1,
        fused: lowering == Lowering::Fused,
        ..SessionOptions::default()
    };
    let Ok(mut original) = Session::open(loaded, path, options) else {
        assert_eq!(
            name(path),
            "custom-op",
            "only the model with a foreign op cannot be loaded"
        );
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let embedded = folder.path().join(path.file_name().unwrap());
    std::fs::copy(shipped(EXTERNAL_DATA), folder.path().join("external-data.bin")).unwrap();
    let copy = folder.path().join("original.onnx");
    std::fs::copy(path, &copy).unwrap();
    let pipeline = pipeline_for(path);
    let options = EmbedOptions {
        lowering,
        ..EmbedOptions::default()
    };
    let report = embed_to(&copy, &pipeline, &options, &embedded);

    let all = images();
    let (_, image) = all.iter().find(|(name, _)| name == "scene-161x121").unwrap();
    let batch = report
        .image_input
        .batch()
        .fixed()
        .map_or(1, |batch| usize::try_from(batch).unwrap());
    let pixels = ndarray::stack(Axis(0), &vec![image.view(); batch]).unwrap();
    let tensor = pipeline
        .reference(image.view(), report.image_input.layout, report.image_input.dtype)
        .unwrap();
    let tensor = Array::stack(&vec![Array::from(tensor).row(0).unwrap(); batch]).unwrap();

    let session = SessionOptions {
        threads: 1,
        fused: lowering == Lowering::Fused,
        ..SessionOptions::default()
    };
    let mut with_pipeline = Session::open(loaded, &embedded, session).unwrap();
    let others = other_inputs(&original, &report.image_input.name);
    let others: Vec<(&str, Feed<'_>)> = others
        .iter()
        .map(|(name, array)| (name.as_str(), Feed::Array(array)))
        .collect();
    let feeds = |first| {
        std::iter::once(first)
            .chain(others.iter().copied())
            .collect::<Vec<_>>()
    };
    let input = report.inputs.first().unwrap().name.as_str();
    let got = run(&mut with_pipeline, &feeds((input, Feed::Images(pixels.view()))));
    let expected = run(
        &mut original,
        &feeds((&report.image_input.name, Feed::Array(&tensor))),
    );
    assert_eq!(got, expected, "{} {lowering}", name(path));

    let stripped = folder.path().join("stripped.onnx");
    strip(&Model::open(&embedded).unwrap())
        .unwrap()
        .write(&stripped)
        .unwrap();
    assert!(
        std::fs::read(stripped).unwrap() == std::fs::read(path).unwrap(),
        "{}",
        name(path)
    );
}

#[test]
fn every_shipped_model_in_every_lowering() {
    let Some(loaded) = runtime() else { return };
    let models = models();
    assert!(models.len() >= 30, "{} models", models.len());
    for path in &models {
        for lowering in Lowering::ALL {
            check(loaded, path, lowering);
        }
    }
    println!("{} models in {} lowerings", models.len(), Lowering::ALL.len());
}
