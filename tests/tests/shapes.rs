//! Batches of no images, and shapes that are none: the portable body and the fused op say the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::{Array1, Array2, Array4};
use prep_onnx::host::{Array, Feed, Session};
use prep_onnx_pipeline::steps::{CenterCrop, Rescale, Resize, Step};
use prep_onnx_pipeline::{
    Accept, CropRule, Dtype, Filter, Layout, Output, Pipeline, Precision, Resampler, SizeRule, Windows,
};
use prep_onnx_rewriter::portable::Portable;
use prep_onnx_rewriter::{EmbedOptions, Lowering};
use prep_onnx_tests::embedded::{Embedded, embedded};
use prep_onnx_tests::runtime;

fn pipeline(steps: impl IntoIterator<Item = Step>) -> Pipeline {
    let rescale = Step::Rescale(Rescale {
        factor: None,
        divisor: Some(255.0),
        offset: None,
        precision: Precision::Float32,
    });
    Pipeline {
        description: None,
        steps: steps.into_iter().chain([rescale]).collect(),
        output: Output::default(),
        ..Pipeline::default()
    }
}

fn resize(size: SizeRule, filter: Filter, resampler: Resampler) -> Step {
    Step::Resize(Resize::new(size, filter, resampler))
}

fn crop(height: usize, width: usize) -> Step {
    Step::CenterCrop(CenterCrop {
        size: [height, width],
        offset: CropRule::Torchvision,
    })
}

const SHORTEST: SizeRule = SizeRule::ShortestEdge { size: 40, max: None };
const EXACT: SizeRule = SizeRule::Exact {
    height: 24,
    width: 37,
};

/// Pipelines that reach every part of the body.
fn pipelines() -> Vec<Pipeline> {
    let mut all = vec![
        pipeline([]),
        pipeline([crop(8, 9)]),
        pipeline([crop(300, 200)]),
        pipeline([resize(
            SizeRule::Cover {
                height: 20,
                width: 30,
            },
            Filter::Bilinear,
            Resampler::Pillow,
        )]),
        pipeline([resize(
            SizeRule::LongestEdge { size: 50 },
            Filter::Bilinear,
            Resampler::Pillow,
        )]),
    ];
    for resampler in Windows::ALL.iter().map(|windows| Resampler::from(*windows)) {
        for filter in [Filter::Bicubic, Filter::Nearest] {
            for size in [SHORTEST, EXACT] {
                let resize = || resize(size, filter, resampler);
                all.push(pipeline([resize()]));
                all.push(pipeline([resize(), crop(32, 31)]));
                all.push(pipeline([resize(), crop(50, 20)]));
            }
        }
    }
    all
}

fn run(session: &mut Session, images: &Array4<u8>) -> Result<Array, String> {
    let outputs = session.run(&[("image", Feed::Images(images.view()))], &[0]);
    outputs
        .map(|mut outputs| outputs.remove(0))
        .map_err(|error| error.to_string())
}

#[test]
fn no_images_give_an_empty_tensor() {
    let Some(loaded) = runtime() else { return };
    let forms = [
        (Layout::Nchw, Dtype::Float32, 11),
        (Layout::Nchw, Dtype::Float32, 13),
        (Layout::Nchw, Dtype::Float32, 21),
        (Layout::Nchw, Dtype::Float16, 13),
        (Layout::Nhwc, Dtype::Float32, 18),
    ];
    for (number, pipeline) in pipelines().iter().enumerate() {
        let form = forms[number % forms.len()];
        for lowering in [Lowering::OneFile, Lowering::Standard] {
            let options = EmbedOptions {
                lowering,
                ..EmbedOptions::default()
            };
            let Embedded {
                mut portable,
                mut fused,
                ..
            } = embedded(loaded, pipeline, form, &options);
            for (height, width) in [(60, 80), (80, 60), (1, 30), (0, 0), (0, 7), (5, 0)] {
                let images = Array4::zeros((0, height, width, 3));
                // The shape that one image gives; where it has no pixels, that of one pixel more.
                let resizes = matches!(pipeline.steps.first(), Some(Step::Resize(_)));
                let crops = pipeline
                    .steps
                    .iter()
                    .any(|step| matches!(step, Step::CenterCrop(_)));
                let least = if resizes || crops { 1 } else { 0 };
                let expected = if height.min(width) == 0 && !resizes && !crops {
                    match form.0 {
                        Layout::Nchw => vec![0, 3, height, width],
                        Layout::Nhwc => vec![0, height, width, 3],
                    }
                } else {
                    let one = Array4::zeros((1, height.max(least), width.max(least), 3));
                    let mut shape = run(&mut portable, &one).unwrap().shape().to_vec();
                    shape[0] = 0;
                    shape
                };
                for session in [&mut portable, &mut fused] {
                    let output = run(session, &images).unwrap();
                    assert_eq!(output.shape(), expected, "{pipeline:?} of {height} x {width}");
                }
            }
        }
    }
}

