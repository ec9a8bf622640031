//! The portable body and the fused op, in ONNX Runtime, give the bits of the scalar reference.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use ndarray::{Array3, Array4, Axis, s};
use prep_onnx::host::{Array, Feed};
use prep_onnx_pipeline::steps::{Resize, Step};
use prep_onnx_pipeline::{
    Accept, AxisWeights, Dtype, Filter, Layout, Output, Pipeline, Resampler, SizeRule, Windows,
};
use prep_onnx_rewriter::{EmbedOptions, Lowering};
use prep_onnx_tests::embedded::{bytes, embedded};
use prep_onnx_tests::random::{cases, pictures, pipelines};
use prep_onnx_tests::runtime;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

/// Element type, axis order and opsets for which an identity model is shipped.
const FORMS: [(Layout, Dtype, &[i64]); 3] = [
    (Layout::Nchw, Dtype::Float32, &[11, 13, 17, 18, 21]),
    (Layout::Nchw, Dtype::Float16, &[13, 18]),
    (Layout::Nhwc, Dtype::Float32, &[13, 18]),
];

/// An image, its mirror images, and their expected tensors one after another; none if the pipeline refuses it.
fn batch(pipeline: &Pipeline, image: &Array3<u8>, form: (Layout, Dtype)) -> Option<(Array4<u8>, Vec<u8>)> {
    let views = [
        image.view(),
        image.slice(s![..;-1, .., ..]),
        image.slice(s![.., ..;-1, ..]),
    ];
    let mut expected = Vec::new();
    for view in views {
        expected.extend(pipeline.reference(view, form.0, form.1).ok()?.to_le_bytes());
    }
    Some((ndarray::stack(Axis(0), &views).unwrap(), expected))
}

