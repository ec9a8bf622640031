//! Reading pipelines: what is accepted, and how refusals read.

use prep_onnx_pipeline::{Dtype, FusedPlan, Layout, Notation, Pipeline};

const IMAGENET: &str = r#"
description = "test"
[[steps]]
step = "resize"
size = { shortest_edge = 256 }
filter = "bilinear"
[[steps]]
step = "center_crop"
size = [224, 224]
[[steps]]
step = "rescale"
divisor = 255
[[steps]]
step = "normalize"
mean = [0.485, 0.456, 0.406]
std = [0.229, 0.224, 0.225]
"#;

fn refusal(text: &str, notation: Notation) -> String {
    Pipeline::parse(text, notation).map_or_else(|error| error.to_string(), |pipeline| pipeline.to_json())
}

#[test]
fn canonical_json_round_trips() {
    let pipeline = Pipeline::parse(IMAGENET, Notation::Toml).unwrap();
    let json = pipeline.to_json();
    let again = Pipeline::parse(&json, Notation::Json).unwrap();
    assert_eq!(again, pipeline);
    assert_eq!(again.to_json(), json);
}

#[test]
fn plan_round_trips() {
    let plan = Pipeline::parse(IMAGENET, Notation::Toml)
        .unwrap()
        .plan(Layout::Nhwc, Dtype::Float16)
        .unwrap();
    assert_eq!(FusedPlan::from_json(&plan.to_json()).unwrap(), plan);
}

#[test]
fn refusals_name_line_and_key() {
    let edit = |from: &str, to: &str| refusal(&IMAGENET.replace(from, to), Notation::Toml);
    let table = [
        (
            edit("std = [0.229", "std = [0"),
            "line 16: steps[3].std[0]: is zero: expected a number other than 0, got 0",
        ),
        (
            edit("std = [0.229", "std = [nan"),
            "line 16: steps[3].std[0]: is not a finite number: expected a finite number, got NaN",
        ),
        (
            edit("divisor", "divider"),
            "line 12: steps[2].divider: is an unknown key: expected one of factor, divisor, offset, precision, got \"divider\"",
        ),
        (
            edit("[224, 224]", "[224, 0]"),
            "line 9: steps[1].size[1]: is not a size in pixels: expected 1 to 65535, got 0",
        ),
        (
            edit("[224, 224]", "[224, -1]"),
            "line 9: steps[1].size[1]: is out of range: expected 0 or more, got -1",
        ),
        (
            edit("\"rescale\"", "\"scale\""),
            "line 11: steps[2].step: unknown step: expected one of resize, center_crop, channel_order, rescale, normalize, rescale_normalize, got \"scale\"",
        ),
        (
            edit("\"bilinear\"", "\"linear\""),
            "line 6: steps[0].filter: unknown variant `linear`, expected one of `nearest`, `nearest_exact`, `bilinear`, `bicubic`, `lanczos`, `box`, `hamming`",
        ),
        (
            edit("description = \"test\"", "steps = 3"),
            "line 3: is not valid TOML: duplicate key",
        ),
    ];
    for (got, expected) in table {
        assert_eq!(got, expected);
    }
    assert_eq!(
        refusal(
            "{\n \"steps\": [\n  {\"step\": \"rescale\",\n   \"divisor\": true}]}",
            Notation::Json
        ),
        "line 4: steps[0].divisor: invalid type: boolean `true`, expected f64"
    );
    assert_eq!(
        refusal(
            "{\"steps\": [{\"step\": \"rescale\",\n \"divisor\": NaN}]}",
            Notation::Json
        ),
        "line 2: is not valid JSON: expected value"
    );
}

#[test]
fn order_that_no_single_pass_has_is_refused_with_a_reason() {
    let resize = "[[steps]]\nstep = \"resize\"\nsize = { exact = [8, 8] }\nfilter = \"box\"\n";
    let rescale = "[[steps]]\nstep = \"rescale\"\ndivisor = 255\n";
    let error = Pipeline::parse(&format!("{rescale}{resize}"), Notation::Toml).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 4: steps[1].resize: comes after rescale or normalize"
    );
    assert!(error.help().is_some());
    let error = Pipeline::parse(&format!("{resize}{resize}"), Notation::Toml).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 5: steps[1].resize: comes after another resize"
    );
}
