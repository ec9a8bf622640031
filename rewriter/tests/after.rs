//! Steps after a model: how they lie in the file, how they come off again, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod common;

use common::build::*;
use common::zoo::{self, Entry};
use common::{OnDisk, insertion, on_disk, parse};
use onnx_protobuf::{Message, ModelProto};
use prep_onnx_pipeline::Layout;
use prep_onnx_rewriter::after::{AfterOptions, Before, FAMILIES, Role, Then, after, recorded};
use prep_onnx_rewriter::{Model, ValueType, insert, inspect, strip, strip_after};

fn put_on_disk(entry: &Entry) -> OnDisk {
    let file = on_disk(&entry.bytes);
    for (name, content) in &entry.data {
        std::fs::write(file.folder.path().join(name), content).unwrap();
    }
    file
}

/// The first output that a sigmoid takes.
fn float_output(model: &Model) -> Option<String> {
    let is_float = |value_type: &ValueType| matches!(value_type, ValueType::Tensor { element, shape: Some(_) } if [FLOAT, FLOAT16, DOUBLE].contains(&element.0));
    let mut outputs = model.outputs().iter();
    outputs
        .find(|output| is_float(&output.value_type))
        .map(|output| output.name.clone())
}

fn step(text: &str) -> Then {
    text.parse().unwrap()
}

/// Puts a pipeline in front of and a sigmoid behind every model that has an output for it, in one go and one after the
/// other, and takes them off: every file comes back byte for byte.
#[test]
fn both_parts_come_off_again_together_and_alone() {
    let mut count = 0;
    for entry in &zoo::all() {
        let file = put_on_disk(entry);
        let model = Model::open(&file.path).unwrap();
        let (Some(output), true) = (float_output(&model), model.standard_opset() >= Some(11)) else {
            continue;
        };
        count += 1;
        let name = entry.name;
        let before = insert(&model, entry.image_input, &insertion(&model, entry.image_input)).unwrap();
        let embedded = file.folder.path().join("embedded.onnx");
        before.write(&embedded).unwrap();
        let unwritten = model.edited(&before).unwrap();
        let options = AfterOptions {
            labels: vec!["cat".to_owned(), "dög".to_owned()],
            ..AfterOptions::default()
        };
        let steps = [step(&format!("sigmoid={output}"))];
        after(&unwritten, &steps, &options)
            .unwrap()
            .edit
            .write(file.out())
            .unwrap();
        let written = std::fs::read(file.out()).unwrap();
        let twice = file.folder.path().join("twice.onnx");
        after(&Model::open(&embedded).unwrap(), &steps, &options)
            .unwrap()
            .edit
            .write(&twice)
            .unwrap();
        assert!(
            written == std::fs::read(&twice).unwrap(),
            "{name}: in one go it is another file"
        );

        let whole = Model::open(file.out()).unwrap();
        let back = file.folder.path().join("back.onnx");
        strip(&whole).unwrap().write(&back).unwrap();
        assert!(
            std::fs::read(&back).unwrap() == entry.bytes,
            "{name}: not the original"
        );
        strip_after(&whole).unwrap().write(&back).unwrap();
        assert!(
            std::fs::read(&back).unwrap() == std::fs::read(&embedded).unwrap(),
            "{name}: not the embedded one"
        );
        let summary = inspect(&whole);
        assert!(summary.embedded.unwrap().can_strip, "{name}");
        let record = summary.after.unwrap();
        assert_eq!(record.labels, ["cat", "dög"], "{name}");
        assert_eq!(record.steps, steps, "{name}");
        check_graph(&parse(&embedded), &parse(&file.out()), &output, name);
        assert_eq!(
            recorded(&whole)
                .unwrap()
                .unwrap()
                .outputs
                .keys()
                .collect::<Vec<_>>(),
            [&Role::Probabilities],
            "{name}"
        );
    }
    assert!(count >= 30, "{count}");
}

