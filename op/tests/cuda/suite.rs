//! The cases on which the op on CUDA must give the bits of the scalar reference.

use std::panic::{AssertUnwindSafe, catch_unwind};

use half::f16;
use ndarray::Array3;
use prep_onnx_op::cuda::Preprocessor;
use prep_onnx_op::{Images, OutputMut};
use prep_onnx_pipeline::{Dtype, Elements, PRESETS, Pipeline, Tensor, Version};
use serde_json::{Value, json};

use crate::common::{Random, cases, filters, image, layouts, pipeline, reference};

/// What the op gives on CUDA, as bytes.
pub(crate) fn run(op: &Preprocessor, images: &Images<'_>) -> prep_onnx_pipeline::Result<Vec<u8>> {
    let length = op.output_shape(&images.shapes())?.extents.iter().product();
    let elements = match op.plan().dtype {
        Dtype::Float32 => {
            let mut values = vec![f32::NAN; length];
            op.run(images, OutputMut::Float32(&mut values))?;
            Elements::Float32(values)
        }
        Dtype::Float16 => {
            let mut values = vec![f16::NAN; length];
            op.run(images, OutputMut::Float16(&mut values))?;
            Elements::Float16(values)
        }
        Dtype::Uint8 => {
            let mut values = vec![0xa5; length];
            op.run(images, OutputMut::Uint8(&mut values))?;
            Elements::Uint8(values)
        }
    };
    let tensor = Tensor {
        shape: Vec::new(),
        elements,
    };
    Ok(tensor.to_le_bytes())
}

/// The op for a pipeline, with its layout and element type.
pub(crate) fn prepared(pipeline: &Pipeline) -> Preprocessor {
    let (layout, dtype) = pipeline.output.or_usual();
    Preprocessor::new(pipeline.plan(layout, dtype).unwrap()).unwrap()
}

/// Compares batch and ragged form with the reference; gives how many outputs were compared.
fn compare_pipeline(pipeline: &Pipeline, images: &[Array3<u8>]) -> usize {
    let op = prepared(pipeline);
    let shapes: Vec<i64> = images
        .iter()
        .flat_map(|image| image.shape().iter().map(|extent| *extent as i64))
        .collect();
    let pixels: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
    let batch_shape = [images.len() as i64, shapes[0], shapes[1], 3];
    let (pixels_shape, shapes_shape) = ([pixels.len() as i64], [images.len() as i64, 3]);
    let mut inputs = Vec::new();
    if images.iter().all(|image| image.dim() == images[0].dim()) {
        inputs.push(Images::Batch {
            shape: &batch_shape,
            image: &pixels,
        });
    }
    if op.plan().fixed_output().is_some() {
        inputs.push(Images::Ragged {
            pixels_shape: &pixels_shape,
            pixels: &pixels,
            shapes_shape: &shapes_shape,
            shapes: &shapes,
        });
    }
    let expected = reference(pipeline, images);
    for input in &inputs {
        let got = run(&op, input);
        match (&expected, got) {
            (Some(expected), Ok(got)) => {
                let differing = expected.iter().zip(&got).filter(|(a, b)| a != b).count();
                let first = expected.iter().zip(&got).position(|(a, b)| a != b);
                assert!(
                    expected.len() == got.len() && differing == 0,
                    "{differing} of {} bytes differ, the first at {first:?}: {} {shapes:?}",
                    got.len(),
                    pipeline.to_json(),
                );
            }
            (None, Err(_)) => {}
            (None, Ok(_)) => panic!("the reference refuses, the op does not: {}", pipeline.to_json()),
            (Some(_), Err(error)) => panic!("{error:?}: {} {shapes:?}", pipeline.to_json()),
        }
    }
    if expected.is_some() { inputs.len() } else { 0 }
}

fn compare(pipeline: &Value, images: &[Array3<u8>]) -> usize {
    compare_pipeline(&Pipeline::from_value(pipeline.clone()).unwrap(), images)
}

pub(crate) fn presets() {
    let mut random = Random(10);
    let mut compared = 0;
    let (mut taken, mut left) = (0, Vec::new());
    for preset in PRESETS {
        let imported = preset.import(None).unwrap();
        let (layout, dtype) = imported.pipeline.output.or_usual();
        if imported.pipeline.compile(layout, dtype).unwrap().version() != Version::V1 {
            left.push(preset.name);
            continue;
        }
        taken += 1;
        for (height, width) in [(375, 500), (640, 301), (97, 61), (900, 300)] {
            let images = [image(&mut random, height, width)];
            compared += compare_pipeline(&imported.pipeline, &images);
        }
    }
    assert!(taken >= 33, "{taken}");
    eprintln!(
        "{taken} presets, {compared} outputs compared, 0 differing bytes; of version 2, which CUDA has not: {}",
        left.join(", ")
    );
}

