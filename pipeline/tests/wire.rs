//! The texts of plans: those of version 1 byte for byte as the first release wrote them, those of version 2 as recorded.
#![allow(clippy::expect_used, reason = "test code")]

use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Dtype, FusedPlan, Layout, Pipeline, Plan, Version, preset};
use serde_json::{Value, json};

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(name: &str) -> serde_json::Map<String, Value> {
    let text = std::fs::read_to_string(path(name)).expect("the file is shipped");
    serde_json::from_str(&text).expect("JSON")
}

fn form(case: &Value) -> (Layout, Dtype) {
    let text = |key: &str| case[key].as_str().expect("a text");
    (
        text("layout").parse().expect("a layout"),
        text("dtype").parse().expect("a dtype"),
    )
}

/// `plans_v1.json` was written by the first release: its presets, and every size rule, filter, crop and arithmetic of its language.
#[test]
fn version_1_is_the_text_of_the_first_release() {
    let mut presets = 0;
    let cases = read("tests/plans_v1.json");
    for (name, case) in &cases {
        let expected = case["plan"].as_str().expect("a text");
        let (layout, dtype) = form(case);
        let pipeline = Pipeline::from_value(case["pipeline"].clone()).expect("the language only grows");
        let plan = pipeline.compile(layout, dtype).expect(name);
        assert_eq!(plan.version(), Version::V1, "{name}");
        assert_eq!(plan.to_json(), expected, "{name}");
        assert_eq!(Plan::from_json(expected).expect(name), plan, "{name}");
        let fused = FusedPlan::from_json(expected).expect(name);
        assert_eq!(fused, pipeline.plan(layout, dtype).expect(name), "{name}");
        assert_eq!(fused.to_json(), expected, "{name}");
        assert_eq!(Plan::from(fused), plan, "{name}");
        if let Some(name) = name.strip_prefix("preset ") {
            let listed = preset(name).and_then(|preset| preset.import(None)).expect(name);
            assert_eq!(listed.pipeline.steps, pipeline.steps, "preset {name}");
            presets += 1;
        }
    }
    assert_eq!((presets, cases.len()), (30, 92));
}

#[test]
fn version_2_is_the_text_that_was_recorded() {
    let recorded = read("tests/plans_v2.json");
    let mut seen = 0;
    for (name, case) in read("../tests/goldens/plans.json") {
        let (layout, dtype) = form(&case);
        let plan = Pipeline::from_value(case["pipeline"].clone())
            .and_then(|pipeline| pipeline.compile(layout, dtype))
            .expect(&name);
        if plan.version() == Version::V1 {
            assert!(plan.to_v1().is_ok(), "{name}");
            continue;
        }
        let text = recorded
            .get(&name)
            .and_then(Value::as_str)
            .expect("each case is recorded");
        assert_eq!(plan.to_json(), text, "{name}");
        assert_eq!(Plan::from_json(text).expect(&name), plan, "{name}");
        assert!(FusedPlan::from_json(text).is_err(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, recorded.len());
}

/// Adds what is new; a recorded text stays as it is.
#[test]
#[ignore = "writes plans_v2.json"]
fn record_version_2() {
    let mut recorded = std::fs::read_to_string(path("tests/plans_v2.json"))
        .ok()
        .and_then(|text| serde_json::from_str::<serde_json::Map<String, Value>>(&text).ok())
        .unwrap_or_default();
    for (name, case) in read("../tests/goldens/plans.json") {
        let (layout, dtype) = form(&case);
        let plan = Pipeline::from_value(case["pipeline"].clone())
            .and_then(|pipeline| pipeline.compile(layout, dtype))
            .expect(&name);
        if plan.version() == Version::V2 {
            recorded.entry(name).or_insert_with(|| plan.to_json().into());
        }
    }
    let lines: Vec<String> = recorded
        .iter()
        .map(|(name, text)| format!("{}: {text}", json!(name)))
        .collect();
    std::fs::write(
        path("tests/plans_v2.json"),
        format!("{{\n{}\n}}\n", lines.join(",\n")),
    )
    .expect("the file is written");
}

const REFUSED: [(&str, &str); 4] = [
    (
        r#"{"version":3}"#,
        "version: is not a known plan version: expected 1 or 2, got 3",
    ),
    (
        r#"{"stages":[]}"#,
        "version: is not a known plan version: expected 1 or 2, got none",
    ),
    (
        "[]",
        "version: is not a known plan version: expected 1 or 2, got none",
    ),
    ("{", "is not valid JSON"),
];

#[test]
fn other_texts_are_refused() {
    for (text, expected) in REFUSED {
        let error = Plan::from_json(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
