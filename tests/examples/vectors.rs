//! Writes embedded models, raw images and the expected tensors' digests for the host checks in `tests/hosts`.
//!
//! `cargo run --release -p prep-onnx-tests --example vectors -- FOLDER`
#![allow(
    clippy::expect_used,
    reason = "a tool of the tests: what it cannot do ends it"
)]

use std::fmt::Write as _;
use std::path::Path;

use ndarray::{Array3, Array4, Axis, s};

use prep_onnx_pipeline::{CHANNELS, Dtype, Layout, PRESETS, Pipeline, Resampler};
use prep_onnx_rewriter::{EmbedOptions, Lowering};
use prep_onnx_tests::zoo::{self, EXTERNAL_DATA, pipeline_for};
use prep_onnx_tests::{embed_to, identity_model, images, shipped};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The opset whose models see every image; the others see a few and a batch.
const MAIN_OPSET: i64 = 18;
const OPSETS: [i64; 5] = [11, 13, 17, MAIN_OPSET, 21];
const FEW: [&str; 4] = ["pixel-1x1", "scene-161x121", "tall-45x1023", "scene-500x375"];
/// The images whose sizes bodies are written for, each in one form.
const KNOWN: [(&str, Lowering); 2] = [
    ("scene-161x121", Lowering::OneFile),
    ("scene-500x375", Lowering::Standard),
];

/// An image's name and pixels, and the shape and digest of its tensor.
type Case<'a> = (&'a str, &'a Array4<u8>, Option<(Vec<usize>, String)>);

fn main() {
    let folder = std::env::args().nth(1).expect("usage: vectors FOLDER");
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder).expect("a writable folder");
    let images: Vec<(String, Array4<u8>)> = images()
        .into_iter()
        .map(|(name, image)| (name, image.insert_axis(Axis(0))))
        .chain([("batch".to_owned(), batch(&images()))])
        .collect();
    for (name, image) in &images {
        let pixels: Vec<u8> = image.iter().copied().collect();
        std::fs::write(folder.join(format!("{name}.u8")), pixels).expect("a writable folder");
    }

    let embedded = folder.join("zoo");
    std::fs::create_dir_all(&embedded).expect("a writable folder");
    std::fs::copy(shipped(EXTERNAL_DATA), embedded.join("external-data.bin")).expect("a writable folder");
    for path in zoo::models() {
        let file = format!("{}.onnx", zoo::name(&path));
        let copy = embedded.join(format!("original-{file}"));
        std::fs::copy(&path, &copy).expect("a writable folder");
        embed_to(
            &copy,
            &pipeline_for(&path),
            &EmbedOptions::default(),
            &embedded.join(file),
        );
    }

    let mut models = Vec::new();
    for preset in PRESETS {
        for resampler in [None, Some(Resampler::Pillow)] {
            let Ok(import) = preset.import(resampler) else {
                continue;
            };
            let variant = resampler.map_or_else(|| "default".to_owned(), |resampler| resampler.to_string());
            let name = format!("{}-{variant}", preset.name);
            let plan = import.pipeline.compile(Layout::Nchw, Dtype::Float32);
            if plan.is_ok_and(|plan| plan.values.channels.len() != CHANNELS) {
                eprintln!("{name}: left out, no identity model takes gray images");
                continue;
            }
            eprintln!("{name}");
            let expected: Vec<_> = images
                .iter()
                .map(|(name, image)| (name.as_str(), image, expected(&import.pipeline, image)))
                .collect();
            for opset in OPSETS {
                let file = format!("{name}-opset{opset}.onnx");
                let seen = |image: &str| opset == MAIN_OPSET || FEW.contains(&image) || image == "batch";
                let options = EmbedOptions::default();
                models.push(write(
                    folder,
                    &file,
                    opset,
                    &import.pipeline,
                    &options,
                    &expected,
                    seen,
                ));
            }
            for (known, lowering) in KNOWN {
                let file = format!("{name}-{lowering}-{known}.onnx");
                let seen = |image: &str| image == known;
                let options = EmbedOptions {
                    image_size: images
                        .iter()
                        .find(|(name, _)| name == known)
                        .map(|(_, image)| (image.dim().1, image.dim().2)),
                    lowering,
                    ..EmbedOptions::default()
                };
                let model = write(
                    folder,
                    &file,
                    MAIN_OPSET,
                    &import.pipeline,
                    &options,
                    &expected,
                    seen,
                );
                models.push(model);
            }
        }
    }
    let manifest = serde_json::to_string_pretty(&json!({ "models": models })).expect("JSON");
    std::fs::write(folder.join("vectors.json"), manifest).expect("a writable folder");
}

/// Embeds into the identity of an opset; what the manifest says of it, with the images that are `seen`.
fn write(
    folder: &Path,
    file: &str,
    opset: i64,
    pipeline: &Pipeline,
    options: &EmbedOptions,
    expected: &[Case<'_>],
    seen: impl Fn(&str) -> bool,
) -> Value {
    let model = identity_model(opset, Layout::Nchw, Dtype::Float32);
    embed_to(&model, pipeline, options, &folder.join(file));
    let cases: Vec<Value> = expected
        .iter()
        .filter(|(image, _, _)| seen(image))
        .filter_map(|(image, pixels, expected)| {
            let (shape, digest) = expected.as_ref()?;
            Some(json!({
                "image": format!("{image}.u8"), "image_shape": pixels.shape(), "shape": shape, "sha256": digest,
            }))
        })
        .collect();
    json!({ "model": file, "opset": opset, "cases": cases })
}

/// Shape and digest of the scalar reference's little-endian bytes; none for an image that the pipeline refuses.
fn expected(pipeline: &Pipeline, images: &Array4<u8>) -> Option<(Vec<usize>, String)> {
    let mut digest = Sha256::new();
    let mut shape = Vec::new();
    for image in images.outer_iter() {
        let tensor = pipeline.reference(image, Layout::Nchw, Dtype::Float32).ok()?;
        shape = tensor.shape.to_vec();
        digest.update(tensor.to_le_bytes());
    }
    shape[0] = images.len_of(Axis(0));
    let hex = digest.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    Some((shape, hex))
}

/// Four images of one size: one image and its mirror images.
fn batch(images: &[(String, Array3<u8>)]) -> Array4<u8> {
    let (_, image) = images
        .iter()
        .find(|(name, _)| name == "scene-161x121")
        .expect("a shipped image");
    let mirrored = [
        image.view(),
        image.slice(s![..;-1, .., ..]),
        image.slice(s![.., ..;-1, ..]),
        image.slice(s![..;-1, ..;-1, ..]),
    ];
    ndarray::stack(Axis(0), &mirrored).expect("images of one size")
}
