//! Any text as a pipeline or as a config of another library: what is read is written and read as the same.
//!
//! The first byte chooses notation and options; the `config.json` beside the config follows a zero byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use prep_onnx_fuzz::only_our_panics;
use prep_onnx_pipeline::{
    Document, FusedPlan, ImportOptions, Notation, Pipeline, Resampler, config_text, import, import_with,
    text_of,
};

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
    let plan = pipeline.plan(layout, dtype).unwrap();
    assert_eq!(FusedPlan::from_json(&plan.to_json()).as_ref(), Ok(&plan));
    if let (Ok(geometry), Some(fixed)) = (plan.geometry(5, 7), plan.fixed_output()) {
        assert_eq!(geometry.output, fixed);
    }
}
