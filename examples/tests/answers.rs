//! Models with steps after them: the service says what the file answers, in pixels of each image.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod running;

use std::path::{Path, PathBuf};

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{GraphProto, Message, TensorProto};
use prep_onnx_examples::Config;
use prep_onnx_pipeline::Accept;
use prep_onnx_rewriter::EmbedOptions;
use prep_onnx_tests::fed::{self, LETTERBOX};
use prep_onnx_tests::protos::{self, info, node};
use running::{Running, loaded};
use serde_json::{Value, json};

const SQUASH: &str = "[[steps]]\nstep = \"resize\"\nsize = [64, 64]\nfilter = \"bilinear\"\n[[steps]]\nstep = \"rescale\"\ndivisor = 255";

/// A model of 64 x 64 with `steps` after it. Its `output0` is a constant, of two boxes of the class 1, which overlap, and one of the
/// class 0; its `seen` is its input.
fn model(folder: &Path, pipeline: &str, accept: Accept, steps: &[&str], labels: &[&str]) -> PathBuf {
    const BOXES: usize = 20;
    let mut output = vec![0.0_f32; 6 * BOXES];
    let found = [
        ((32.0, 32.0), 0.9, 1),
        ((33.0, 32.0), 0.8, 1),
        ((20.0, 24.0), 0.6, 0),
    ];
    for (place, (centre, score, class)) in found.into_iter().enumerate() {
        for (channel, value) in [centre.0, centre.1, 16.0, 8.0].into_iter().enumerate() {
            output[channel * BOXES + place] = value;
        }
        output[(4 + class) * BOXES + place] = score;
    }
    let graph = GraphProto {
        name: "detector".to_owned(),
        input: vec![info("images", DataType::FLOAT, &[1, 3, 64, 64])],
        output: vec![
            info("output0", DataType::FLOAT, &[1, 6, 20]),
            info("seen", DataType::FLOAT, &[1, 3, 64, 64]),
        ],
        initializer: vec![TensorProto {
            name: "constant".to_owned(),
            data_type: DataType::FLOAT as i32,
            dims: vec![1, 6, BOXES as i64],
            raw_data: output.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..TensorProto::default()
        }],
        node: vec![
            node("Identity", &["constant"], "output0"),
            node("Identity", &["images"], "seen"),
        ],
        ..GraphProto::default()
    };
    let path = folder.join("model.onnx");
    std::fs::write(&path, protos::model(graph, 8, 17).write_to_bytes().unwrap()).unwrap();
    with_steps(folder, &path, pipeline, accept, steps, labels)
}

/// `path` with a pipeline before it and `steps` after it.
fn with_steps(
    folder: &Path,
    path: &Path,
    pipeline: &str,
    accept: Accept,
    steps: &[&str],
    labels: &[&str],
) -> PathBuf {
    let out = folder.join("answers.onnx");
    let options = EmbedOptions {
        accept,
        ..EmbedOptions::default()
    };
    fed::with_steps(path, &out, pipeline, options, steps, labels);
    out
}

/// A PNG of one colour.
fn picture((height, width): (u32, u32), colour: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    let pixels: Vec<u8> = (0..height * width).flat_map(|_| colour).collect();
    writer.write_image_data(&pixels).unwrap();
    writer.finish().unwrap();
    file
}

/// What the service says of each picture.
fn asked(path: &Path, pictures: &[Vec<u8>]) -> Option<Vec<Value>> {
    let loaded = loaded()?;
    let service = Running::of(&loaded, path, Config::default(), Vec::new());
    let mut client = service.client();
    let answers = pictures.iter().map(|picture| {
        let answer = client.post("image/png", picture).unwrap();
        assert_eq!(answer.status, 200);
        answer.json()
    });
    let answers = answers.collect();
    drop(client);
    service.stop();
    Some(answers)
}

fn close(one: &Value, other: &[f64]) -> bool {
    let numbers: Vec<f64> = one.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    numbers.len() == other.len() && numbers.iter().zip(other).all(|(a, b)| (a - b).abs() < 1e-3)
}

#[test]
fn detections_are_in_pixels_of_each_image_with_names() {
    let folder = tempfile::tempdir().unwrap();
    for accept in [Accept::Ragged, Accept::Batch] {
        let path = model(
            folder.path(),
            LETTERBOX,
            accept,
            &["detections=yolov8"],
            &["cat", "dog"],
        );
        let pictures = [picture((128, 128), [9, 200, 90]), picture((64, 128), [1, 2, 3])];
        let Some(answers) = asked(&path, &pictures) else {
            return;
        };
        let boxes = [
            [[48.0, 56.0, 80.0, 72.0], [24.0, 40.0, 56.0, 56.0]],
            // 32 rows of border, half of them above.
            [[48.0, 24.0, 80.0, 40.0], [24.0, 8.0, 56.0, 24.0]],
        ];
        for (answer, boxes) in answers.iter().zip(boxes) {
            let found = answer["detections"].as_array().unwrap();
            assert_eq!(found.len(), 2, "{answer}");
            for ((found, corners), (label, name)) in found.iter().zip(boxes).zip([(1, "dog"), (0, "cat")]) {
                assert!(close(&found["box"], &corners), "{answer}");
                assert_eq!((&found["label"], &found["name"]), (&json!(label), &json!(name)));
            }
            assert!((found[0]["score"].as_f64().unwrap() - 0.9).abs() < 1e-6);
        }
        assert_eq!(
            (&answers[1]["height"], &answers[1]["width"]),
            (&json!(64), &json!(128))
        );
    }
}

#[test]
fn nothing_found_is_an_empty_list() {
    let folder = tempfile::tempdir().unwrap();
    let steps = ["detections=yolov8", "nms=score=0.95"];
    let path = model(folder.path(), LETTERBOX, Accept::Ragged, &steps, &[]);
    let Some(answers) = asked(&path, &[picture((20, 30), [0; 3])]) else {
        return;
    };
    assert_eq!(answers[0]["detections"], json!([]));
}

#[test]
fn maps_are_runs_of_classes() {
    let folder = tempfile::tempdir().unwrap();
    let steps = ["resize_to_image=output=seen", "argmax"];
    let path = model(folder.path(), SQUASH, Accept::Batch, &steps, &[]);
    let Some(answers) = asked(
        &path,
        &[picture((20, 30), [9, 200, 90]), picture((7, 5), [1, 2, 250])],
    ) else {
        return;
    };
    assert_eq!(
        answers[0]["classes"],
        json!({ "size": [20, 30], "runs": [1, 600] })
    );
    assert_eq!(answers[1]["classes"], json!({ "size": [7, 5], "runs": [2, 35] }));
}

#[test]
fn classes_have_scores_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo/shapes-cnn.onnx");
    let pipeline = "[[steps]]\nstep = \"resize\"\nsize = [224, 224]\nfilter = \"bilinear\"\n[[steps]]\nstep = \"rescale\"\ndivisor = 255";
    let names: Vec<String> = (0..10).map(|class| format!("name {class}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let path = with_steps(
        folder.path(),
        &shipped,
        pipeline,
        Accept::Ragged,
        &["softmax", "top_k=3"],
        &names,
    );
    let Some(answers) = asked(&path, &[picture((40, 30), [200, 20, 20])]) else {
        return;
    };
    let classes = answers[0]["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 3);
    let scores: Vec<f64> = classes
        .iter()
        .map(|class| class["score"].as_f64().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|one, other| one >= other) && scores[0] <= 1.0);
    for class in classes {
        assert_eq!(class["name"], format!("name {}", class["label"]));
    }
}
