//! Which input takes the image, and the errors where that is not clear.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::build::*;
use common::on_disk;
use onnx_protobuf::{Message, ModelProto, ValueInfoProto};
use prep_onnx_pipeline::{Dtype, Error, Layout};
use prep_onnx_rewriter::{ImageInput, Model};

fn model_of(inputs: Vec<ValueInfoProto>) -> ModelProto {
    let mut model = cnn(8, 17, "x", FLOAT, &["1", "3", "8", "8"]);
    model.graph.mut_or_insert_default().input = inputs;
    model
}

fn find(model: &ModelProto, name: Option<&str>) -> Result<ImageInput, Error> {
    let file = on_disk(&model.write_to_bytes().unwrap());
    ImageInput::find(&Model::open(&file.path).unwrap(), name)
}

fn found(element: i32, shape: &[&str]) -> ImageInput {
    find(&model_of(vec![tensor_info("x", element, shape)]), None).unwrap()
}

/// The message without the path of the file.
fn message(inputs: Vec<ValueInfoProto>, name: Option<&str>) -> String {
    let text = find(&model_of(inputs), name).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text.split_once("model.onnx: ").unwrap().1.to_owned()
}

#[test]
fn the_channels_tell_the_axis_order() {
    for (shape, layout) in [
        (["1", "3", "224", "224"], Layout::Nchw),
        (["1", "224", "224", "3"], Layout::Nhwc),
        (["N", "3", "H", "W"], Layout::Nchw),
        (["N", "H", "W", "3"], Layout::Nhwc),
        (["?", "?", "?", "3"], Layout::Nhwc),
        (["1", "3", "224", "4"], Layout::Nchw),
        (["b", "num_channels", "height", "width"], Layout::Nchw),
        (["b", "height", "width", "channels"], Layout::Nhwc),
        (["b", "224", "224", "?"], Layout::Nhwc),
    ] {
        let input = found(FLOAT, &shape);
        assert_eq!(
            (input.layout, input.layout_is_certain),
            (layout, true),
            "{shape:?}"
        );
        assert!(input.assumptions.is_empty());
    }
}

#[test]
fn an_open_axis_order_is_an_assumption() {
    for shape in [
        ["a", "b", "c", "d"],
        ["?", "?", "?", "?"],
        ["1", "3", "3", "3"],
        ["1", "?", "224", "224"],
    ] {
        let input = found(FLOAT, &shape);
        assert_eq!(
            (input.layout, input.layout_is_certain),
            (Layout::Nchw, false),
            "{shape:?}"
        );
        assert!(
            input.assumptions[0].contains("the axis order is taken as nchw"),
            "{:?}",
            input.assumptions
        );
        let other = input.with_layout(Layout::Nhwc);
        assert_eq!((other.layout, other.assumptions.len()), (Layout::Nhwc, 1));
    }
    let certain = found(FLOAT, &["1", "3", "224", "224"]).with_layout(Layout::Nhwc);
    assert_eq!(certain.layout, Layout::Nchw);
}

#[test]
fn element_type_size_and_batch() {
    for (element, dtype) in [
        (FLOAT, Dtype::Float32),
        (FLOAT16, Dtype::Float16),
        (UINT8, Dtype::Uint8),
    ] {
        assert_eq!(found(element, &["1", "3", "224", "192"]).dtype, dtype);
    }
    let input = found(FLOAT, &["7", "224", "192", "3"]);
    let (height, width) = input.size();
    assert_eq!(
        (input.batch().fixed(), height.fixed(), width.fixed()),
        (Some(7), Some(224), Some(192))
    );
}

#[test]
fn other_inputs_are_left_alone() {
    let text = tensor_info("input_ids", INT64, &["b", "s"]);
    let mask = tensor_info("pixel_mask", INT64, &["b", "h", "w"]);
    let weight = tensor_info("conv.weight", FLOAT, &["4", "3", "3", "3"]);
    let image = tensor_info("pixel_values", FLOAT, &["b", "3", "h", "w"]);
    let input = find(&model_of(vec![text, weight, image, mask]), None).unwrap();
    assert_eq!(input.name, "pixel_values");
}

