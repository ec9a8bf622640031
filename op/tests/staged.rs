//! Plans of version 2: the op gives the bits of the scalar reference at every SIMD level, and what libraries gave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

#[path = "common/plans.rs"]
mod plans;

use std::collections::BTreeSet;
use std::num::NonZero;

use ndarray::Array3;
use plans::{Input, drawn, each_named, expected, mixes};
use prep_onnx_op::{Executor, Sequential, SimdLevel, StagedPreprocessor, Threads};
use prep_onnx_pipeline::{Plan, Version};

fn levels() -> Vec<SimdLevel> {
    SimdLevel::ALL
        .into_iter()
        .filter(|level| level.is_available())
        .collect()
}

/// Compares one call at every level with the reference; gives how many outputs were compared.
fn compare(name: &str, plan: &Plan, images: &[Array3<u8>], ragged: bool) -> usize {
    // Nothing in a resize of floats depends on the level.
    let levels = if plan.float.is_some() {
        vec![SimdLevel::Scalar]
    } else {
        levels()
    };
    let expected = expected(plan, images);
    let input = Input::new(plan, images);
    let images = input.images(ragged);
    let mut compared = 0;
    for level in levels {
        let preprocessor = StagedPreprocessor::with_level(plan.clone(), level).unwrap();
        let three = Threads(NonZero::new(3).unwrap());
        for executor in [&Sequential as &dyn Executor, &three] {
            let got = preprocessor.call(&images).and_then(|call| {
                plans::outputs(plan, &call, |tensor, extras| {
                    preprocessor.run(&images, &call, tensor, extras, executor)
                })
            });
            compared += plans::compare(&format!("{name} at {level}"), plan, &expected, got);
        }
    }
    compared
}

#[test]
fn random_plans() {
    let cases: u64 = std::env::var("PREP_CASES").map_or(1500, |cases| cases.parse().unwrap());
    let cases = if cfg!(miri) { 3 } else { cases };
    let (mut compared, mut later) = (0, 0);
    for seed in 0..cases {
        let (plan, lists) = drawn(seed);
        later += usize::from(plan.version() == Version::V2);
        for (ragged, images) in lists {
            compared += compare(&format!("seed {seed}"), &plan, &images, ragged);
        }
    }
    eprintln!("{cases} random plans ({later} of version 2), {compared} outputs compared, 0 differing values");
}

/// The reference equals the libraries on these pipelines and images: `pipeline/tests/libraries.rs`.
#[test]
#[cfg_attr(miri, ignore = "too many pixels")]
fn named_plans() {
    let (mut plans, mut compared) = (BTreeSet::new(), 0);
    // All of them, where there is time.
    let step = if std::env::var_os("PREP_CASES").is_some() {
        1
    } else {
        3
    };
    let left_out = each_named(step, |named| {
        compared += compare(&named.name, &named.plan, &named.images, mixes(&named.plan));
        plans.insert(named.plan_name);
    });
    let plans = plans.len();
    eprintln!("{plans} named plans, {compared} outputs compared, 0 differing values");
    if left_out > 0 {
        eprintln!("{left_out} images were left out; PREP_CASES runs them");
    }
    assert!(plans > 30 && compared > 500, "{plans} plans, {compared} outputs");
}
