//! The named pipelines of `tests/goldens/plans.json` in every backend: the bits that the libraries gave.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ndarray::ArrayView3;
use prep_onnx::host::Array;
use prep_onnx_pipeline::plan::CanvasSize;
use prep_onnx_pipeline::{Accept, Pipeline, Plan, random};
use prep_onnx_tests::embedded::bytes;
use prep_onnx_tests::planned::Planned;
use prep_onnx_tests::{runtime, shipped};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn has_mask(plan: &Plan) -> bool {
    plan.last_canvas()
        .is_some_and(|canvas| matches!(canvas.size, CanvasSize::BatchLargest { .. }))
}

/// What differs from what the library gave: a digest of the bits.
fn difference(planned: &Planned, expected: &Value, outputs: &[Array]) -> Option<String> {
    let mut hash = Sha256::new();
    hash.update(bytes(&outputs[0]));
    if has_mask(&planned.plan) {
        // After the tensor and the geometry.
        hash.update(bytes(&outputs[2]));
    }
    let got: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    (got != expected.as_str().unwrap()).then(|| format!("other bits, in the shape {:?}", outputs[0].shape()))
}

/// The most pixels that an image becomes on its way in standard operators: tens of bytes each exist at once.
const MOST_PIXELS: usize = 8_000_000;

/// Whether an image grows beyond [`MOST_PIXELS`], as a thin one does whose short edge is enlarged.
fn is_large(plan: &Plan, images: &[ArrayView3<'_, u8>]) -> bool {
    let grows = |image: &ArrayView3<'_, u8>| {
        let size = plan.source.image_size(image.dim().0, image.dim().1).unwrap();
        plan.geometry(size.0, size.1).is_ok_and(|geometry| {
            (geometry.stages.iter())
                .filter_map(|stage| stage.resized)
                .any(|resized| resized.to.0 * resized.to.1 > MOST_PIXELS)
        })
    };
    images.iter().any(grows)
}

/// Standard operator sets, one a case.
const OPSETS: [i64; 5] = [11, 13, 17, 18, 22];

/// How many results of a plan are equal in a backend, by plan and backend.
type Equal = BTreeMap<String, BTreeMap<String, usize>>;

/// One line a plan, one column a backend.
fn print(equal: &Equal) {
    let mut backends: Vec<&String> = equal.values().flat_map(BTreeMap::keys).collect();
    backends.sort();
    backends.dedup();
    eprintln!("{:32} {}", "results that are equal", names(&backends));
    for (plan, counts) in equal {
        let count = |backend: &&String| {
            let count = counts
                .get(*backend)
                .map_or_else(|| "-".to_owned(), usize::to_string);
            format!("{count:>width$}", width = backend.len())
        };
        let counts: Vec<String> = backends.iter().map(count).collect();
        eprintln!("{plan:32} {}", counts.join("  "));
    }
}

fn count(equal: &mut Equal, plan: &str, backend: String) {
    *equal
        .entry(plan.to_owned())
        .or_default()
        .entry(backend)
        .or_default() += 1;
}

fn names(backends: &[&String]) -> String {
    let names: Vec<&str> = backends.iter().map(|backend| backend.as_str()).collect();
    names.join("  ")
}

#[test]
fn bodies_give_the_bits_of_the_libraries() {
    let Some(loaded) = runtime() else { return };
    let text = std::fs::read_to_string(shipped("tests/goldens/plans.json")).unwrap();
    let cases: Value = serde_json::from_str(&text).unwrap();
    let only = std::env::var("PREP_ONLY").unwrap_or_default();
    // Takes 18 GB.
    let large = std::env::var_os("PREP_LARGE").is_some();
    let (mut differences, mut compared, mut left_out) = (Vec::new(), 0, 0);
    let mut equal = Equal::new();
    for (number, (name, case)) in cases.as_object().unwrap().iter().enumerate() {
        if !name.contains(&only) {
            continue;
        }
        let pipeline = Pipeline::from_value(case["pipeline"].clone()).unwrap();
        let form = |key: &str| case[key].as_str().unwrap();
        let plan = pipeline
            .compile(form("layout").parse().unwrap(), form("dtype").parse().unwrap())
            .unwrap();
        let planned = Planned::new(&pipeline, &plan, OPSETS[number % OPSETS.len()], true);
        let channels = case["channels"].as_u64().unwrap() as usize;
        let one_size = plan.fixed_output().is_some() || plan.is_of_batch();
        let mut sessions = vec![(Accept::Batch, planned.backends(loaded, Accept::Batch, None))];
        if one_size {
            sessions.push((Accept::Ragged, planned.backends(loaded, Accept::Ragged, None)));
            let of_files = planned.of_files(loaded).map(|session| ("fused", session));
            sessions.push((Accept::Encoded, of_files.into_iter().collect()));
        }
        for (sizes, expected) in case["results"].as_object().unwrap() {
            let images: Vec<_> = sizes
                .split('+')
                .map(|size| {
                    let (height, width) = size.split_once('x').unwrap();
                    random::recorded_image(height.parse().unwrap(), width.parse().unwrap(), channels)
                })
                .collect();
            let views: Vec<ArrayView3<'_, u8>> = images.iter().map(|image| image.view()).collect();
            let left = !large && is_large(&plan, &views);
            let fails = expected.as_str().is_some_and(|text| text.starts_with("error"));
            if let ([image], false) = (views.as_slice(), fails) {
                let size = plan.source.image_size(image.dim().0, image.dim().1).unwrap();
                for (backend, mut session) in planned.backends(loaded, Accept::Batch, Some(size)) {
                    if left && backend != "fused" {
                        left_out += 1;
                        continue;
                    }
                    let outputs = planned.run_batch(&mut session, &views).unwrap();
                    compared += 1;
                    if let Some(difference) = difference(&planned, expected, &outputs) {
                        differences.push(format!("{name} {sizes} {backend}, known size: {difference}"));
                    } else {
                        count(&mut equal, name, format!("{backend} known"));
                    }
                }
            }
            for (accept, backends) in &mut sessions {
                if *accept == Accept::Batch && views.len() > 1 {
                    continue;
                }
                for (backend, session) in backends {
                    if left && *backend != "fused" {
                        left_out += 1;
                        continue;
                    }
                    let outputs = match accept {
                        Accept::Batch => planned.run_batch(session, &views),
                        Accept::Ragged => planned.run_ragged(session, &views),
                        Accept::Encoded => planned.run_files(session, &views),
                    };
                    compared += 1;
                    let difference = match (outputs, fails) {
                        (Ok(outputs), false) => difference(&planned, expected, &outputs),
                        (Err(_), true) => None,
                        (Ok(_), true) => Some("taken, where the library fails".to_owned()),
                        (Err(error), false) => Some(error),
                    };
                    if let Some(difference) = difference {
                        differences.push(format!("{name} {sizes} {backend} {accept}: {difference}"));
                    } else {
                        count(&mut equal, name, format!("{backend} {accept}"));
                    }
                }
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {compared} differ:\n{}",
        differences.len(),
        differences[..differences.len().min(40)].join("\n")
    );
    print(&equal);
    eprintln!("{compared} results of the libraries are equal");
    if left_out > 0 {
        eprintln!(
            "{left_out} were left out: images that grow beyond {MOST_PIXELS} pixels; PREP_LARGE=1 runs them, in 18 GB"
        );
    }
}
