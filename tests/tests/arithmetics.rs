//! Arithmetics that random plans do not draw, in standard ops: OpenCV's area and cubic, and torch's floats, in every bit of the
//! scalar reference.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use half::f16;
use ndarray::ArrayView3;
use prep_onnx_pipeline::steps::{CenterCrop, Rescale, Resize, Step};
use prep_onnx_pipeline::{
    Accept, CropRule, Dtype, Elements, Filter, Layout, Pipeline, Precision, Resampler, SizeRule,
    SourceFormat, random,
};
use prep_onnx_tests::planned::{Planned, mirrored};
use prep_onnx_tests::random::cases;
use prep_onnx_tests::runtime;

fn pipeline(seed: u64, resampler: Resampler, filter: Filter, antialias: bool, floats: bool) -> Pipeline {
    let mut random = random::Random::new(seed);
    let mut edge = || random.range(1, 180);
    let size = SizeRule::Exact {
        height: edge(),
        width: edge(),
    };
    let resize = Step::Resize(Resize {
        size,
        filter,
        resampler,
        antialias,
    });
    let crop = Step::CenterCrop(CenterCrop {
        size: [edge(), edge()],
        offset: CropRule::Torchvision,
    });
    let steps = match (floats, seed % 3) {
        (true, _) => vec![divided(), resize],
        (false, 0) => vec![resize],
        (false, 1) => vec![resize, crop],
        (false, _) => vec![crop, resize],
    };
    Pipeline {
        steps,
        ..Pipeline::default()
    }
}

/// The values of a tensor.
fn numbers(elements: &Elements) -> Vec<f64> {
    match elements {
        Elements::Float32(values) => values.iter().map(|value| f64::from(*value)).collect(),
        Elements::Float16(values) => values
            .iter()
            .map(|value: &f16| f64::from(value.to_f32()))
            .collect(),
        Elements::Uint8(values) => values.iter().map(|value| f64::from(*value)).collect(),
    }
}

/// Shrinks lines so much that a sum is of several chains of products.
fn shrinking(filter: Filter) -> Pipeline {
    let size = SizeRule::Exact { height: 3, width: 8 };
    let resize = Resize {
        size,
        filter,
        resampler: Resampler::Torch,
        antialias: true,
    };
    Pipeline {
        steps: vec![divided(), Step::Resize(resize)],
        ..Pipeline::default()
    }
}

fn divided() -> Step {
    Step::Rescale(Rescale {
        factor: None,
        divisor: Some(255.0),
        offset: None,
        precision: Precision::Float32,
    })
}

#[test]
fn long_sums_of_torch_are_the_reference() {
    let Some(loaded) = runtime() else { return };
    for (filter, width) in [(Filter::Bilinear, 1400), (Filter::Bicubic, 700)] {
        let pipeline = shrinking(filter);
        let plan = pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap();
        let planned = Planned::new(&pipeline, &plan, 17, true);
        let image = ndarray::Array3::from_shape_fn((5, width, 3), |(row, column, channel)| {
            (row * 31 + column * column + 97 * channel) as u8
        });
        let expected = planned.plan.reference(&[image.view()]).unwrap();
        for image_size in [None, Some((5, width))] {
            for (backend, mut session) in planned.backends(loaded, Accept::Batch, image_size) {
                let outputs = planned.run_batch(&mut session, &[image.view()]).unwrap();
                let prep_onnx::host::Array::Float32(values) = &outputs[0] else {
                    panic!("{:?}", outputs[0]);
                };
                let values: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
                assert_eq!(
                    values,
                    numbers(&expected.tensors[0].elements),
                    "{filter} {backend}"
                );
            }
        }
    }
}

/// The largest distance from the reference over so many pipelines and images, and how many values differ.
fn farthest(resampler: Resampler, filter: Filter, antialias: bool, floats: bool) -> Option<(f64, usize)> {
    let loaded = runtime()?;
    let (mut farthest, mut differing) = (0.0, 0);
    for seed in 0..u64::from(cases(24)) {
        let pipeline = pipeline(seed, resampler, filter, antialias, floats);
        let dtype = if floats { Dtype::Float32 } else { Dtype::Uint8 };
        let plan = pipeline.compile(Layout::Nchw, dtype).unwrap();
        let planned = Planned::new(&pipeline, &plan, [11, 17, 22][seed as usize % 3], true);
        let image = random::image(seed, SourceFormat::Rgb);
        let images = mirrored(&image);
        let size = (image.dim().0, image.dim().1);
        let answers = planned.plan.reference(&images).unwrap();
        let expected: Vec<f64> = answers
            .tensors
            .iter()
            .flat_map(|tensor| numbers(&tensor.elements))
            .collect();
        let views: Vec<ArrayView3<'_, u8>> = images.to_vec();
        for (accept, image_size) in [
            (Accept::Batch, None),
            (Accept::Batch, Some(size)),
            (Accept::Ragged, None),
        ] {
            for (backend, mut session) in planned.backends(loaded, accept, image_size) {
                if backend == "fused" {
                    continue;
                }
                let outputs = match accept {
                    Accept::Batch => planned.run_batch(&mut session, &views),
                    Accept::Ragged | Accept::Encoded => planned.run_ragged(&mut session, &views),
                };
                let outputs = outputs.unwrap();
                let got: Vec<f64> = match &outputs[0] {
                    prep_onnx::host::Array::Float32(values) => {
                        values.iter().map(|value| f64::from(*value)).collect()
                    }
                    prep_onnx::host::Array::Uint8(values) => {
                        values.iter().map(|value| f64::from(*value)).collect()
                    }
                    other => panic!("{other:?}"),
                };
                assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(&expected) {
                    if got.to_bits() != expected.to_bits() {
                        differing += 1;
                        farthest = f64::max(farthest, (got - expected).abs());
                    }
                }
            }
        }
    }
    eprintln!(
        "{resampler} {filter} antialias {antialias} floats {floats}: {differing} differ, {farthest} at most"
    );
    Some((farthest, differing))
}

#[test]
fn opencv_area_and_cubic_are_the_reference() {
    for filter in [Filter::Area, Filter::Bicubic, Filter::Bilinear, Filter::Nearest] {
        if let Some((_, differing)) = farthest(Resampler::Opencv, filter, false, false) {
            assert_eq!(differing, 0, "{filter}");
        }
    }
}

#[test]
fn torch_is_the_reference() {
    for filter in [Filter::Bilinear, Filter::Bicubic] {
        for antialias in [false, true] {
            for floats in [false, true] {
                if let Some((_, differing)) = farthest(Resampler::Torch, filter, antialias, floats) {
                    assert_eq!(differing, 0, "{filter} {antialias} {floats}");
                }
            }
        }
    }
}
