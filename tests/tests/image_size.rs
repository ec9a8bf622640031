//! Bodies for images of a known size: the bits of the scalar reference, few nodes, no float64.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use ndarray::Array3;
use onnx_protobuf::tensor_proto::DataType;
use prep_onnx::host::{Array, Feed, Session, SessionOptions};
use prep_onnx_pipeline::{Accept, Dtype, Layout, PRESETS, Pipeline, Version};
use prep_onnx_rewriter::portable::{Form, Portable, Values, lower};
use prep_onnx_rewriter::{EmbedOptions, Lowering};
use prep_onnx_tests::random::{cases, pictures, pipelines};
use prep_onnx_tests::{embed_to, identity_model, runtime};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

/// Most nodes of a body, constants not counted: those are tensors, not work. OpenCV's integers are more operations than
/// Pillow's, and canvases and further stages come on top.
const fn most_nodes(version: Version) -> usize {
    match version {
        Version::V1 => 40,
        Version::V2 => 60,
    }
}

fn bytes(array: &Array) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_le(&mut bytes).unwrap();
    bytes
}

fn size(image: &Array3<u8>) -> (usize, usize) {
    (image.dim().0, image.dim().1)
}

/// How many nodes do work; fails on what a body for a known size must not have.
fn work(pipeline: &Pipeline, layout: Layout, dtype: Dtype, size: (usize, usize), values: Values) -> usize {
    let form = Form {
        portable: Portable::Exact,
        accept: Accept::Batch,
        opset: 17,
        image_size: Some(size),
        values,
    };
    let plan = pipeline.compile(layout, dtype).unwrap();
    let nodes = lower(&plan, form, "", &["image".to_owned()], &["tensor".to_owned()]).unwrap();
    for node in &nodes {
        assert!(
            !["If", "Loop", "Shape", "Range"].contains(&node.op_type.as_str()),
            "{node:?}"
        );
        for attribute in &node.attribute {
            assert_ne!(attribute.t.data_type, DataType::DOUBLE as i32, "{node:?}");
            assert!(
                node.op_type != "Cast" || attribute.i != DataType::DOUBLE as i64,
                "{node:?}"
            );
        }
    }
    nodes.iter().filter(|node| node.op_type != "Constant").count()
}

#[test]
fn every_preset_has_few_nodes_and_no_float64() {
    for preset in PRESETS {
        let pipeline = prep_onnx_pipeline::preset(preset.name)
            .unwrap()
            .import(None)
            .unwrap()
            .pipeline;
        for (layout, dtype) in [(Layout::Nchw, Dtype::Float32), (Layout::Nhwc, Dtype::Float16)] {
            for size in [(480, 640), (1080, 1920), (3000, 4000), (3000, 800), (1, 1)] {
                for values in [Values::Arithmetic, Values::Table] {
                    let nodes = work(&pipeline, layout, dtype, size, values);
                    let version = pipeline.compile(layout, dtype).unwrap().version();
                    assert!(
                        nodes <= most_nodes(version),
                        "{} {size:?}: {nodes} nodes",
                        preset.name
                    );
                }
            }
        }
    }
}

#[test]
fn random_pipelines_and_images() {
    let Some(loaded) = runtime() else { return };
    let forms = select(vec![
        (Layout::Nchw, Dtype::Float32, 11),
        (Layout::Nchw, Dtype::Float32, 17),
        (Layout::Nchw, Dtype::Float32, 21),
        (Layout::Nchw, Dtype::Float16, 13),
        (Layout::Nhwc, Dtype::Float32, 18),
    ]);
    let mut runner = TestRunner::new(Config {
        cases: cases(128),
        ..Config::default()
    });
    runner
        .run(
            &(pipelines(), pictures(), forms, any::<bool>()),
            |(pipeline, image, (layout, dtype, opset), flat)| {
                let Ok(expected) = pipeline.reference(image.view(), layout, dtype) else {
                    return Ok(());
                };
                work(&pipeline, layout, dtype, size(&image), Values::Table);
                let options = EmbedOptions {
                    lowering: if flat {
                        Lowering::Standard
                    } else {
                        Lowering::OneFile
                    },
                    image_size: Some(size(&image)),
                    ..EmbedOptions::default()
                };
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("embedded.onnx");
                embed_to(&identity_model(opset, layout, dtype), &pipeline, &options, &path);
                let images = ndarray::stack(ndarray::Axis(0), &[image.view(), image.view()]).unwrap();
                let none = images.slice(ndarray::s![..0, .., .., ..]);
                let twice = expected.to_le_bytes().repeat(2);
                for fused in [false, true] {
                    let options = SessionOptions {
                        threads: 1,
                        fused,
                        ..SessionOptions::default()
                    };
                    let mut session = Session::open(loaded, &path, options).unwrap();
                    let outputs = session
                        .run(&[("image", Feed::Images(images.view()))], &[0])
                        .unwrap();
                    prop_assert!(
                        bytes(&outputs[0]) == twice,
                        "fused {fused}: {pipeline:?} differs for {:?}",
                        image.shape()
                    );
                    let outputs = session.run(&[("image", Feed::Images(none))], &[0]).unwrap();
                    prop_assert_eq!(
                        outputs[0].shape()[0],
                        0,
                        "no images: fused {}: {:?}",
                        fused,
                        pipeline
                    );
                    prop_assert_eq!(&outputs[0].shape()[1..], &expected.shape[1..]);
                }
                Ok(())
            },
        )
        .unwrap();
}
