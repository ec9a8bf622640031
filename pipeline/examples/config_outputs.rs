//! Answers, a line for a line, what the reference makes of configs: `tests/parity/sweep_transformers.py` compares that with the library.
//!
//! A question is JSON: `config` and `model` (the texts of preprocessor_config.json and config.json), `backend`, and `batches` of images,
//! each [height, width] of the made image of `tests/goldens/make_plan_goldens.py`. The answer has an `error`, or the `pipeline` and for each
//! batch `shape` and `sha` (the first half of the SHA-256 of the float32 values), the other outputs `geometry`, `sizes`, `grid` and `mask` (its
//! shape and, as with the values, what its int64 numbers hash to), or its `error`; with `to`, a file for the values of the last.

use std::error::Error;
use std::io::{BufRead, Write};

use ndarray::{Array3, ArrayView3};
use prep_onnx_pipeline::{Dtype, Extras, ImportOptions, Layout, Notation, Pipeline, import_with};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let question: Value = serde_json::from_str(&line?)?;
        let answer = answer(&question).unwrap_or_else(|error| json!({ "error": error.to_string() }));
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn answer(question: &Value) -> Result<Value, Box<dyn Error>> {
    let text = |key: &str| question[key].as_str();
    let options = ImportOptions {
        resampler: text("backend").map(str::parse).transpose()?,
        model_config: text("model"),
        ..ImportOptions::default()
    };
    let import = match import_with(text("config").unwrap_or_default(), Notation::Json, &options) {
        Ok(import) => import,
        Err(error) => {
            return Ok(json!({ "error": error.to_string(), "why": error.reason(), "fix": error.help() }));
        }
    };
    let mut results = Vec::new();
    for batch in question["batches"].as_array().into_iter().flatten() {
        let (shape, bytes, extras) = match run(&import.pipeline, batch) {
            Ok(result) => result,
            Err(error) => {
                results.push(json!({ "error": error.to_string() }));
                continue;
            }
        };
        if let Some(path) = text("to") {
            std::fs::write(path, &bytes)?;
        }
        let all = |of: fn(&Extras) -> Value| extras.iter().map(of).collect::<Vec<_>>();
        let masks: Vec<u8> = (extras.iter().flat_map(|extras| &extras.mask))
            .flat_map(|value| value.to_le_bytes())
            .collect();
        results.push(json!({
            "shape": shape,
            "sha": hashed(&bytes),
            "geometry": all(|extras| json!(extras.geometry)),
            "sizes": all(|extras| json!(extras.sizes)),
            "grid": all(|extras| json!(extras.grid)),
            "mask": { "shape": all(|extras| json!(extras.mask.shape())), "sha": hashed(&masks) },
        }));
    }
    Ok(json!({ "pipeline": import.pipeline.to_value(), "notes": import.notes, "results": results }))
}

fn hashed(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The shape and the bytes of the values, and the other outputs.
type Ran = (Vec<usize>, Vec<u8>, Vec<Extras>);

/// The tensors of a batch, one after the other, where they have one shape.
fn run(pipeline: &Pipeline, batch: &Value) -> Result<Ran, Box<dyn Error>> {
    let sizes: Vec<(usize, usize)> = serde_json::from_value(batch.clone())?;
    let images: Vec<_> = sizes
        .iter()
        .map(|(height, width)| image(*height, *width))
        .collect();
    let views: Vec<ArrayView3<'_, u8>> = images.iter().map(|image| image.view()).collect();
    let layout = pipeline.output.layout.unwrap_or(Layout::Nchw);
    let answers = pipeline.reference_batch(&views, layout, Dtype::Float32)?;
    let plan = pipeline.compile(layout, Dtype::Float32)?;
    let mut shape = answers.tensors.first().ok_or("no image")?.shape.clone();
    let joined = (plan.form.blocks).is_some_and(prep_onnx_pipeline::plan::Blocks::is_joined);
    let differ = answers
        .tensors
        .iter()
        .any(|tensor| tensor.shape[1..] != shape[1..] || (!joined && tensor.shape != shape));
    if differ {
        return Err("the images have several shapes".into());
    }
    shape[0] = answers.tensors.iter().map(|tensor| tensor.shape[0]).sum();
    let bytes = answers
        .tensors
        .iter()
        .flat_map(|tensor| tensor.to_le_bytes())
        .collect();
    Ok((shape, bytes, answers.extras))
}

/// SplitMix64 noise over a slope.
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