/// Old nodes first, the output replaced in its place, everything else as it was.
fn check_graph(before: &ModelProto, after: &ModelProto, output: &str, name: &str) {
    let (old, new) = (&before.graph, &after.graph);
    assert_eq!(new.node[..old.node.len()], old.node[..], "{name}");
    assert!(new.node.len() > old.node.len(), "{name}");
    assert_eq!(new.input, old.input, "{name}");
    assert_eq!(new.initializer, old.initializer, "{name}");
    assert_eq!(new.output.len(), old.output.len(), "{name}");
    for (old, new) in old.output.iter().zip(&new.output) {
        if old.name == output {
            assert!(new.name.starts_with("probabilities"), "{name}: {}", new.name);
        } else {
            assert_eq!(old, new, "{name}");
        }
    }
}

/// A model of 64 x 64 with these outputs, which nothing makes.
fn with_outputs(opset: i64, outputs: &[(&str, i32, &[&str])]) -> (OnDisk, Model) {
    let mut model = cnn(8, opset, "images", FLOAT, &["1", "3", "64", "64"]);
    let infos = outputs
        .iter()
        .map(|(name, element, shape)| tensor_info(name, *element, shape));
    model.graph.as_mut().unwrap().output = infos.collect();
    let file = on_disk(&model.write_to_bytes().unwrap());
    let model = Model::open(&file.path).unwrap();
    (file, model)
}

fn options() -> AfterOptions {
    AfterOptions {
        before: Before {
            tensor: Some(("images".to_owned(), Layout::Nchw)),
            geometry: Some("geometry".to_owned()),
            one_size: true,
            ..Before::default()
        },
        ..AfterOptions::default()
    }
}

fn refusal(outputs: &[(&str, i32, &[&str])], steps: &[&str]) -> String {
    let (_file, model) = with_outputs(17, outputs);
    let steps: Vec<Then> = steps.iter().map(|text| step(text)).collect();
    let error = after(&model, &steps, &options()).unwrap_err().to_string();
    error.split_once("model.onnx: ").unwrap().1.to_owned()
}

#[test]
fn what_does_not_fit_is_refused_with_what_was_seen() {
    const MAP: (&str, i32, &[&str]) = ("map", FLOAT, &["1", "21", "16", "16"]);
    const LOGITS: (&str, i32, &[&str]) = ("logits", FLOAT, &["1", "10"]);
    for (outputs, steps, expected) in [
        (
            &[MAP][..],
            &["softmax"][..],
            "softmax: does not take the output `map`: expected [N, classes], got float32 [1, 21, 16, 16]",
        ),
        (
            &[("ids", INT64, &["1", "10"][..])],
            &["softmax"],
            "softmax: does not take the output `ids`: expected float32 or float16 [N, classes], got int64 [1, 10]",
        ),
        (
            &[LOGITS],
            &["nms"],
            "nms: works on the candidates of a detector: expected a step detections before it, got the outputs of the model",
        ),
        (
            &[LOGITS],
            &["detections=yolov8"],
            "detections: does not take the output `logits`: expected [N, 4 + classes, boxes], more boxes than channels, got float32 [1, 10]",
        ),
        (
            &[("output0", FLOAT, &["1", "8400", "84"][..])],
            &["detections=yolov8"],
            "detections: does not take the output `output0`: expected [N, 4 + classes, boxes], more boxes than channels, got float32 [1, 8400, 84]",
        ),
        (
            &[("output0", FLOAT, &["1", "84", "8400"][..])],
            &["detections=yolov8,classes=81"],
            "classes: are more than the output has: expected at most 80, got 81 for `output0` float32 [1, 84, 8400]",
        ),
        (
            &[("output0", FLOAT, &["1", "84", "8400"][..])],
            &["detections=yolov8,classes=70"],
            "classes: the output has channels behind its classes, which this family has not: expected 4 + 70, got 84 channels of `output0` float32 [1, 84, 8400]",
        ),
        (
            &[LOGITS, ("other", FLOAT, &["1", "5"][..])],
            &["softmax"],
            "softmax: several outputs of the model can be meant: expected one, got `logits` float32 [1, 10]; `other` float32 [1, 5]",
        ),
        (
            &[LOGITS],
            &["softmax=nothing"],
            "output `nothing`: the model has no such output: expected `logits` float32 [1, 10], got `nothing`",
        ),
        (
            &[LOGITS],
            &["argmax", "softmax"],
            "softmax: comes after a step that nothing follows: expected it before that step, got argmax",
        ),
        (
            &[LOGITS],
            &["threshold=0.5,max=3"],
            "threshold.max: is for detections alone: expected a step detections before it, got the outputs of the model",
        ),
        (
            &[
                ("boxes", FLOAT, &["1", "9", "4"][..]),
                ("logits", FLOAT, &["1", "8", "3"][..]),
            ],
            &["detections=detr"],
            "detections: boxes and logits are not of the same queries: expected logits for `boxes` float32 [1, 9, 4], got `logits` float32 [1, 8, 3]",
        ),
        (
            &[("output0", FLOAT, &["1", "56", "8400"][..])],
            &["detections=family=pose,keypoints=17x2"],
            "keypoints: are not as many numbers as the output has: expected 51, behind 4 + 1 channels of `output0` float32 [1, 56, 8400], got 17 x 2",
        ),
        (
            &[("out", FLOAT, &["1", "100", "85"][..])],
            &["detections=yolox"],
            "detections=yolox: the output does not have a box for each cell: expected 84 boxes for strides 8, 16, 32 of 64 x 64, got float32 [1, 100, 85]",
        ),
    ] {
        assert_eq!(refusal(outputs, steps), expected);
    }
}

