//! Reading pipelines: what is accepted, and how refusals read.

use prep_onnx_pipeline::{Dtype, FusedPlan, Layout, Notation, Pipeline, config_text};

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
            "line 11: steps[2].step: unknown step: expected one of resize, center_crop, crop, pad, letterbox, rotate_to, grayscale, channel_order, rescale, normalize, rescale_normalize, overview, arithmetic, blocks, got \"scale\"",
        ),
        (
            edit("\"bilinear\"", "\"linear\""),
            "line 6: steps[0].filter: is an unknown name: expected one of nearest, nearest_exact, bilinear, bicubic, lanczos, box, hamming, area, got \"linear\"",
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
        "line 4: steps[0].divisor: has another type: expected a number, got true"
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
    let pipeline = Pipeline::parse(&format!("{resize}{resize}"), Notation::Toml).unwrap();
    let plan = pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap();
    assert_eq!(plan.stages.len(), 2);
    let error = pipeline.plan(Layout::Nchw, Dtype::Float32).unwrap_err();
    assert_eq!(
        error.to_string(),
        "steps[1].resize: cannot be embedded yet: it has several stages of resize, crop and pad"
    );
}

#[test]
fn values_of_another_type_are_refused_in_plain_words() {
    let edit = |from: &str, to: &str| refusal(&IMAGENET.replace(from, to), Notation::Toml);
    let got = edit("{ shortest_edge = 256 }", "\"224\"");
    let expected = "has another type: expected a whole number of pixels, or [height, width], got \"224\"";
    assert_eq!(got, format!("line 5: steps[0].size: {expected}"));
    assert_eq!(
        edit("[224, 224]", "\"224\""),
        format!("line 9: steps[1].size: {expected}")
    );
    assert_eq!(edit("size = [224, 224]", ""), "line 7: steps[1].size: is missing");
}

#[test]
fn a_file_to_which_something_happened_is_called_by_its_name() {
    let json = |text: &str| Pipeline::parse(text, Notation::Json).unwrap_err();
    let marked = format!("\u{feff}{IMAGENET}");
    assert!(Pipeline::parse(&marked, Notation::Toml).is_ok());
    assert!(Pipeline::parse("\u{feff}{\"steps\": []}", Notation::Json).is_ok());
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 438\n";
    for (text, expected) in [
        ("", "config: is empty"),
        (pointer, "config: is a Git LFS pointer, not the file"),
        ("<!DOCTYPE html>\n<html>", "config: is a web page, not the file"),
        (
            "{\n \"steps\": [",
            "line 2: is not valid JSON: the file ends in the middle",
        ),
        ("{\"steps\": [],\n}", "line 2: is not valid JSON: trailing comma"),
        (
            "{\n // steps\n}",
            "line 2: is not valid JSON: key must be a string",
        ),
    ] {
        assert_eq!(json(text).to_string(), expected);
    }
    assert_eq!(
        json("{\"a\": [1,]}").help(),
        Some("remove the comma before the closing bracket")
    );
    assert_eq!(json("{\n // steps\n}").reason(), Some("JSON has no comments"));
    let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xff, 0xfe], utf16.as_slice()].concat();
    for bytes in [utf16, marked] {
        assert_eq!(
            config_text(bytes).unwrap_err().to_string(),
            "is text in UTF-16: expected UTF-8, got UTF-16"
        );
    }
    assert_eq!(
        config_text(b"{\"a\": \"\xe9\"}".to_vec())
            .unwrap_err()
            .to_string(),
        "is no text: byte 7 is 0xe9, which is not UTF-8"
    );
}