#[test]
fn one_of_several_is_named() {
    let two = || {
        vec![
            tensor_info("left", FLOAT, &["b", "3", "h", "w"]),
            tensor_info("right", FLOAT, &["b", "3", "8", "8"]),
        ]
    };
    assert_eq!(
        message(two(), None),
        "inputs: several of them can take images: expected one, got `left` float32 [b, 3, h, w]; `right` float32 [b, 3, 8, 8]"
    );
    let error = find(&model_of(two()), None).unwrap_err();
    assert!(error.help().unwrap().contains("--input"));
    assert_eq!(find(&model_of(two()), Some("right")).unwrap().name, "right");
    assert_eq!(
        message(two(), Some("middle")),
        "input `middle`: there is no such input: expected one of `left` float32 [b, 3, h, w]; `right` float32 [b, 3, 8, 8], got `middle`"
    );
    // A second image with another number of channels is no candidate.
    let depth = tensor_info("depth", FLOAT, &["b", "1", "h", "w"]);
    let image = tensor_info("image", FLOAT, &["b", "3", "h", "w"]);
    assert_eq!(find(&model_of(vec![depth, image]), None).unwrap().name, "image");
}

#[test]
fn an_initializer_is_no_image() {
    let inputs = vec![
        tensor_info("conv.weight", FLOAT, &["4", "3", "3", "3"]),
        tensor_info("x", FLOAT, &["1", "3", "8", "8"]),
    ];
    assert_eq!(find(&model_of(inputs.clone()), None).unwrap().name, "x");
    assert_eq!(
        message(inputs, Some("conv.weight")),
        "input `conv.weight`: is an initializer, not an image: expected one of `x` float32 [1, 3, 8, 8], got `conv.weight`"
    );
}

#[test]
fn errors_name_expected_and_got() {
    for (inputs, expected) in [
        (
            vec![],
            "inputs: none of them takes images: expected a float32, float16 or uint8 tensor of rank 4, got no inputs",
        ),
        (
            vec![
                tensor_info("input_ids", INT64, &["b", "s"]),
                tensor_info("mask", INT64, &["b", "s"]),
            ],
            "inputs: none of them takes images: expected a float32, float16 or uint8 tensor of rank 4, got `input_ids` int64 [b, s]; `mask` int64 [b, s]",
        ),
        (
            vec![tensor_info("x", DOUBLE, &["1", "3", "8", "8"])],
            "input `x`: unsupported element type: expected float32, float16 or uint8, got float64",
        ),
        (
            vec![
                tensor_info("x", INT32, &["1", "3", "8", "8"]),
                tensor_info("n", INT64, &[]),
            ],
            "input `x`: unsupported element type: expected float32, float16 or uint8, got int32",
        ),
        (
            vec![tensor_info("x", FLOAT, &["1", "3", "8"])],
            "input `x`: has the wrong rank for an image: expected rank 4 (N, C, H, W or N, H, W, C), got rank 3: float32 [1, 3, 8]",
        ),
        (
            vec![tensor_info("x", FLOAT, &["1", "1", "28", "28"])],
            "input `x`: has an unsupported number of channels: expected 3 (RGB images), got 1 or 28 in float32 [1, 1, 28, 28]",
        ),
        (
            vec![tensor_info("x", FLOAT, &["1", "h", "w", "4"])],
            "input `x`: has an unsupported number of channels: expected 3 (RGB images), got 4 in float32 [1, h, w, 4]",
        ),
        (
            vec![info("x", sequence_type(tensor_type(FLOAT, &["3", "h", "w"])))],
            "input `x`: is no tensor: expected a tensor of rank 4, got sequence",
        ),
    ] {
        assert_eq!(message(inputs, None), expected);
    }
    let mut no_shape = tensor_info("x", FLOAT, &[]);
    no_shape
        .type_
        .mut_or_insert_default()
        .mut_tensor_type()
        .shape
        .clear();
    assert_eq!(
        message(vec![no_shape.clone()], None),
        "input `x`: has the wrong rank for an image: expected rank 4 (N, C, H, W or N, H, W, C), got an unknown rank: float32 of unknown rank"
    );
    // What the error says to do.
    let error = find(&model_of(vec![no_shape.clone()]), None).unwrap_err();
    assert!(error.help().unwrap().contains("--input x"), "{error:?}");
    let input = find(&model_of(vec![no_shape]), Some("x")).unwrap();
    assert_eq!((input.layout, input.layout_is_certain), (Layout::Nchw, false));
    assert!(input.assumptions[0].contains("has no rank in the file"));
}
