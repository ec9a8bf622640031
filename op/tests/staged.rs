//! Plans of version 2: the op gives the bits of the scalar reference at every SIMD level, and what libraries gave.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::num::NonZero;

use half::f16;
use ndarray::{Array3, ArrayView3};
use prep_onnx_op::{
    Executor, ExtraMut, Images, OutputMut, Sequential, SimdLevel, StagedPreprocessor, Threads,
};
use prep_onnx_pipeline::{Answers, Dtype, Elements, OutputKind, Pipeline, Plan, Version, random};

/// The outputs of one call.
struct Outputs {
    shape: Vec<usize>,
    tensor: Elements,
    extras: Vec<(OutputKind, Extra)>,
}

#[derive(Debug, PartialEq)]
enum Extra {
    Float32(Vec<f32>),
    Int64(Vec<i64>),
}

fn run(
    preprocessor: &StagedPreprocessor,
    images: &Images<'_>,
    executor: &dyn Executor,
) -> Result<Outputs, prep_onnx_pipeline::Error> {
    let call = preprocessor.call(images)?;
    let shape = call.shape().clone();
    let length: usize = shape.tensor.iter().product();
    // What is not written shows.
    let mut tensor = match preprocessor.plan().form.dtype {
        Dtype::Float32 => Elements::Float32(vec![f32::from_bits(0x7fc0_1234); length]),
        Dtype::Float16 => Elements::Float16(vec![f16::from_bits(0x7e12); length]),
        Dtype::Uint8 => Elements::Uint8(vec![0xa5; length]),
    };
    let mut extras: Vec<(OutputKind, Extra)> = (shape.extras.iter())
        .map(|(kind, extents)| {
            let length = extents.iter().product();
            let extra = match kind {
                OutputKind::Geometry => Extra::Float32(vec![-7.0; length]),
                _ => Extra::Int64(vec![-7; length]),
            };
            (*kind, extra)
        })
        .collect();
    let output = match &mut tensor {
        Elements::Float32(values) => OutputMut::Float32(values),
        Elements::Float16(values) => OutputMut::Float16(values),
        Elements::Uint8(values) => OutputMut::Uint8(values),
    };
    let mut outputs: Vec<ExtraMut<'_>> = (extras.iter_mut())
        .map(|(_, extra)| match extra {
            Extra::Float32(values) => ExtraMut::Float32(values),
            Extra::Int64(values) => ExtraMut::Int64(values),
        })
        .collect();
    preprocessor.run(images, &call, output, &mut outputs, executor)?;
    Ok(Outputs {
        shape: shape.tensor,
        tensor,
        extras,
    })
}

fn joined(expected: &Answers) -> Vec<u8> {
    (expected.tensors.iter())
        .flat_map(|tensor| tensor.to_le_bytes())
        .collect()
}

fn bytes(elements: &Elements) -> Vec<u8> {
    match elements {
        Elements::Float32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Elements::Float16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        Elements::Uint8(values) => values.clone(),
    }
}

fn expected_extra(kind: OutputKind, expected: &Answers) -> Extra {
    let extras = &expected.extras;
    match kind {
        OutputKind::Geometry => Extra::Float32(extras.iter().flat_map(|extra| extra.geometry).collect()),
        OutputKind::Mask => Extra::Int64(
            extras
                .iter()
                .flat_map(|extra| extra.mask.iter().copied())
                .collect(),
        ),
        OutputKind::Sizes => Extra::Int64(extras.iter().flat_map(|extra| extra.sizes).collect()),
        OutputKind::Grid => Extra::Int64(extras.iter().flat_map(|extra| extra.grid).collect()),
        OutputKind::Tensor | OutputKind::Status => panic!("{} is no extra", kind.name()),
    }
}

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
    let views: Vec<ArrayView3<'_, u8>> = images.iter().map(|image| image.view()).collect();
    let expected = plan.reference(&views);
    let pixels: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
    let shapes: Vec<i64> = images
        .iter()
        .flat_map(|image| [image.dim().0, image.dim().1, image.dim().2].map(|extent| extent as i64))
        .collect();
    let (rows, columns, values) = images
        .first()
        .map_or((2, 3, plan.source.source_channels()), |image| image.dim());
    let batch_shape = [images.len(), rows, columns, values].map(|extent| extent as i64);
    let (pixels_shape, shapes_shape) = ([pixels.len() as i64], [images.len() as i64, 3]);
    let input = if ragged {
        Images::Ragged {
            pixels_shape: &pixels_shape,
            pixels: &pixels,
            shapes_shape: &shapes_shape,
            shapes: &shapes,
        }
    } else {
        Images::Batch {
            shape: &batch_shape,
            image: &pixels,
        }
    };
    let mut compared = 0;
    for level in levels {
        let preprocessor = StagedPreprocessor::with_level(plan.clone(), level).unwrap();
        let three = Threads(NonZero::new(3).unwrap());
        for executor in [&Sequential as &dyn Executor, &three] {
            let got = run(&preprocessor, &input, executor);
            match (&expected, got) {
                (Ok(expected), Ok(got)) => {
                    let (wanted, found) = (joined(expected), bytes(&got.tensor));
                    let differ = wanted.iter().zip(&found).filter(|(a, b)| a != b).count();
                    assert!(
                        wanted == found,
                        "{name} at {level}: shape {:?}, {differ} of {} bytes differ: {}",
                        got.shape,
                        wanted.len(),
                        plan.to_json()
                    );
                    for (kind, extra) in &got.extras {
                        assert_eq!(
                            *extra,
                            expected_extra(*kind, expected),
                            "{name} at {level}: {}",
                            kind.name()
                        );
                    }
                    compared += 1 + got.extras.len();
                }
                (Err(_), Err(_)) => {}
                (expected, got) => panic!(
                    "{name} at {level}: {}\nreference {:?}\nop {:?}",
                    plan.to_json(),
                    expected.as_ref().err(),
                    got.err()
                ),
            }
        }
    }
    compared
}