#[test]
fn a_step_on_the_command_line_is_refused_by_name() {
    for (text, expected) in [
        (
            "sofmax",
            "step: no such step comes after a model: expected one of softmax, sigmoid, l2_normalize, top_k, argmax, threshold, resize_to_image, detections, nms, unmap, masks, got \"sofmax\"",
        ),
        (
            "nms=0.5",
            "nms: a value needs its key here: expected nms=KEY=VALUE, got \"nms=0.5\"",
        ),
        ("nms=iou=2", "nms: iou: is out of range: expected 0 to 1, got 2"),
        (
            "top_k=0",
            "top_k: k: is out of range: expected 1 to 1000000, got 0",
        ),
        (
            "nms=iou=0.5,iou=0.6",
            "nms.iou: is there twice: expected one value, got \"nms=iou=0.5,iou=0.6\"",
        ),
        (
            "nms=overlap=0.5",
            "nms: unknown field `overlap`, expected one of `iou`, `score`, `max`, `agnostic`",
        ),
    ] {
        assert_eq!(text.parse::<Then>().unwrap_err().to_string(), expected);
    }
    let error = "detections=yolo".parse::<Then>().unwrap_err().to_string();
    assert!(
        FAMILIES.iter().all(|family| error.contains(family.name)),
        "{error}"
    );
}

#[test]
fn steps_are_read_back_as_they_are_written() {
    for info in Then::ALL {
        assert!(info.example.contains(info.name), "{}", info.name);
        for part in info.example.split("--then ").skip(1) {
            let read = step(part.trim());
            assert_eq!(step(&read.to_string()), read);
            let json = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<Then>(&json).unwrap(), read);
        }
    }
}

/// Outputs keep their places; with `keep_outputs` the model's own stay in front.
#[test]
fn outputs_are_replaced_in_their_place_or_kept() {
    let outputs: &[(&str, i32, &[&str])] = &[
        ("features", FLOAT, &["1", "7", "7", "7"]),
        ("output0", FLOAT, &["1", "84", "8400"]),
        ("last", FLOAT, &["1"]),
    ];
    for (keep_outputs, expected) in [
        (false, "features boxes scores labels image last"),
        (true, "features output0 last boxes scores labels image"),
    ] {
        let (file, model) = with_outputs(17, outputs);
        let options = AfterOptions {
            keep_outputs,
            ..options()
        };
        let made = after(&model, &[step("detections=yolov8")], &options).unwrap();
        assert_eq!(made.report.added, 2);
        made.edit.write(file.out()).unwrap();
        let graph = parse(&file.out()).graph;
        let names: Vec<_> = graph.output.iter().map(|output| output.name.as_str()).collect();
        assert_eq!(names.join(" "), expected);
        let inputs: Vec<_> = graph.input.iter().map(|input| input.name.as_str()).collect();
        assert_eq!(inputs, ["images", "score_threshold", "iou_threshold"]);
        assert_eq!(
            graph.value_info.iter().any(|info| info.name == "output0"),
            !keep_outputs
        );
    }
}

