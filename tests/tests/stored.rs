//! Files that earlier releases wrote give the bits that they gave there: `tests/stored`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fmt::Write;
use std::process::Command;

use ndarray::{Array1, Array2, Array3, Axis};
use prep_onnx::host::{Array, Feed};
use prep_onnx_op::SimdLevel;
use prep_onnx_tests::embedded::{bytes, open};
use prep_onnx_tests::{runtime, shipped, skip};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The image of `tests/stored/make_stored.py`.
fn image(height: usize, width: usize) -> Array3<u8> {
    let seed = (height * 65_536 + width) as u64;
    let mut index = 0_u64;
    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        index += 1;
        let state = index.wrapping_add(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let noise = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 56;
        ((noise as usize / 3 + 2 * column + 3 * row + 50 * channel) % 256) as u8
    })
}

fn images(call: &Value) -> Vec<Array3<u8>> {
    let sizes = call["images"].as_array().unwrap().iter();
    sizes
        .map(|size| {
            image(
                size[0].as_u64().unwrap() as usize,
                size[1].as_u64().unwrap() as usize,
            )
        })
        .collect()
}

/// The inputs of a call, by their names.
fn inputs(accept: &str, call: &Value) -> Vec<(&'static str, Array)> {
    let flat = |values: Vec<u8>| Array::Uint8(Array1::from(values).into_dyn());
    match accept {
        "batch" => {
            let images = images(call);
            let views: Vec<_> = images.iter().map(|image| image.view()).collect();
            vec![(
                "image",
                Array::Uint8(ndarray::stack(Axis(0), &views).unwrap().into_dyn()),
            )]
        }
        "ragged" => {
            let images = images(call);
            let shapes: Vec<i64> = images
                .iter()
                .flat_map(|image| image.shape().iter().map(|extent| *extent as i64))
                .collect();
            let pixels = images.iter().flat_map(|image| image.iter().copied()).collect();
            let shapes = Array2::from_shape_vec((images.len(), 3), shapes).unwrap();
            vec![
                ("pixels", flat(pixels)),
                ("shapes", Array::Int64(shapes.into_dyn())),
            ]
        }
        "encoded" => {
            let names = call["images"].as_array().unwrap().iter();
            // What is no file's name is the bytes themselves.
            let files: Vec<Vec<u8>> = names
                .map(|name| match name.as_str().unwrap() {
                    file if file.ends_with(".png") => std::fs::read(shipped(file)).unwrap(),
                    text => text.as_bytes().to_vec(),
                })
                .collect();
            let lengths: Vec<i64> = files.iter().map(|file| file.len() as i64).collect();
            vec![
                ("bytes", flat(files.concat())),
                ("lengths", Array::Int64(Array1::from(lengths).into_dyn())),
            ]
        }
        other => panic!("no input form {other}"),
    }
}

#[test]
fn files_of_the_first_release() {
    let Some(loaded) = runtime() else { return };
    let cases = std::fs::read_to_string(shipped("tests/stored/cases.json")).unwrap();
    let cases: Value = serde_json::from_str(&cases).unwrap();
    let files = cases["files"].as_object().unwrap();
    let mut compared = 0;
    for (name, case) in files {
        let path = shipped(&format!("tests/stored/{name}.onnx"));
        for backend in case["backends"].as_array().unwrap() {
            let backend = backend.as_str().unwrap();
            let mut session = open(loaded, &path, backend == "fused");
            for call in case["calls"].as_array().unwrap() {
                let inputs = inputs(case["accept"].as_str().unwrap(), call);
                let feeds: Vec<_> = inputs
                    .iter()
                    .map(|(name, array)| (*name, Feed::Array(array)))
                    .collect();
                let expected = call["outputs"].as_array().unwrap();
                let names: Vec<_> = session.outputs().iter().map(|port| port.name.clone()).collect();
                assert_eq!(names.len(), expected.len(), "{name}");
                let outputs = session
                    .run(&feeds, &(0..names.len()).collect::<Vec<_>>())
                    .unwrap();
                for ((output, expected), port) in outputs.iter().zip(expected).zip(&names) {
                    let digest =
                        Sha256::digest(bytes(output))
                            .iter()
                            .fold(String::new(), |mut text, byte| {
                                write!(text, "{byte:02x}").unwrap();
                                text
                            });
                    let shape = serde_json::json!(output.shape());
                    let got = serde_json::json!({"name": port, "shape": shape, "sha256": digest});
                    assert_eq!(got, *expected, "{name}, {backend}, {}", call["images"]);
                    compared += 1;
                }
            }
        }
    }
    let level = SimdLevel::best().unwrap();
    eprintln!(
        "{} files, {compared} outputs, fused at {level}: 0 differ",
        files.len()
    );
    assert!(files.len() == 8 && compared > 15, "{compared} outputs");
}

/// A process has one level, so each runs in a process of its own.
#[test]
fn files_of_the_first_release_at_every_level() {
    if runtime().is_none() {
        return;
    }
    for level in SimdLevel::ALL {
        if !level.is_available() {
            skip(level.name(), &"this processor lacks it");
            continue;
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "files_of_the_first_release", "--nocapture"])
            .env("PREP_ONNX_SIMD", level.name())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{level}: {text}");
        assert!(
            text.contains(&format!("fused at {level}: 0 differ")),
            "{level}: {text}"
        );
    }
}
