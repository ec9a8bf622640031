//! Plans of version 2: the cases on which the op on CUDA must give the bits of the scalar reference.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ndarray::Array3;
use prep_onnx_op::cuda::{StagedPreprocessor, without_kernel};
use prep_onnx_pipeline::{Dtype, Layout, PRESETS, Pipeline, Plan, Version};
use serde_json::{Value, json};

use crate::common::{Random, cases, image};
use crate::compare::{self, Input, Outputs, all_outputs, drawn, each_named, expected, mixes};

/// What the op gives on CUDA.
pub(crate) fn run(
    op: &StagedPreprocessor,
    input: &Input,
    ragged: bool,
) -> Result<Outputs, prep_onnx_pipeline::Error> {
    let images = input.images(ragged);
    let call = op.call(&images.shapes())?;
    compare::outputs(op.plan(), &call, |tensor, extras| {
        op.run(&images, &call, tensor, extras)
    })
}

fn compare_plan(name: &str, plan: &Plan, images: &[Array3<u8>], ragged: bool) -> usize {
    let op = StagedPreprocessor::new(plan.clone()).unwrap();
    let expected = expected(plan, images);
    let got = run(&op, &Input::new(plan, images), ragged);
    compare::compare(name, plan, &expected, got)
}

/// The named plans.
pub(crate) fn named_plans() {
    let (mut plans, mut compared) = (BTreeSet::new(), 0);
    let mut on_host: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    // All of their images, where there is time.
    let step = if std::env::var_os("PREP_CASES").is_some() {
        1
    } else {
        3
    };
    let left_out = each_named(step, |named| {
        compared += compare_plan(&named.name, &named.plan, &named.images, mixes(&named.plan));
        if let Some(what) = without_kernel(&named.plan) {
            on_host.entry(what).or_default().insert(named.plan_name.clone());
        }
        plans.insert(named.plan_name);
    });
    eprintln!(
        "{} named plans, {compared} outputs compared, 0 differing values; on the host for want of a kernel: {on_host:?}",
        plans.len()
    );
    if left_out > 0 {
        eprintln!("{left_out} images were left out; PREP_CASES runs them");
    }
    // Resizes in torch's floats and no others.
    let of_torch = |name: &String| name.starts_with("torch-") || name.starts_with("torchvision-1-");
    assert!(
        plans.len() > 30 && on_host.values().flatten().all(of_torch),
        "{on_host:?}"
    );
}

/// Presets of version 2.
pub(crate) fn presets() {
    let mut random = Random(30);
    let (mut taken, mut compared) = (0, 0);
    for preset in PRESETS {
        let pipeline = preset.import(None).unwrap().pipeline;
        let (layout, dtype) = pipeline.output.or_usual();
        let plan = pipeline.compile(layout, dtype).unwrap();
        if plan.version() == Version::V1 {
            continue;
        }
        taken += 1;
        let plan = all_outputs(plan);
        let channels = plan.source.source_channels();
        for (height, width) in [(90, 124), (136, 62)] {
            let image = Array3::from_shape_simple_fn((plan.source.rows(height), width, channels), || {
                random.next() as u8
            });
            compared += compare_plan(preset.name, &plan, &[image], false);
        }
    }
    assert!(taken > 10, "{taken}");
    eprintln!("{taken} presets of version 2, {compared} outputs compared, 0 differing values");
}

pub(crate) fn random_plans() {
    let count = cases(500) as u64;
    let (mut compared, mut later, mut on_host, mut failed) = (0, 0, 0, Vec::new());
    for seed in 0..count {
        let (plan, lists) = drawn(seed);
        later += usize::from(plan.version() == Version::V2);
        on_host += usize::from(without_kernel(&plan).is_some());
        for (ragged, images) in lists {
            let name = format!("seed {seed}");
            match catch_unwind(AssertUnwindSafe(|| compare_plan(&name, &plan, &images, ragged))) {
                Ok(outputs) => compared += outputs,
                Err(_) => failed.push(seed),
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} lists of {count} plans differ: seeds {failed:?}",
        failed.len()
    );
    eprintln!(
        "{count} random plans ({later} of version 2, {on_host} on the host), {compared} outputs compared, 0 differing values"
    );
}

fn plan(steps: &Value, input: &Value, layout: Layout, dtype: Dtype) -> Plan {
    let mut pipeline = json!({"steps": steps});
    if !input.is_null() {
        pipeline["input"] = input.clone();
    }
    all_outputs(
        Pipeline::from_value(pipeline)
            .unwrap()
            .compile(layout, dtype)
            .unwrap(),
    )
}

/// Resizes that the public generator does not draw, and those that have no kernel.
pub(crate) fn resamplers() {
    let mut random = Random(31);
    let mut compared = 0;
    for (resampler, filter, antialias) in [
        ("opencv", "bilinear", true),
        ("opencv", "nearest", true),
        ("opencv", "bicubic", true),
        ("opencv", "area", true),
        ("torchvision", "bilinear", false),
        ("torchvision", "bicubic", false),
        ("torch", "bilinear", true),
    ] {
        for to in [[7, 5], [64, 96], [40, 41]] {
            let mut resize = json!({"step": "resize", "size": to, "filter": filter, "resampler": resampler});
            if !antialias {
                resize["antialias"] = json!(false);
            }
            let steps = json!([resize, {"step": "rescale", "divisor": 255}]);
            let plan = plan(&steps, &Value::Null, Layout::Nchw, Dtype::Float32);
            for size in [(1, 1), (3, 200), (200, 3), (64, 96), (77, 40), (40, 41)] {
                let images = [
                    image(&mut random, size.0, size.1),
                    image(&mut random, size.0, size.1),
                ];
                compared += compare_plan(&format!("{resampler} {filter}"), &plan, &images, false);
            }
        }
    }
    eprintln!("{compared} outputs compared, 0 differing values");
}

/// More images than one launch takes, whose parts and canvases differ, and some of which are not resized at all.
pub(crate) fn many_images() {
    let mut random = Random(32);
    let images: Vec<_> = (0..150)
        .map(|index| {
            let (height, width) = if index % 7 == 0 {
                (40, 40)
            } else {
                (random.size(90), random.size(90))
            };
            image(&mut random, height, width)
        })
        .collect();
    let value = json!([
        {"step": "resize", "size": {"shortest_edge": 30, "longest_edge": 50}, "filter": "bilinear", "resampler": "torchvision"},
        {"step": "rescale", "divisor": 255},
        {"step": "pad", "to": "batch"},
    ]);
    let plain = json!([
        {"step": "resize", "size": [40, 40], "filter": "bicubic", "resampler": "torchvision", "antialias": false},
        {"step": "rescale", "divisor": 255},
    ]);
    let square = json!([
        {"step": "pad", "to": "square", "color": [1, 2, 3]},
        {"step": "resize", "size": [48, 40], "filter": "bicubic", "resampler": "pillow"},
        {"step": "rescale", "divisor": 255},
    ]);
    let mut compared = 0;
    for steps in [value, plain, square] {
        let plan = plan(&steps, &Value::Null, Layout::Nchw, Dtype::Float16);
        compared += compare_plan("mixed", &plan, &images, true);
        let same: Vec<_> = (0..70).map(|_| image(&mut random, 33, 21)).collect();
        compared += compare_plan("batch", &plan, &same, false);
    }
    eprintln!("{compared} outputs compared, 0 differing values");
}