#[test]
fn images_without_pixels_are_refused() {
    let Some(loaded) = runtime() else { return };
    for pipeline in &pipelines() {
        let form = (Layout::Nchw, Dtype::Float32, 18);
        let mut embedded = embedded(loaded, pipeline, form, &EmbedOptions::default());
        for (height, width) in [(0, 0), (0, 7), (5, 0)] {
            let images = Array4::zeros((2, height, width, 3));
            for session in [&mut embedded.portable, &mut embedded.fused] {
                let refusal = run(session, &images).unwrap_err();
                assert!(
                    refusal.contains("each_image_has_pixels") || refusal.contains("has no pixels"),
                    "{refusal}"
                );
            }
        }
    }
}

#[test]
fn the_fast_body_takes_no_images_too() {
    let Some(loaded) = runtime() else { return };
    let options = EmbedOptions {
        portable: Portable::Fast,
        ..EmbedOptions::default()
    };
    for steps in [
        vec![
            resize(SHORTEST, Filter::Bilinear, Resampler::Pillow),
            crop(32, 31),
        ],
        vec![resize(EXACT, Filter::Bicubic, Resampler::Torchvision)],
    ] {
        let form = (Layout::Nchw, Dtype::Float32, 18);
        let mut embedded = embedded(loaded, &pipeline(steps), form, &options);
        let images = Array4::zeros((0, 50, 60, 3));
        let expected = run(&mut embedded.fused, &images).unwrap();
        assert_eq!(
            run(&mut embedded.portable, &images).unwrap().shape(),
            expected.shape()
        );
    }
}

fn ragged(session: &mut Session, total: usize, shapes: &[[i64; 3]]) -> Result<Array, String> {
    let pixels = Array::Uint8(Array1::from_elem(total, 100).into_dyn());
    let shapes = Array2::from_shape_vec((shapes.len(), 3), shapes.concat()).unwrap();
    let shapes = Array::Int64(shapes.into_dyn());
    let feeds = [("pixels", Feed::Array(&pixels)), ("shapes", Feed::Array(&shapes))];
    let outputs = session.run(&feeds, &[0]);
    outputs
        .map(|mut outputs| outputs.remove(0))
        .map_err(|error| error.to_string())
}

#[test]
fn ragged_shapes_are_those_of_the_pixels() {
    let Some(loaded) = runtime() else { return };
    let big = 1_i64 << 32;
    // How many pixels there are, and the shapes of which one is wrong or all together are.
    let refused: [(usize, &[[i64; 3]]); 19] = [
        (1, &[]),
        (27, &[]),
        (28, &[[3, 3, 3]]),
        (54, &[[3, 3, 3]]),
        (26, &[[3, 3, 3]]),
        (0, &[[3, 3, 3]]),
        (0, &[[0, 3, 3]]),
        (0, &[[3, 0, 3]]),
        (27, &[[3, 3, 3], [0, 0, 3]]),
        (27, &[[-3, -3, 3]]),
        (27, &[[-1, 3, 3]]),
        (27, &[[3, -1, 3]]),
        (54, &[[3, 3, 3], [3, -3, 3], [3, 6, 3]]),
        (9, &[[3, 3, 1]]),
        (36, &[[3, 3, 4]]),
        (27, &[[3, -3, -3]]),
        (27, &[[1, 3, 9]]),
        (0, &[[big, big, 3]]),
        (3, &[[i64::MAX, i64::MAX, 3]]),
    ];
    for steps in [
        vec![crop(8, 9)],
        vec![resize(SHORTEST, Filter::Bicubic, Resampler::Pillow), crop(32, 31)],
        vec![resize(EXACT, Filter::Bilinear, Resampler::Torchvision)],
        vec![resize(EXACT, Filter::Nearest, Resampler::Pillow)],
    ] {
        for opset in [11, 13, 21] {
            let options = EmbedOptions {
                accept: Accept::Ragged,
                ..EmbedOptions::default()
            };
            let form = (Layout::Nchw, Dtype::Float32, opset);
            let mut embedded = embedded(loaded, &pipeline(steps.clone()), form, &options);
            let expected = ragged(&mut embedded.fused, 0, &[]).unwrap();
            let mut tensor = expected.shape().to_vec();
            assert_eq!(tensor[0], 0);
            for session in [&mut embedded.portable, &mut embedded.fused] {
                assert_eq!(ragged(session, 0, &[]).unwrap().shape(), expected.shape());
                for (total, shapes) in refused {
                    let refusal = ragged(session, total, shapes).err();
                    let refusal = refusal.unwrap_or_else(|| format!("{shapes:?} taken for {total} pixels"));
                    let named = ["shapes_are_of_rgb_images_and_fill_pixels", "pixels", "shapes["];
                    assert!(
                        named.iter().any(|name| refusal.contains(name)) && !refusal.contains("taken"),
                        "{refusal}"
                    );
                }
                tensor[0] = 2;
                let taken = ragged(session, 27 + 60, &[[3, 3, 3], [4, 5, 3]]).unwrap();
                assert_eq!(taken.shape(), tensor);
            }
        }
    }
}
