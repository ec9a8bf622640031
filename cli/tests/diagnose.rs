//! `diagnose` and `verify --expected` on dumps of a host that does something else.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

#[path = "common/mod.rs"]
mod common;

use std::path::Path;

use common::{has_runtime, program};
use ndarray::Array3;
use prep_onnx_pipeline::{Dtype, Elements, Layout, Notation, Pipeline, Tensor};
use serde_json::Value;

const RIGHT: &str = "[[steps]]\nstep = \"resize\"\nsize = { shortest_edge = 64 }\nfilter = \"bilinear\"\n[[steps]]\nstep = \"center_crop\"\nsize = 56\n[[steps]]\nstep = \"rescale\"\ndivisor = 255\n";

fn photo(path: &Path) -> Array3<u8> {
    let (height, width) = (90, 133);
    let image = Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        let wave = (row as f64 / 7.0).sin() * 50.0 + (column as f64 / 11.0 + channel as f64).cos() * 50.0;
        (120.0 + wave + ((row * 31 + column * 17) % 13) as f64) as u8
    });
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    let bytes: Vec<u8> = image.iter().copied().collect();
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    image
}

fn tensor(steps: &str, image: &Array3<u8>) -> Tensor {
    let pipeline = Pipeline::parse(steps, Notation::Toml).unwrap();
    pipeline
        .reference(image.view(), Layout::Nchw, Dtype::Float32)
        .unwrap()
}

fn save(path: &Path, tensor: &Tensor, npy_type: &str) {
    let shape: Vec<String> = tensor.shape.iter().map(ToString::to_string).collect();
    let header = format!(
        "{{'descr': '{npy_type}', 'fortran_order': False, 'shape': ({},), }}\n",
        shape.join(", ")
    );
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(tensor.to_le_bytes());
    std::fs::write(path, bytes).unwrap();
}

fn json(folder: &Path, arguments: &[&str]) -> (Value, Option<i32>) {
    let output = program(folder, arguments).output().unwrap();
    (
        serde_json::from_slice(&output.stdout).unwrap(),
        output.status.code(),
    )
}

fn mistakes(value: &Value) -> Vec<&str> {
    let findings = value["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| finding["mistake"].as_str().unwrap())
        .collect()
}

#[test]
fn a_dump_is_equal_or_its_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let image = photo(&folder.join("photo.png"));
    std::fs::write(folder.join("right.toml"), RIGHT).unwrap();
    save(&folder.join("right.npy"), &tensor(RIGHT, &image), "<f4");
    let asked = ["photo.png", "--pipeline", "right.toml", "--json"];
    let (answer, code) = json(folder, &[&["diagnose", "right.npy"], &asked[..]].concat());
    assert_eq!((&answer["equal"], code), (&true.into(), Some(0)));

    let wrong = RIGHT
        .replace("bilinear", "nearest")
        .replace("divisor = 255", "divisor = 1");
    save(&folder.join("wrong.npy"), &tensor(&wrong, &image), "<f4");
    let more = ["--picture", "seen.png"];
    let (answer, code) = json(folder, &[&["diagnose", "wrong.npy"], &asked[..], &more].concat());
    assert_eq!((&answer["equal"], code), (&false.into(), Some(1)));
    assert_eq!(mistakes(&answer), ["filter", "rescale_missing"]);
    assert_eq!(answer["explained"], true);
    assert!(
        std::fs::read(folder.join("seen.png"))
            .unwrap()
            .starts_with(b"\x89PNG")
    );

    let bytes = Tensor {
        shape: vec![1, 3, 56, 56],
        elements: Elements::Uint8(vec![7; 3 * 56 * 56]),
    };
    save(&folder.join("bytes.npy"), &bytes, "|u1");
    let (answer, code) = json(folder, &[&["diagnose", "bytes.npy"], &asked[..]].concat());
    assert_eq!(code, Some(1));
    assert!(
        answer["error"]["what"]
            .as_str()
            .unwrap()
            .contains("shows no part of the photo")
    );
}

#[test]
fn verify_says_what_the_original_does_otherwise() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo");
    std::fs::copy(zoo.join("shapes-cnn.onnx"), folder.join("model.onnx")).unwrap();
    let image = photo(&folder.join("photo.png"));
    let size = RIGHT.replace("= 64", "= 256").replace("= 56", "= 224");
    std::fs::write(folder.join("right.toml"), &size).unwrap();
    let (_, code) = json(
        folder,
        &["embed", "model.onnx", "--pipeline", "right.toml", "--json"],
    );
    assert_eq!(code, Some(0));
    let squash = size
        .replace("{ shortest_edge = 256 }", "224")
        .replace("[[steps]]\nstep = \"center_crop\"\nsize = 224\n", "");
    save(&folder.join("squash.npy"), &tensor(&squash, &image), "<f4");
    let (answer, code) = json(
        folder,
        &[
            "verify",
            "model.prep.onnx",
            "photo.png",
            "--expected",
            "squash.npy",
            "--json",
        ],
    );
    assert_eq!(code, Some(1));
    assert_eq!(mistakes(&answer["comparisons"][0]["diagnosis"]), ["squash"]);
    assert!(answer["comparisons"][1].get("diagnosis").is_none());
}
