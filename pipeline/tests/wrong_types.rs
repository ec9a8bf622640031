//! Any key of any step with any other value: accepted, or refused in the words of the language, with the key.
#![allow(clippy::expect_used, reason = "test code")]

use prep_onnx_pipeline::Pipeline;
use prep_onnx_pipeline::steps::{Step, StepInfo};
use serde_json::{Map, Value, json};

/// What serde, its types and Rust are called, in no message of ours.
const RUST: &[&str] = &[
    "usize",
    "u8",
    "u64",
    "i64",
    "f64",
    "f32",
    "u128",
    "i128",
    "variant",
    "untagged",
    "struct",
    "sequence",
    "enum",
    "invalid type",
    "invalid value",
    "invalid length",
    "missing field",
    "unknown field",
    "any variant",
    "tag `",
    "null value",
    "unit",
    "deserialize",
    "Option",
    "`",
    "expected expected",
    "floating point",
    "::",
    " map",
];

fn wrong_values() -> Vec<Value> {
    vec![
        json!("text"),
        json!(""),
        json!(true),
        json!(null),
        json!(0),
        json!(-1),
        json!(1.5),
        json!(-1.5),
        json!(300),
        json!(1e300),
        json!(u64::MAX),
        json!([]),
        json!([1]),
        json!([1, 2]),
        json!([1, 2, 3]),
        json!([1, 2, 3, 4]),
        json!([1, "2"]),
        json!([1.5, 2]),
        json!([true, null]),
        json!([300, 1, 1]),
        json!([-1, 1, 1]),
        json!([[1, 2]]),
        json!({}),
        json!({ "a": 1 }),
        json!({ "rule": 1 }),
        json!({ "rule": "no such" }),
        json!({ "rule": "dpt" }),
        json!({ "rule": "dpt", "height": "1" }),
        json!({ "rule": "dpt", "height": -1 }),
        json!({ "rule": "dpt", "height": 1, "width": 1, "multiple": 1, "keep_aspect_ratio": 1 }),
        json!({ "rule": "fit", "height": 1, "width": 1, "rounding": "x", "enlarge": true }),
        json!({ "rule": "glpn", "multiple": 1, "more": 1 }),
        json!({ "shortest_edge": "1" }),
        json!({ "shortest_edge": -1 }),
        json!({ "shortest_edge": 1.5 }),
        json!({ "shortest_edge": 1, "cover": [1, 1] }),
        json!({ "exact": 1 }),
        json!({ "exact": [1, 2, 3] }),
        json!({ "exact": ["a", 1] }),
        json!({ "crop_pct": "a", "target": [1, 1] }),
        json!({ "multiple": "a" }),
        json!({ "multiple": -1 }),
        json!({ "text_line": "a" }),
        json!({ "text_line": [1, "a"] }),
        json!({ "batch_multiple": [1] }),
    ]
}

fn with(mut keys: Map<String, Value>, key: &str, value: Value) -> Value {
    keys.insert(key.to_owned(), value);
    pipeline(keys)
}

/// A pipeline of the step, with the resize and the tiles that an overview goes with.
fn pipeline(step: Map<String, Value>) -> Value {
    if step["step"] == "overview" {
        let tiles = example(find("overview"))["size"].clone();
        let resize = json!({ "step": "resize", "size": [728, 728], "filter": "lanczos" });
        return json!({ "steps": [resize, step, { "step": "blocks", "tiles": tiles }] });
    }
    json!({ "steps": [step] })
}

fn find(name: &str) -> &'static StepInfo {
    Step::ALL.iter().find(|step| step.name == name).expect("a step")
}

fn example(step: &StepInfo) -> Map<String, Value> {
    let table: toml::Table = toml::from_str(step.example).expect("an example");
    let table = serde_json::to_value(table).expect("no infinite number");
    table.as_object().cloned().expect("a table")
}

/// What is wrong with the words of a refusal.
fn faults(pipeline: Value, key: &str) -> Option<String> {
    let error = Pipeline::from_value(pipeline).err()?;
    let text = format!(
        "{error} / {} / {}",
        error.reason().unwrap_or_default(),
        error.help().unwrap_or_default()
    );
    let rust = RUST.iter().find(|word| text.contains(**word));
    if let Some(word) = rust {
        return Some(format!("speaks of {word:?}: {text}"));
    }
    (!text.contains(key)).then(|| format!("does not name {key}: {text}"))
}

#[test]
fn every_example_is_a_pipeline() {
    for step in Step::ALL {
        Pipeline::from_value(pipeline(example(step))).unwrap();
    }
    for rule in prep_onnx_pipeline::SizeRule::reference() {
        let text = format!(
            "[[steps]]\nstep = \"resize\"\nfilter = \"bilinear\"\nsize = {}",
            rule.example
        );
        Pipeline::parse(&text, prep_onnx_pipeline::Notation::Toml).unwrap();
    }
}

#[test]
fn no_error_speaks_of_rust() {
    let mut wrong = Vec::new();
    let mut tried = 0;
    for step in Step::ALL {
        for key in step.keys {
            for value in wrong_values() {
                tried += 1;
                let pipeline = with(example(step), key.name, value.clone());
                if let Some(fault) = faults(pipeline, key.name) {
                    wrong.push(format!("{} {} = {value}: {fault}", step.name, key.name));
                }
            }
        }
    }
    for key in ["description", "input", "steps", "output"] {
        for value in wrong_values() {
            tried += 1;
            let mut pipeline = json!({ "steps": [] });
            pipeline[key] = value.clone();
            if let Some(fault) = faults(pipeline, key) {
                wrong.push(format!("{key} = {value}: {fault}"));
            }
        }
    }
    for (key, value) in [
        ("input", json!({ "format": "rgbb" })),
        ("input", json!({ "format": "rgba", "over": 300 })),
        ("input", json!({ "format": "rgba", "over": "white" })),
        ("input", json!({ "format": "nv12" })),
        (
            "input",
            json!({ "format": "nv12", "matrix": "bt", "range": "full" }),
        ),
        ("output", json!({ "layout": "chw" })),
        ("output", json!({ "dtype": 32 })),
        ("output", json!({ "layouts": "nchw" })),
        ("steps", json!([1])),
        ("steps", json!([{ "step": 1 }])),
        ("steps", json!([{ "step": "resiz" }])),
    ] {
        tried += 1;
        let mut pipeline = json!({ "steps": [] });
        pipeline[key] = value.clone();
        if let Some(fault) = faults(pipeline, key) {
            wrong.push(format!("{key} = {value}: {fault}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {tried}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