#[test]
fn batches_of_random_pipelines_and_images() {
    let Some(loaded) = runtime() else { return };
    let forms = select(FORMS.to_vec())
        .prop_flat_map(|(layout, dtype, opsets)| (Just(layout), Just(dtype), select(opsets.to_vec())));
    let strategy = (pipelines(), vec(pictures(), 1..4), forms, any::<bool>());
    let mut runner = TestRunner::new(Config {
        cases: cases(96),
        ..Config::default()
    });
    runner
        .run(&strategy, |(pipeline, images, form, flat)| {
            let lowering = if flat {
                Lowering::Standard
            } else {
                Lowering::OneFile
            };
            let options = EmbedOptions {
                lowering,
                ..EmbedOptions::default()
            };
            let mut embedded = embedded(loaded, &pipeline, form, &options);
            for image in images {
                let Some((images, expected)) = batch(&pipeline, &image, (form.0, form.1)) else {
                    continue;
                };
                let feeds = [("image", Feed::Images(images.view()))];
                // Flat standard ops hold no node for the fused op to take.
                if !flat {
                    let fused = embedded.fused.run(&feeds, &[0]).unwrap();
                    prop_assert!(
                        bytes(&fused[0]) == expected,
                        "fused: {:?} differs for {:?}",
                        pipeline,
                        image.shape()
                    );
                }
                let outputs = embedded.portable.run(&feeds, &[0]).unwrap();
                prop_assert!(
                    bytes(&outputs[0]) == expected,
                    "{:?} differs for {:?}",
                    pipeline,
                    image.shape()
                );
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn mixed_sizes_of_random_pipelines() {
    let Some(loaded) = runtime() else { return };
    let fixed = |pipeline: &Pipeline| {
        pipeline
            .plan(Layout::Nchw, Dtype::Float32)
            .is_ok_and(|plan| plan.fixed_output().is_some())
    };
    let strategy = (
        pipelines().prop_filter("an output of one size", fixed),
        vec(pictures(), 0..5),
        select(vec![11, 13, 17, 18, 21]),
    );
    let mut runner = TestRunner::new(Config {
        cases: cases(32),
        ..Config::default()
    });
    runner
        .run(&strategy, |(pipeline, images, opset)| {
            let form = (Layout::Nchw, Dtype::Float32);
            let options = EmbedOptions {
                accept: Accept::Ragged,
                ..EmbedOptions::default()
            };
            let mut embedded = embedded(loaded, &pipeline, (form.0, form.1, opset), &options);
            let tensors: Vec<_> = images
                .iter()
                .map(|image| pipeline.reference(image.view(), form.0, form.1))
                .collect();
            if tensors.iter().any(Result::is_err) {
                return Ok(());
            }
            let expected: Vec<u8> = tensors
                .iter()
                .flatten()
                .flat_map(|tensor| tensor.to_le_bytes())
                .collect();
            let pixels: Vec<u8> = images.iter().flat_map(|image| image.iter().copied()).collect();
            let shapes: Vec<i64> = images
                .iter()
                .flat_map(|image| image.shape().iter().map(|extent| *extent as i64))
                .collect();
            let pixels = Array::Uint8(ndarray::Array1::from(pixels).into_dyn());
            let shapes = ndarray::Array2::from_shape_vec((images.len(), 3), shapes).unwrap();
            let shapes = Array::Int64(shapes.into_dyn());
            let feeds = [("pixels", Feed::Array(&pixels)), ("shapes", Feed::Array(&shapes))];
            let fused = embedded.fused.run(&feeds, &[0]).unwrap();
            prop_assert!(bytes(&fused[0]) == expected, "fused: {:?} differs", pipeline);
            let outputs = embedded.portable.run(&feeds, &[0]).unwrap();
            prop_assert!(bytes(&outputs[0]) == expected, "{:?} differs", pipeline);
            Ok(())
        })
        .unwrap();
}

#[test]
fn lines_shrunk_to_a_few_pixels() {
    let Some(loaded) = runtime() else { return };
    let form = (Layout::Nchw, Dtype::Float32);
    let samplings = Windows::ALL
        .iter()
        .flat_map(|windows| Filter::ALL.iter().map(move |filter| (*windows, *filter)));
    for (windows, filter) in samplings {
        let resampler = Resampler::from(windows);
        if resampler.check_filter(filter).is_err() {
            continue;
        }
        for tall in [false, true] {
            let turned = |(long, short)| if tall { (long, short) } else { (short, long) };
            let (height, width) = turned((1, 9));
            let resize = Resize {
                size: SizeRule::Exact { height, width },
                filter,
                resampler,
                antialias: true,
            };
            let pipeline = Pipeline {
                description: None,
                steps: vec![Step::Resize(resize)],
                output: Output::default(),
                ..Pipeline::default()
            };
            let opset = if tall { 11 } else { 21 };
            let mut embedded = embedded(
                loaded,
                &pipeline,
                (form.0, form.1, opset),
                &EmbedOptions::default(),
            );
            for long in [1_000, 30_000] {
                let (height, width) = turned((long, 4));
                let steep = [1, 0].map(|below| steep(windows, filter, long, below));
                let image =
                    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| match channel {
                        0 => 255 - (row * 89 + column * 57) as u8 / 8,
                        _ => steep[channel - 1][if tall { row } else { column }],
                    });
                let (images, expected) = batch(&pipeline, &image, form).unwrap();
                let feeds = [("image", Feed::Images(images.view()))];
                for session in [&mut embedded.portable, &mut embedded.fused] {
                    let outputs = session.run(&feeds, &[0]).unwrap();
                    assert!(
                        bytes(&outputs[0]) == expected,
                        "{resampler} {filter} {height}x{width}"
                    );
                }
            }
        }
    }
}

/// Of the only output, the sum of the products with what exceeds multiples of 128 in the weights is as large as it gets, and
/// the whole sum is, as near as the weights allow, `below` less than a half, so that it rounds down, or up for 0.
fn steep(windows: Windows, filter: Filter, length: usize, below: i64) -> Vec<u8> {
    let axis = AxisWeights::new(windows, filter, length, 1);
    let (first, weights) = axis.window(0);
    let mut line = vec![0; length];
    let window = &mut line[first..][..weights.len()];
    for (pixel, weight) in window.iter_mut().zip(weights) {
        *pixel = if (weight + 64).rem_euclid(128) > 64 {
            255
        } else {
            0
        };
    }
    let sum = |window: &[u8]| -> i64 {
        let products = window.iter().zip(weights);
        products
            .map(|(pixel, weight)| i64::from(*pixel) * i64::from(*weight))
            .sum()
    };
    let one = 1_i64 << axis.precision();
    let now = sum(window);
    let mut missing = now.div_euclid(one) * one + one / 2 - below - now;
    let mut order: Vec<usize> = (0..weights.len()).filter(|at| weights[*at] != 0).collect();
    order.sort_by_key(|at| std::cmp::Reverse(weights[*at].abs()));
    for at in order {
        let (pixel, weight) = (i64::from(window[at]), i64::from(weights[at]));
        let changed = (pixel + missing / weight).clamp(0, 255);
        missing -= (changed - pixel) * weight;
        window[at] = changed as u8;
    }
    line
}