pub(crate) fn filters_and_sizes() {
    let mut random = Random(11);
    let sizes = [
        (1, 1),
        (1, 7),
        (5, 1),
        (3, 500),
        (500, 3),
        (37, 41),
        (120, 333),
        (333, 47),
    ];
    let targets = [(1, 1), (7, 5), (32, 32), (33, 65), (96, 48), (40, 150)];
    let mut compared = 0;
    for (resampler, filter) in filters() {
        for (height, width) in sizes {
            for (to_height, to_width) in targets {
                let pipeline = json!({"steps": [
                    {"step": "resize", "size": {"exact": [to_height, to_width]}, "filter": filter, "resampler": resampler},
                    {"step": "rescale", "divisor": 255},
                ]});
                compared += compare(&pipeline, &[image(&mut random, height, width)]);
            }
        }
    }
    eprintln!("{compared} outputs compared, 0 differing bytes");
}

pub(crate) fn layouts_types_and_orders() {
    let mut random = Random(12);
    for (layout, dtype) in layouts() {
        for order in ["rgb", "bgr"] {
            for width in [16, 17, 64, 65, 224] {
                for (height, image_width) in [(70, 90), (190, 90)] {
                    let pipeline = json!({"steps": [
                        {"step": "resize", "size": {"shortest_edge": 60}, "filter": "bicubic"},
                        {"step": "center_crop", "size": [50, width]},
                        {"step": "channel_order", "order": order},
                    ], "output": {"layout": layout.name(), "dtype": dtype.name()}});
                    let images = [(); 3].map(|()| image(&mut random, height, image_width));
                    compare(&pipeline, &images);
                }
            }
        }
    }
}

pub(crate) fn padding() {
    let mut random = Random(13);
    for offset in ["torchvision", "huggingface", "huggingface_pil"] {
        for (height, width) in [(1, 1), (20, 61), (61, 20), (20, 300)] {
            for size in [[41, 40], [200, 200]] {
                let pipeline = json!({"steps": [
                    {"step": "center_crop", "size": size, "offset": offset},
                    {"step": "normalize", "mean": 10, "std": 3},
                ]});
                compare(&pipeline, &[image(&mut random, height, width)]);
            }
        }
    }
}

pub(crate) fn mixed_sizes() {
    let mut random = Random(14);
    let pipeline = json!({"steps": [
        {"step": "resize", "size": {"shortest_edge": 40}, "filter": "bilinear"},
        {"step": "center_crop", "size": [32, 32]},
        {"step": "rescale", "divisor": 255},
    ]});
    // More images than one launch takes, of both pass orders.
    let images: Vec<_> = (0..250)
        .map(|index| {
            let (height, width) = if index % 7 == 0 {
                (500, 41)
            } else {
                (random.size(90), random.size(90))
            };
            image(&mut random, height, width)
        })
        .collect();
    assert_eq!(compare(&pipeline, &images), 1);
}

pub(crate) fn extreme_scales() {
    let mut random = Random(15);
    for (filter, height, width) in [
        ("bilinear", 30, 9000),
        ("lanczos", 9000, 30),
        ("bicubic", 3000, 2500),
        ("box", 2100, 4100),
        ("bicubic", 6000, 900),
    ] {
        for (to_height, to_width) in [(1, 1), (2, 3), (24, 20), (10, 400)] {
            let pipeline = json!({"steps": [
                {"step": "resize", "size": {"exact": [to_height, to_width]}, "filter": filter},
                {"step": "rescale", "divisor": 255},
            ]});
            compare(&pipeline, &[image(&mut random, height, width)]);
        }
    }
}

/// Enough images for tiles of 16 and of 32 rows.
pub(crate) fn large_batches() {
    let mut random = Random(16);
    for count in [30, 90] {
        for (height, width) in [(50, 60), (120, 40)] {
            let pipeline = json!({"steps": [
                {"step": "resize", "size": {"exact": [70, 140]}, "filter": "bilinear"},
                {"step": "rescale", "divisor": 255},
            ]});
            let images: Vec<_> = (0..count).map(|_| image(&mut random, height, width)).collect();
            assert_eq!(compare(&pipeline, &images), 2);
        }
    }
}

pub(crate) fn random_cases() {
    let count = cases(2000);
    let (mut compared, mut failed) = (0, Vec::new());
    for seed in 0..count as u64 {
        let mut random = Random(1_000_000 + seed);
        let mixed = random.chance(40);
        let pipeline = pipeline(&mut random, mixed, 160);
        let number = 1 + random.below(4);
        let most = if random.chance(10) { 700 } else { 200 };
        let (height, width) = (random.size(most), random.size(most));
        let images: Vec<_> = (0..number)
            .map(|_| {
                let size = if mixed {
                    (random.size(most), random.size(most))
                } else {
                    (height, width)
                };
                image(&mut random, size.0, size.1)
            })
            .collect();
        match catch_unwind(AssertUnwindSafe(|| compare(&pipeline, &images))) {
            Ok(outputs) => compared += outputs,
            Err(_) => failed.push(seed),
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {count} cases differ: seeds {failed:?}",
        failed.len()
    );
    eprintln!("{count} random cases, {compared} outputs compared, 0 differing bytes");
}