fn all_outputs(plan: Plan) -> Plan {
    let kinds: Vec<OutputKind> = OutputKind::EXTRA
        .iter()
        .copied()
        .filter(|kind| *kind != OutputKind::Grid || plan.form.blocks.is_some())
        .collect();
    plan.with_outputs(&kinds).unwrap()
}

#[test]
fn random_plans() {
    let cases: u64 = std::env::var("PREP_CASES").map_or(1500, |cases| cases.parse().unwrap());
    let cases = if cfg!(miri) { 3 } else { cases };
    let (mut compared, mut later) = (0, 0);
    for seed in 0..cases {
        let (pipeline, layout, dtype) = random::pipeline(seed);
        let plan = pipeline.compile(layout, dtype).unwrap();
        later += usize::from(plan.version() == Version::V2);
        let plan = all_outputs(plan);
        let images = random::batch(seed, &plan);
        let name = format!("seed {seed}");
        if plan.is_of_batch() || plan.fixed_output().is_some() {
            compared += compare(&name, &plan, &images, true);
        }
        for image in images.iter().take(2) {
            let batch = [image.clone(), image.mapv(|value| value.wrapping_mul(3))];
            compared += compare(&name, &plan, &batch, false);
        }
    }
    eprintln!("{cases} random plans ({later} of version 2), {compared} outputs compared, 0 differing values");
}

/// The reference equals the libraries on these pipelines and images: `pipeline/tests/libraries.rs`.
#[test]
#[cfg_attr(miri, ignore = "too many pixels")]
fn named_plans() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/goldens/plans.json");
    let cases: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (mut plans, mut compared, mut left_out) = (0, 0, 0);
    for (name, case) in cases.as_object().unwrap() {
        let text = |key: &str| case[key].as_str().unwrap();
        let pipeline = Pipeline::from_value(case["pipeline"].clone()).unwrap();
        let plan = pipeline
            .compile(text("layout").parse().unwrap(), text("dtype").parse().unwrap())
            .unwrap();
        let plan = all_outputs(plan);
        let channels = case["channels"].as_u64().unwrap() as usize;
        // All of them, where there is time.
        let step = if std::env::var_os("PREP_CASES").is_some() {
            1
        } else {
            3
        };
        for (index, sizes) in case["results"].as_object().unwrap().keys().enumerate() {
            if index % step > 0 {
                left_out += 1;
                continue;
            }
            let images: Vec<_> = (sizes.split('+'))
                .map(|size| {
                    let (height, width) = size.split_once('x').unwrap();
                    random::recorded_image(height.parse().unwrap(), width.parse().unwrap(), channels)
                })
                .collect();
            let name = format!("{name} {sizes}");
            let ragged = plan.is_of_batch() || plan.fixed_output().is_some();
            compared += compare(&name, &plan, &images, ragged);
        }
        plans += 1;
    }
    eprintln!("{plans} named plans, {compared} outputs compared, 0 differing values");
    if left_out > 0 {
        eprintln!("{left_out} images were left out; PREP_CASES runs them");
    }
    assert!(plans > 30 && compared > 500, "{plans} plans, {compared} outputs");
}
