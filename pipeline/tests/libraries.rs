//! Bit for bit parity with the libraries: every result of `tests/goldens/plans.json`, from the steps and from the plan.
#![allow(clippy::expect_used, reason = "test code")]

use std::path::Path;

use ndarray::{Array3, ArrayView3};
use prep_onnx_pipeline::plan::CanvasSize;
use prep_onnx_pipeline::{Answers, Pipeline, Plan};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The image of the script: SplitMix64 noise over a slope.
fn image(height: usize, width: usize, channels: usize) -> Array3<u8> {
    let seed = (height * 65_536 + width) as u64;
    let mut index = 0_u64;
    Array3::from_shape_fn((height, width, channels), |(row, column, channel)| {
        index += 1;
        let state = index.wrapping_add(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let noise = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 56;
        ((noise as usize / 3 + 2 * column + 3 * row + 50 * channel) % 256) as u8
    })
}

fn digest(answers: &Answers, mask: bool) -> String {
    let mut hash = Sha256::new();
    for tensor in &answers.tensors {
        hash.update(tensor.to_le_bytes());
    }
    if mask {
        for value in answers.extras.iter().flat_map(|extras| &extras.mask) {
            hash.update(value.to_le_bytes());
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn has_mask(plan: &Plan) -> bool {
    plan.last_canvas()
        .is_some_and(|canvas| matches!(canvas.size, CanvasSize::BatchLargest { .. }))
}

#[test]
fn pipelines_equal_their_libraries() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/goldens/plans.json");
    let cases: Value =
        serde_json::from_str(&std::fs::read_to_string(path).expect("the file is shipped")).expect("JSON");
    let only = std::env::var("PREP_ONLY").ok();
    let mut differences = Vec::new();
    let mut compared = 0;
    for (name, case) in cases.as_object().expect("cases by name") {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let text = |key: &str| case[key].as_str().expect("a text");
        let (layout, dtype) = (
            text("layout").parse().expect("a layout"),
            text("dtype").parse().expect("a dtype"),
        );
        let pipeline = match Pipeline::from_value(case["pipeline"].clone()) {
            Ok(pipeline) => pipeline,
            Err(error) => {
                differences.push(format!("{name}: {error:?}"));
                continue;
            }
        };
        let plan = pipeline.compile(layout, dtype).expect("checked");
        let read = Plan::from_json(&plan.to_json()).expect("its own text");
        assert_eq!(read, plan, "{name}");
        let channels = case["channels"].as_u64().expect("a number") as usize;
        for (sizes, expected) in case["results"].as_object().expect("results by size") {
            let images: Vec<_> = sizes
                .split('+')
                .map(|size| {
                    let (height, width) = size.split_once('x').expect("height x width");
                    image(
                        height.parse().expect("a number"),
                        width.parse().expect("a number"),
                        channels,
                    )
                })
                .collect();
            let views: Vec<ArrayView3<'_, u8>> = images.iter().map(|image| image.view()).collect();
            let expected = expected.as_str().expect("a digest or an error");
            let steps = pipeline.reference_batch(&views, layout, dtype);
            let planned = plan.reference(&views);
            compared += 1;
            match (steps, planned) {
                (Ok(steps), Ok(planned)) => {
                    if steps != planned {
                        differences.push(format!("{name} {sizes}: the plan differs from the steps"));
                    }
                    let got = digest(&steps, has_mask(&plan));
                    if got != expected {
                        let shapes: Vec<_> = steps.tensors.iter().map(|tensor| &tensor.shape).collect();
                        differences.push(format!(
                            "{name} {sizes}: {expected} by the library; ours is {shapes:?}"
                        ));
                    }
                }
                (Err(_), Err(_)) if expected.starts_with("error") => {}
                (steps, planned) => differences.push(format!(
                    "{name} {sizes}: {expected} by the library; steps: {:?}, plan: {:?}",
                    steps.err(),
                    planned.err()
                )),
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {compared} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    eprintln!("{compared} results of the libraries are equal");
}
