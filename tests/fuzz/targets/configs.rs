//! Any text as a pipeline or as a config of another library: what is read is written and read as the same.
//!
//! The first byte chooses notation and options; the `config.json` beside the config follows a zero byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ndarray::Array3;
use prep_onnx_fuzz::only_our_panics;
use prep_onnx_pipeline::{
    Document, FusedPlan, ImportOptions, Notation, Pipeline, Plan, Resampler, SourceFormat, config_text,
    import, import_with, text_of,
};

/// Pixels of an image in the middle, where two references are compared.
const MAX_PIXELS: usize = 1 << 14;

fuzz_target!(init: only_our_panics(), |bytes: &[u8]| {
    let Some((choice, rest)) = bytes.split_first() else {
        return;
    };
    let choice = usize::from(*choice);
    let (config, beside) = match rest.iter().position(|byte| *byte == 0) {
        Some(at) => (&rest[..at], Some(&rest[at + 1..])),
        None => (rest, None),
    };
    let _ = text_of(rest.to_vec());
    let Ok(text) = config_text(config.to_vec()) else {
        return;
    };
    let beside = beside.and_then(|bytes| config_text(bytes.to_vec()).ok());
    let notation = Notation::ALL[choice % 2];
    let options = ImportOptions {
        resampler: Resampler::ALL.get(choice / 2 % 4).copied(),
        size: [None, Some([33, 33]), Some([24, 17]), Some([0, usize::MAX])][choice / 8 % 4],
        model_config: beside.as_deref(),
    };
    if let Ok(imported) = import_with(&text, notation, &options) {
        same(&imported.pipeline);
        // The options are all that is open: again it is the same, notes included.
        assert_eq!(import_with(&text, notation, &options).unwrap(), imported);
    }
    if let Ok(imported) = import(&text, notation, None) {
        same(&imported.pipeline);
    }
    if let Ok(pipeline) = Pipeline::parse(&text, notation) {
        same(&pipeline);
        assert_eq!(import(&text, notation, None).unwrap().pipeline, pipeline);
    }
    if let Ok(document) = Document::parse(&text, notation) {
        // The same values without their lines.
        let value = Pipeline::from_value(document.value);
        assert_eq!(value.ok(), Pipeline::parse(&text, notation).ok());
    }
});

/// One pipeline has one text, and the text that pipeline.
fn same(pipeline: &Pipeline) {
    pipeline.check().unwrap();
    let json = pipeline.to_json();
    let read = Pipeline::from_value(serde_json::from_str(&json).unwrap()).unwrap();
    assert_eq!(read, *pipeline);
    assert_eq!(read.to_json(), json);
    assert_eq!(import(&json, Notation::Json, None).unwrap().pipeline, *pipeline);
    let toml = pipeline.to_toml();
    assert_eq!(
        Pipeline::parse(&toml, Notation::Toml).as_ref(),
        Ok(pipeline),
        "{toml}"
    );
    let (layout, dtype) = pipeline.output.or_usual();
    let plan = pipeline.compile(layout, dtype).unwrap();
    assert_eq!(Plan::from_json(&plan.to_json()).as_ref(), Ok(&plan));
    if let Ok(first) = pipeline.plan(layout, dtype) {
        assert_eq!(first.to_json(), plan.to_json());
        assert_eq!(FusedPlan::from_json(&plan.to_json()), Ok(first));
    }
    references(pipeline, &plan);
}

/// One small image by the steps and by the plan.
fn references(pipeline: &Pipeline, plan: &Plan) {
    // Chroma lies below luma.
    let rows = match pipeline.input {
        SourceFormat::Nv12 { .. } | SourceFormat::I420 { .. } => 6,
        SourceFormat::Rgb | SourceFormat::Bgr | SourceFormat::Gray | SourceFormat::Rgba { .. } => 4,
    };
    let Ok(geometry) = plan.geometry(4, 10) else {
        return;
    };
    if let Some(fixed) = plan.fixed_output() {
        assert_eq!(geometry.output, fixed);
    }
    let before = geometry.stages.iter().filter_map(|stage| stage.before);
    let after = geometry.stages.iter().filter_map(|stage| stage.after);
    let resized = geometry.stages.iter().filter_map(|stage| Some(stage.resized?.to));
    let mut sizes = before.chain(after).map(|placement| placement.size).chain(resized);
    if sizes.any(|(height, width)| height * width > MAX_PIXELS) {
        return;
    }
    let image = Array3::from_shape_fn(
        (rows, 10, pipeline.input.source_channels()),
        |(row, column, value)| (row * 71 + column * 37 + value * 101) as u8,
    );
    let by_plan = plan
        .reference(&[image.view()])
        .map(|mut answers| answers.tensors.remove(0));
    let (layout, dtype) = pipeline.output.or_usual();
    assert_eq!(pipeline.reference(image.view(), layout, dtype).ok(), by_plan.ok());
}
