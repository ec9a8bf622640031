//! Images that lie apart give what the same images give one after another.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

use std::num::NonZero;

use prep_onnx_op::{Images, ListedImage, OutputMut, Preprocessor, Sequential, StagedPreprocessor, Threads};
use prep_onnx_pipeline::{Dtype, Layout, Plan, preset};

const SIZES: [(usize, usize); 4] = [(40, 30), (7, 90), (64, 64), (1, 1)];

fn plan(name: &str) -> Plan {
    let pipeline = preset(name).unwrap().import(None).unwrap().pipeline;
    pipeline.compile(Layout::Nchw, Dtype::Float32).unwrap()
}

fn image(index: usize) -> Vec<u8> {
    let (height, width) = SIZES[index];
    (0..height * width * 3)
        .map(|at| (at * 7 + index * 31) as u8)
        .collect()
}

fn listed(images: &[Vec<u8>]) -> Vec<ListedImage<'_>> {
    let image = |(pixels, (height, width)): (&'_ Vec<u8>, &(usize, usize))| {
        ([*height as i64, *width as i64, 3], pixels.len())
    };
    let shapes: Vec<_> = images.iter().zip(&SIZES).map(image).collect();
    images
        .iter()
        .zip(shapes)
        .map(|(pixels, (shape, _))| ListedImage { shape, pixels })
        .collect()
}

#[test]
fn a_list_is_its_images_one_after_another() {
    let images: Vec<_> = (0..SIZES.len()).map(image).collect();
    let list = listed(&images);
    let joined = images.concat();
    let shapes: Vec<i64> = list.iter().flat_map(|image| image.shape).collect();
    let ragged = Images::Ragged {
        pixels_shape: &[joined.len() as i64],
        pixels: &joined,
        shapes_shape: &[SIZES.len() as i64, 3],
        shapes: &shapes,
    };
    let apart = Images::List(&list);
    let threads = Threads(NonZero::new(3).unwrap());
    for name in ["clip", "rt-detr", "timm-0.95"] {
        let plan = plan(name);
        let staged = StagedPreprocessor::new(plan.clone()).unwrap();
        let run = |images: &Images<'_>| {
            let call = staged.call(images).unwrap();
            let mut output = vec![f32::NAN; call.shape().tensor.iter().product()];
            staged
                .run(images, &call, OutputMut::Float32(&mut output), &mut [], &threads)
                .unwrap();
            output
        };
        let expected = run(&ragged);
        assert!(expected.iter().all(|value| value.is_finite()));
        assert_eq!(run(&apart), expected, "{name}, staged");
        let one = Preprocessor::new(plan.to_v1().unwrap()).unwrap();
        for executor in [&threads as &dyn prep_onnx_op::Executor, &Sequential] {
            let shape = one.output_shape(&apart).unwrap();
            let mut output = vec![f32::NAN; shape.extents.iter().product()];
            one.run(&apart, OutputMut::Float32(&mut output), executor)
                .unwrap();
            assert_eq!(output, expected, "{name}");
        }
    }
}

#[test]
fn one_size_may_decide_the_output_and_several_may_not() {
    let text = r#"{"steps": [{"step": "resize", "size": {"shortest_edge": 16}, "filter": "bilinear", "resampler": "pillow"}]}"#;
    let pipeline = prep_onnx_pipeline::Pipeline::parse(text, prep_onnx_pipeline::Notation::Json).unwrap();
    let one = Preprocessor::new(pipeline.plan(Layout::Nchw, Dtype::Uint8).unwrap()).unwrap();
    let staged = StagedPreprocessor::new(pipeline.compile(Layout::Nchw, Dtype::Uint8).unwrap()).unwrap();
    let images = [image(0), image(1)];
    let list = listed(&images);
    let same = [list[0], list[0]];
    let extents = one.output_shape(&Images::List(&same)).unwrap().extents;
    assert_eq!(extents, [2, 3, 21, 16]);
    assert_eq!(staged.call(&Images::List(&same)).unwrap().shape().tensor, extents);
    for images in [&list[..], &[]] {
        let images = Images::List(images);
        let error = one.output_shape(&images).unwrap_err().to_string();
        assert!(error.contains("depends on the image"), "{error}");
        assert!(staged.call(&images).is_err());
    }
}

#[test]
fn what_is_no_image_is_named() {
    let one = Preprocessor::new(plan("clip").to_v1().unwrap()).unwrap();
    let staged = StagedPreprocessor::new(plan("clip")).unwrap();
    let good = image(2);
    for shape in [
        [64, 64, 4],
        [64, 0, 3],
        [-1, 64, 3],
        [63, 64, 3],
        [i64::MAX, 2, 3],
    ] {
        let list = [
            ListedImage {
                shape: [64, 64, 3],
                pixels: &good,
            },
            ListedImage { shape, pixels: &good },
        ];
        let images = Images::List(&list);
        for error in [one.output_shape(&images).err(), staged.call(&images).err()] {
            let error = error.expect("refused").to_string();
            assert!(error.starts_with("images[1]: "), "{shape:?}: {error}");
        }
    }
}
