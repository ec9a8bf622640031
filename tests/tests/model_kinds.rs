//! Models whose own nodes, opset or attributes decide what must run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use ndarray::{Array3, Axis};
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{AttributeProto, Message, ModelProto, NodeProto};
use prep_onnx::host::{Array, Feed, Session, SessionOptions};
use prep_onnx_pipeline::steps::{ChannelOrder, Normalize, Order, Rescale, Resize, Step};
use prep_onnx_pipeline::{
    Accept, Dtype, Elements, Filter, Layout, ON_BAD_IMAGE_ATTRIBUTE, Output, Pipeline, Precision, Resampler,
    SizeRule, Windows, imagenet_at,
};
use prep_onnx_rewriter::{EmbedOptions, Lowering};
use prep_onnx_tests::embedded::{bytes, embedded_in, open};
use prep_onnx_tests::{embed_to, identity_model, runtime};

fn picture(height: usize, width: usize) -> Array3<u8> {
    Array3::from_shape_fn((height, width, 3), |(row, column, channel)| {
        (row * 89 + column * column * 57 + channel * 31) as u8
    })
}

/// The shipped identity model of `layout` after `change`.
fn changed(layout: Layout, change: impl FnOnce(&mut ModelProto), to: &Path) {
    let opset = if layout == Layout::Nchw { 21 } else { 18 };
    let bytes = std::fs::read(identity_model(opset, layout, Dtype::Float32)).unwrap();
    let mut model = ModelProto::parse_from_bytes(&bytes).unwrap();
    change(&mut model);
    std::fs::write(to, model.write_to_bytes().unwrap()).unwrap();
}

/// A runtime may load models of an opset before it has a kernel for each op of it, QuantizeLinear above all.
#[test]
fn every_opset_that_the_runtime_loads() {
    let Some(loaded) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let image = picture(300, 400);
    let mut met = Vec::new();
    for opset in 22..=40 {
        let path = folder.path().join(format!("{opset}.onnx"));
        changed(Layout::Nchw, |model| model.opset_import[0].version = opset, &path);
        if Session::open(loaded, &path, SessionOptions::default()).is_err() {
            continue;
        }
        met.push(opset);
        for resampler in Windows::ALL.iter().map(|windows| Resampler::from(*windows)) {
            let mut pipeline = imagenet_at(224, 224).unwrap();
            for step in &mut pipeline.steps {
                if let Step::Resize(resize) = step {
                    resize.resampler = resampler;
                    resize.filter = Filter::Bicubic;
                }
            }
            let expected = pipeline
                .reference(image.view(), Layout::Nchw, Dtype::Float32)
                .unwrap()
                .to_le_bytes();
            for lowering in [Lowering::OneFile, Lowering::Standard] {
                let options = EmbedOptions {
                    lowering,
                    ..EmbedOptions::default()
                };
                let mut embedded = embedded_in(loaded, &path, &pipeline, &options);
                let images = image.view().insert_axis(Axis(0));
                let output = embedded
                    .portable
                    .run(&[("image", Feed::Images(images))], &[0])
                    .unwrap();
                assert!(bytes(&output[0]) == expected, "{resampler} at opset {opset}");
            }
        }
    }
    assert!(met.contains(&22), "a runtime that loads opset 22: {met:?}");
}

fn cast(input: &str, output: &str, to: DataType) -> NodeProto {
    node("Cast", input, output, "to", |attribute| {
        attribute.type_ = AttributeType::INT.into();
        attribute.i = to as i64;
    })
}

fn transpose(input: &str, output: &str, order: &[i64]) -> NodeProto {
    node("Transpose", input, output, "perm", |attribute| {
        attribute.type_ = AttributeType::INTS.into();
        attribute.ints = order.to_vec();
    })
}

fn node(op: &str, input: &str, output: &str, name: &str, set: impl FnOnce(&mut AttributeProto)) -> NodeProto {
    let mut attribute = AttributeProto {
        name: name.to_owned(),
        ..AttributeProto::default()
    };
    set(&mut attribute);
    NodeProto {
        op_type: op.to_owned(),
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        attribute: vec![attribute],
        ..NodeProto::default()
    }
}

