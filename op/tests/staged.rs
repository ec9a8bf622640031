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
use prep_onnx_pipeline::{Dtype, Layout, Pipeline, Plan, Version, random};
use serde_json::json;

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

/// OpenCV's linear in all that row kernels tell apart: means of four pixels, one or two loads for some pixels or one for each, taps
/// that weigh nothing, borders, parts of the image, and rows of every length.
#[test]
fn rows_of_opencv_linear() {
    let resize = |height: usize, width: usize| json!([{"step": "resize", "size": [height, width], "filter": "bilinear", "resampler": "opencv"}]);
    let mut cases = Vec::new();
    for width in [1, 2, 15, 16, 17, 31, 33, 47, 64, 65, 97, 128] {
        cases.push((resize(3, width), (6, 2 * width)));
        cases.push((resize(4, width), (3, width)));
    }
    for from in [17, 29, 60, 61, 85, 116, 117, 170, 221, 350, 640] {
        cases.push((resize(5, 40), (from / 6 + 1, from)));
        cases.push((resize(9, 23), (27, from)));
    }
    for (size, image) in [
        ([40, 40], (60, 80)),
        ([40, 40], (80, 60)),
        ([33, 48], (30, 96)),
        ([48, 33], (90, 30)),
        ([21, 21], (63, 50)),
    ] {
        cases.push((json!([{"step": "letterbox", "size": size}]), image));
    }
    let cropped = json!([
        {"step": "resize", "size": [30, 40], "filter": "bilinear", "resampler": "opencv"},
        {"step": "center_crop", "size": [20, 35]},
    ]);
    cases.push((cropped.clone(), (60, 80)));
    cases.push((cropped, (50, 90)));
    let (mut compared, mut calls) = (0, 0);
    for (index, (steps, (height, width))) in cases.into_iter().enumerate() {
        if cfg!(miri) && height * width > 300 {
            continue;
        }
        let forms = [
            (Layout::Nchw, Dtype::Float32),
            (Layout::Nhwc, Dtype::Float32),
            (Layout::Nchw, Dtype::Float16),
            (Layout::Nchw, Dtype::Uint8),
        ];
        for (form, (layout, dtype)) in forms.into_iter().enumerate() {
            let mut steps = steps.as_array().unwrap().clone();
            if (index + form) % 2 == 0 {
                steps.push(json!({"step": "channel_order", "order": "bgr"}));
            }
            match dtype {
                Dtype::Uint8 => {}
                Dtype::Float32 | Dtype::Float16 => steps.push(json!({"step": "rescale", "divisor": 255})),
            }
            let plan = Pipeline::from_value(json!({ "steps": steps })).unwrap();
            let plan = plan.compile(layout, dtype).unwrap();
            let image = random::recorded_image(height, width, 3);
            compared += compare(&format!("{index} {layout} {dtype}"), &plan, &[image], false);
            calls += 1;
        }
    }
    eprintln!("{compared} outputs compared, 0 differing values");
    assert_eq!(compared, calls * 2 * levels().len(), "no call was refused");
}

/// Images whose edges are multiples of the squares that are turned, and not.
#[test]
fn turned_images() {
    let steps = |channels: usize| match channels {
        1 => {
            json!({"input": {"format": "gray"}, "steps": [{"step": "rotate_to", "orientation": "portrait"}, {"step": "rescale", "divisor": 255}]})
        }
        _ => {
            json!({"steps": [{"step": "rotate_to", "orientation": "portrait"}, {"step": "rescale", "divisor": 255}]})
        }
    };
    let (mut compared, mut calls) = (0, 0);
    for channels in [1, 3] {
        let plan = Pipeline::from_value(steps(channels)).unwrap();
        let plan = plan.compile(Layout::Nhwc, Dtype::Float32).unwrap();
        for (height, width) in [
            (1, 2),
            (7, 8),
            (8, 9),
            (8, 16),
            (9, 24),
            (15, 17),
            (16, 31),
            (63, 64),
            (64, 65),
            (72, 73),
            (130, 136),
        ] {
            if cfg!(miri) && height * width > 300 {
                continue;
            }
            let image = random::recorded_image(height, width, channels);
            compared += compare(&format!("{height}x{width}x{channels}"), &plan, &[image], false);
            calls += 1;
        }
    }
    eprintln!("{compared} outputs compared, 0 differing values");
    assert_eq!(compared, calls * 2 * levels().len(), "no call was refused");
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