#[test]
fn steps_come_after_a_model_once() {
    let (file, model) = with_outputs(17, &[("logits", FLOAT, &["1", "10"])]);
    let made = after(&model, &[step("softmax")], &options()).unwrap();
    made.edit.write(file.out()).unwrap();
    let again = Model::open(file.out()).unwrap();
    let error = after(&again, &[step("sigmoid")], &options()).unwrap_err();
    assert!(
        error.to_string().contains("steps come after the model already"),
        "{error}"
    );
    assert!(again.check_plain().is_err());
    let error = strip_after(&model).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected a model with something after it"),
        "{error}"
    );
}

/// Wherever the outputs say how many classes the model tells apart, names of more or fewer are refused.
#[test]
fn names_are_as_many_as_the_classes() {
    const BOXES: &str = "8400";
    let detector = |shape: &'static [&'static str]| vec![("output0", FLOAT, shape)];
    type Outputs = Vec<(&'static str, i32, &'static [&'static str])>;
    let cases: Vec<(Outputs, &[&str], usize)> = vec![
        (detector(&["1", "10"]), &["softmax", "top_k=3"], 10),
        (detector(&["1", "10"]), &["sigmoid"], 10),
        (detector(&["1", "10"]), &["top_k=3"], 10),
        (detector(&["1", "10"]), &["argmax"], 10),
        (
            detector(&["1", "21", "16", "16"]),
            &["resize_to_image", "argmax"],
            21,
        ),
        (detector(&["1", "7", BOXES]), &["detections=yolov8"], 3),
        (detector(&["1", "8400", "8"]), &["detections=yolov5"], 3),
        (
            vec![
                ("logits", FLOAT, &["1", "100", "4"][..]),
                ("pred_boxes", FLOAT, &["1", "100", "4"]),
            ],
            &["detections=detr,boxes=pred_boxes,scores=logits"],
            3,
        ),
        (
            vec![
                ("logits", FLOAT, &["1", "100", "3"][..]),
                ("pred_boxes", FLOAT, &["1", "100", "4"]),
            ],
            &["detections=rtdetr,boxes=pred_boxes,scores=logits"],
            3,
        ),
        (detector(&["1", "84", "8"]), &["detections=yolox"], 3),
    ];
    for (outputs, steps, classes) in cases {
        let (_file, model) = with_outputs(17, &outputs);
        let steps: Vec<Then> = steps.iter().map(|text| step(text)).collect();
        for count in [classes - 1, classes, classes + 1] {
            let options = AfterOptions {
                labels: (0..count).map(|class| format!("class {class}")).collect(),
                ..options()
            };
            match (count == classes, after(&model, &steps, &options)) {
                (true, built) => drop(built.unwrap_or_else(|error| panic!("{steps:?}: {error}"))),
                (false, built) => {
                    let error = built.expect_err("other names").to_string();
                    let expected = format!("expected {classes} names, got {count}");
                    assert!(error.contains(&expected), "{steps:?}: {error}");
                }
            }
        }
    }
    // What its outputs leave open takes any.
    let (_file, model) = with_outputs(17, &[("output0", FLOAT, &["1", "300", "6"])]);
    let options = AfterOptions {
        labels: vec!["one".to_owned()],
        ..options()
    };
    after(&model, &[step("detections=yolo-e2e")], &options).unwrap();
}