fn relu(input: &str, output: &str) -> NodeProto {
    NodeProto {
        op_type: "Relu".to_owned(),
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// ONNX Runtime drops a Cast to float16 where the result is cast back, which on the CPU float16 operators do, once
/// it has moved the transposes between them out of the way.
#[test]
fn models_that_round_to_float16_inside() {
    let Some(loaded) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let planes = [0, 3, 1, 2];
    // The nodes between the model's input and `end`, which is cast back.
    let starts: [(Layout, Vec<NodeProto>); 5] = [
        (
            Layout::Nhwc,
            vec![
                cast("x", "half", DataType::FLOAT16),
                transpose("half", "planes", &planes),
                relu("planes", "end"),
            ],
        ),
        (
            Layout::Nhwc,
            vec![
                transpose("x", "planes", &planes),
                cast("planes", "half", DataType::FLOAT16),
                relu("half", "end"),
            ],
        ),
        (
            Layout::Nhwc,
            vec![cast("x", "half", DataType::FLOAT16), relu("half", "end")],
        ),
        (
            Layout::Nchw,
            vec![cast("x", "half", DataType::FLOAT16), relu("half", "end")],
        ),
        (
            Layout::Nchw,
            vec![
                cast("x", "half", DataType::FLOAT16),
                transpose("half", "pixels", &[0, 2, 3, 1]),
                relu("pixels", "end"),
            ],
        ),
    ];
    let resizes = [
        None,
        Some((
            Resampler::Pillow,
            SizeRule::Exact {
                height: 20,
                width: 24,
            },
        )),
        Some((
            Resampler::Torchvision,
            SizeRule::Exact {
                height: 20,
                width: 24,
            },
        )),
    ];
    for (layout, nodes) in starts {
        changed(
            layout,
            |model| {
                let graph = model.graph.as_mut().unwrap();
                let (input, output) = (graph.input[0].name.clone(), graph.output[0].name.clone());
                graph.node.clone_from(&nodes);
                graph.node[0].input[0] = input;
                graph.node.push(cast("end", &output, DataType::FLOAT));
                // Other axes than those of the identity.
                let output_type = graph.output[0].type_.as_mut().unwrap();
                output_type.mut_tensor_type().shape.clear();
            },
            &path,
        );
        let mut original = open(loaded, &path, false);
        for (resize, reorders) in resizes
            .iter()
            .flat_map(|resize| [(resize, false), (resize, true)])
        {
            let resize =
                resize.map(|(resampler, size)| Step::Resize(Resize::new(size, Filter::Bilinear, resampler)));
            let order = reorders.then_some(Step::ChannelOrder(ChannelOrder { order: Order::Bgr }));
            let rescale = Step::Rescale(Rescale {
                factor: None,
                divisor: Some(255.0),
                offset: None,
                precision: Precision::Float32,
            });
            let normalize = Step::Normalize(Normalize {
                mean: [0.485, 0.456, 0.406],
                std: [0.229, 0.224, 0.225],
            });
            let pipeline = Pipeline {
                description: None,
                steps: resize
                    .into_iter()
                    .chain(order)
                    .chain([rescale, normalize])
                    .collect(),
                output: Output::default(),
                ..Pipeline::default()
            };
            let image = picture(33, 41);
            let tensor = pipeline.reference(image.view(), layout, Dtype::Float32).unwrap();
            let Elements::Float32(elements) = &tensor.elements else {
                unreachable!("float32 was asked for");
            };
            let tensor = ndarray::ArrayD::from_shape_vec(tensor.shape.to_vec(), elements.clone()).unwrap();
            let tensor = Array::Float32(tensor);
            let name = original.inputs()[0].name.clone();
            let expected = original
                .run(&[(name.as_str(), Feed::Array(&tensor))], &[0])
                .unwrap();
            for lowering in [Lowering::OneFile, Lowering::Standard] {
                let options = EmbedOptions {
                    lowering,
                    ..EmbedOptions::default()
                };
                let mut embedded = embedded_in(loaded, &path, &pipeline, &options);
                let images = image.view().insert_axis(Axis(0));
                let output = embedded
                    .portable
                    .run(&[("image", Feed::Images(images))], &[0])
                    .unwrap();
                assert!(
                    bytes(&output[0]) == bytes(&expected[0]),
                    "{layout} {nodes:?} {pipeline:?}"
                );
            }
        }
    }
}

/// An attribute of another type than a string is no choice, and must not count as the default one.
#[test]
fn a_mistyped_choice_for_bad_images_is_refused() {
    let Some(loaded) = runtime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let options = EmbedOptions {
        accept: Accept::Encoded,
        lowering: Lowering::Fused,
        ..EmbedOptions::default()
    };
    let identity = identity_model(18, Layout::Nchw, Dtype::Float32);
    embed_to(&identity, &imagenet_at(224, 224).unwrap(), &options, &path);
    let mut model = ModelProto::parse_from_bytes(&std::fs::read(&path).unwrap()).unwrap();
    let nodes = &model.graph.as_ref().unwrap().node;
    let at = nodes
        .iter()
        .position(|node| node.domain == prep_onnx_pipeline::DOMAIN)
        .unwrap();
    let mut open_with = |set: &dyn Fn(&mut AttributeProto)| {
        let node = &mut model.graph.as_mut().unwrap().node[at];
        node.attribute
            .retain(|attribute| attribute.name != ON_BAD_IMAGE_ATTRIBUTE);
        let mut attribute = AttributeProto {
            name: ON_BAD_IMAGE_ATTRIBUTE.to_owned(),
            ..AttributeProto::default()
        };
        set(&mut attribute);
        node.attribute.push(attribute);
        let options = SessionOptions {
            fused: true,
            ..SessionOptions::default()
        };
        Session::from_bytes(loaded, "model", &model.write_to_bytes().unwrap(), options).map(|_| ())
    };
    let text = |text: &'static str| {
        move |attribute: &mut AttributeProto| {
            attribute.type_ = AttributeType::STRING.into();
            attribute.s = text.as_bytes().to_vec();
        }
    };
    open_with(&text("fail")).unwrap();
    let mistyped: [&dyn Fn(&mut AttributeProto); 7] = [
        &text("Fail"),
        &text("zeros"),
        &text(""),
        &|attribute| {
            attribute.type_ = AttributeType::INT.into();
            attribute.i = 1;
        },
        &|attribute| {
            attribute.type_ = AttributeType::FLOAT.into();
            attribute.f = 1.0;
        },
        &|attribute| {
            attribute.type_ = AttributeType::INTS.into();
            attribute.ints = vec![1];
        },
        &|attribute| {
            attribute.type_ = AttributeType::FLOATS.into();
            attribute.floats = vec![1.0];
        },
    ];
    for (number, set) in mistyped.into_iter().enumerate() {
        let refusal = open_with(set).unwrap_err().to_string();
        assert!(refusal.contains(ON_BAD_IMAGE_ATTRIBUTE), "{number}: {refusal}");
    }
}
