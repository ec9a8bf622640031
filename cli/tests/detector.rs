//! A detector in one file: recognised by its metadata, run over images, drawn.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod common;

use common::build::{FLOAT, entry, node, opset, tensor_info};
use common::{has_runtime, picture};
use onnx_protobuf::{GraphProto, Message, ModelProto, TensorProto};
use protobuf::MessageField;
use serde_json::Value;

/// A model of 64 x 64 whose output [1, 4 + 2, 20] is a constant: two boxes of the class `dog`, which overlap, and one of `cat`.
fn model() -> Vec<u8> {
    const BOXES: usize = 20;
    let mut output = vec![0.0_f32; 6 * BOXES];
    for (place, (centre, score, class)) in [
        ((32.0, 32.0), 0.9, 1),
        ((33.0, 32.0), 0.8, 1),
        ((20.0, 24.0), 0.6, 0),
    ]
    .into_iter()
    .enumerate()
    {
        let channels = [centre.0, centre.1, 16.0, 8.0];
        for (channel, value) in channels.into_iter().enumerate() {
            output[channel * BOXES + place] = value;
        }
        output[(4 + class) * BOXES + place] = score;
    }
    let mut constant = TensorProto::new();
    constant.name = "constant".to_owned();
    constant.data_type = FLOAT;
    constant.dims = vec![1, 6, BOXES as i64];
    constant.raw_data = output.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut graph = GraphProto::new();
    graph.name = "detector".to_owned();
    graph.input = vec![tensor_info("images", FLOAT, &["1", "3", "64", "64"])];
    graph.output = vec![
        tensor_info("output0", FLOAT, &["1", "6", "20"]),
        tensor_info("seen", FLOAT, &["1", "3", "64", "64"]),
    ];
    graph.initializer = vec![constant];
    graph.node = vec![
        node("Identity", &["constant"], &["output0"]),
        node("Identity", &["images"], &["seen"]),
    ];
    let mut model = ModelProto::new();
    model.ir_version = 8;
    model.opset_import = vec![opset("", 17)];
    model.metadata_props = vec![
        entry("author", "Ultralytics"),
        entry("task", "detect"),
        entry("stride", "32"),
        entry("imgsz", "[64, 64]"),
        entry("names", "{0: 'cat', 1: 'dog'}"),
    ];
    model.graph = MessageField::some(graph);
    model.write_to_bytes().unwrap()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn boxes_of_each_image_are_rows_with_names_and_pictures() {
    if !has_runtime() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let run = |arguments: &[&str]| common::run(folder.path(), arguments);
    std::fs::write(at("yolo.onnx"), model()).unwrap();
    picture(&at("a.png"), (64, 128), [90, 90, 90]);
    picture(&at("b.png"), (128, 128), [9, 200, 90]);
    std::fs::write(at("c.png"), b"no image").unwrap();

    let embedded = run(&["embed", "yolo.onnx", "--answers", "--json"]);
    let report: Value = serde_json::from_str(&embedded.out).unwrap();
    assert_eq!(
        report["after"]["steps"][0]["family"], "yolov8",
        "{}",
        embedded.out
    );
    assert_eq!(report["after"]["outputs"][3]["name"], "image_index");

    let prep = "yolo.prep.onnx";
    let arguments = ["run", prep, "a.png", "b.png", "c.png", "-o", "out.jsonl"];
    let ran = run(&[&arguments[..], &["--draw", "drawn"]].concat());
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let read = || lines(&std::fs::read_to_string(at("out.jsonl")).unwrap());
    let rows = read();
    let status: Vec<_> = rows.iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(status, ["ok", "ok", "ok", "ok", "error"]);
    // 64 x 128 is resized by 1/2 and lies in rows 16 to 48.
    assert_eq!(rows[0]["box"], serde_json::json!([48.0, 24.0, 80.0, 40.0]));
    assert_eq!(rows[0]["name"], "dog");
    assert_eq!(rows[1]["box"], serde_json::json!([24.0, 8.0, 56.0, 24.0]));
    assert_eq!(rows[2]["box"], serde_json::json!([48.0, 56.0, 80.0, 72.0]));
    assert!(rows[4]["error"].as_str().unwrap().contains("c.png"));
    let mut names: Vec<_> = std::fs::read_dir(at("drawn"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.png", "b.png"]);

    // The same rows after an interruption that kept them.
    let again = run(&[&arguments[..], &["--retry-failed"]].concat());
    assert_eq!(again.code, Some(1), "{}", again.err);
    assert_eq!(read(), rows);

    let table = run(&["run", prep, "a.png"]);
    assert!(
        table.out.contains("dog 0.900  48.0 24.0 80.0 40.0"),
        "{}",
        table.out
    );
    let parquet = run(&["run", prep, "a.png", "-o", "out.parquet"]);
    assert_eq!(parquet.code, Some(0), "{}", parquet.err);
    let npy = run(&["run", prep, "a.png", "-o", "out.npy"]);
    assert_eq!(npy.code, Some(2), "{}", npy.err);
    assert!(npy.err.contains("do not go into one array"), "{}", npy.err);
    let preview = run(&["preview", prep, "a.png", "-o", "seen.png"]);
    assert!(preview.out.contains("2 found"), "{} {}", preview.out, preview.err);

    // A threshold is an input with a default.
    let mut high = b"\x93NUMPY\x01\x00v\x00".to_vec();
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }";
    high.extend(format!("{header:<117}\n").bytes());
    high.extend(0.95_f32.to_le_bytes());
    std::fs::write(at("high.npy"), high).unwrap();
    let none = run(&[
        "run",
        prep,
        "a.png",
        "-o",
        "-",
        "--feed",
        "score_threshold=high.npy",
    ]);
    assert_eq!(lines(&none.out)[0]["status"], "none", "{} {}", none.out, none.err);

    let stripped = run(&["strip", prep, "-o", "back.onnx"]);
    assert_eq!(stripped.code, Some(0), "{}", stripped.err);
    assert_eq!(std::fs::read(at("back.onnx")).unwrap(), model());
}
