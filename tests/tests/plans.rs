//! Random plans of every version: all backends give the bits of the scalar reference, in every output.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ndarray::ArrayView3;
use prep_onnx_pipeline::{Accept, Plan, Version, random};
use prep_onnx_tests::planned::{Planned, mirrored};
use prep_onnx_tests::random::cases;
use prep_onnx_tests::runtime;

/// Standard operator sets from the oldest that is written for to the newest that the runtime knows.
const OPSETS: &[i64] = &[11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24];

/// What a suite has seen.
#[derive(Default)]
struct Seen {
    equal: u32,
    refused: u32,
    of_version_2: u32,
}

impl Seen {
    fn check(&self, what: &str) {
        let Self {
            equal,
            refused,
            of_version_2,
        } = self;
        eprintln!("{what}: {equal} equal, {refused} refused by all, {of_version_2} of version 2");
        assert!(*equal > 2 * refused && *of_version_2 > equal / 3);
    }
}

fn first_seed() -> u64 {
    std::env::var("PREP_SEED").map_or(0, |seed| seed.parse().unwrap())
}

/// Compares every seed: `images` of a seed to hand over, in which form.
fn suite(what: &str, usual: u32, accept: Accept, is_wanted: impl Fn(&Plan) -> bool, fixed: bool) {
    let Some(loaded) = runtime() else { return };
    let mut seen = Seen::default();
    let mut failures = Vec::new();
    for seed in first_seed()..first_seed() + u64::from(cases(usual)) {
        let (pipeline, layout, dtype) = random::pipeline(seed);
        let plan = pipeline.compile(layout, dtype).unwrap();
        if !is_wanted(&plan) {
            continue;
        }
        let opset = OPSETS[seed as usize % OPSETS.len()];
        let batch = random::batch(seed, &plan);
        if batch.is_empty() {
            // There may be no image at all that it takes.
            continue;
        }
        // Outputs make any plan one of version 2.
        let planned = Planned::new(&pipeline, &plan, opset, seed % 4 != 0);
        let batches: Vec<Vec<ArrayView3<'_, u8>>> = if accept == Accept::Ragged {
            vec![batch.iter().map(|image| image.view()).collect()]
        } else {
            batch
                .iter()
                .take(if fixed { 1 } else { 2 })
                .map(|image| mirrored(image).to_vec())
                .collect()
        };
        for images in batches {
            let image_size = if fixed {
                let Some(image) = images.first() else { continue };
                let size = plan.source.image_size(image.dim().0, image.dim().1).unwrap();
                if plan.geometry(size.0, size.1).is_err() {
                    continue;
                }
                Some(size)
            } else {
                None
            };
            let answers = planned.plan.reference(&images);
            for (backend, mut session) in planned.backends(loaded, accept, image_size) {
                let outputs = if accept == Accept::Ragged {
                    planned.run_ragged(&mut session, &images)
                } else {
                    planned.run_batch(&mut session, &images)
                };
                let sizes: Vec<_> = images.iter().map(|image| image.dim()).collect();
                let failed = match (&answers, outputs) {
                    (Ok(answers), Ok(outputs)) => planned.difference(answers, &outputs),
                    (Ok(_), Err(error)) => Some(error),
                    (Err(_), Err(_)) => None,
                    (Err(error), Ok(_)) => Some(format!("taken, where the reference says {error:?}")),
                };
                if let Some(failed) = failed {
                    failures.push(format!(
                        "seed {seed} opset {opset} {backend} {sizes:?}: {failed}\n  {}",
                        planned.plan.to_json()
                    ));
                }
            }
            match answers {
                Ok(_) => seen.equal += 1,
                Err(_) => seen.refused += 1,
            }
            seen.of_version_2 += u32::from(planned.plan.version() == Version::V2);
        }
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures[..failures.len().min(12)].join("\n")
    );
    seen.check(what);
}

#[test]
fn batches() {
    suite("batches", 120, Accept::Batch, |_| true, false);
}

#[test]
fn mixed_sizes() {
    let one_size = |plan: &Plan| plan.fixed_output().is_some() || plan.is_of_batch();
    suite("mixed sizes", 160, Accept::Ragged, one_size, false);
}

#[test]
fn known_sizes() {
    suite("known sizes", 80, Accept::Batch, |_| true, true);
}
