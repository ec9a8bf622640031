//! What is checked in every host: each family of detectors, and each other kind of answer.

use prep_onnx_pipeline::Accept;
use prep_onnx_tests::fed::LETTERBOX;

use crate::models::{Made, SmallModel};

const SQUASH: &str = "[[steps]]\nstep = \"resize\"\nsize = [64, 64]\nfilter = \"bilinear\"\nresampler = \"pillow\"\n[[steps]]\nstep = \"rescale\"\ndivisor = 255";

/// Models of one kind.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) pipeline: &'static str,
    pub(crate) steps: &'static [&'static str],
    pub(crate) accept: Accept,
    /// Whether the model takes one image at a time.
    pub(crate) one_image: bool,
    /// Whether a host works something out that IEEE 754 leaves open: `Exp`, `Sin`, sums in an order of its own.
    pub(crate) open: bool,
    pub(crate) model: SmallModel,
}

impl Case {
    /// Whether texts are fed beside the images.
    pub(crate) fn has_texts(&self) -> bool {
        let is_one = |(_, made): &(_, Made)| matches!(made, Made::WithTexts);
        self.model.outputs.iter().any(is_one)
    }

    /// How far an output may be from what it was, in its own unit; of a map of uint8 or int64 the part of its elements that may differ.
    pub(crate) fn within(&self, output: &str, dtype: &str) -> f64 {
        if !self.open {
            return 0.0;
        }
        match (output, dtype) {
            ("boxes" | "rotated" | "keypoints", _) => 0.01,
            (_, "float32") => 1e-5,
            ("masks", _) => 0.001,
            _ => 0.0,
        }
    }
}

fn unit(_: usize) -> (f32, f32) {
    (-4.0, 4.0)
}

/// Centre and size in a model of 64 x 64, then scores.
fn centred(channel: usize) -> (f32, f32) {
    match channel {
        0 | 1 => (8.0, 56.0),
        2 | 3 => (4.0, 24.0),
        _ => (0.001, 0.99),
    }
}

/// As [`centred`], with two classes, and behind them what has a sign.
fn signed(channel: usize) -> (f32, f32) {
    if channel < 6 {
        centred(channel)
    } else {
        (-1.0, 1.0)
    }
}

fn keypoints(channel: usize) -> (f32, f32) {
    match channel {
        0..5 => centred(channel),
        _ if (channel - 5) % 3 == 2 => (0.0, 1.0),
        _ => (0.0, 64.0),
    }
}

/// x1 y1 x2 y2, a score and a class.
fn cornered(channel: usize) -> (f32, f32) {
    match channel {
        0 | 1 => (0.0, 30.0),
        2 | 3 => (34.0, 64.0),
        4 => (0.001, 0.99),
        _ => (0.0, 3.0),
    }
}

fn relative(channel: usize) -> (f32, f32) {
    match channel {
        0 | 1 => (0.1, 0.9),
        _ => (0.05, 0.4),
    }
}

fn relative_corners(channel: usize) -> (f32, f32) {
    match channel {
        0 | 1 => (0.0, 0.45),
        _ => (0.55, 1.0),
    }
}

fn cells(channel: usize) -> (f32, f32) {
    match channel {
        0..4 => (-1.0, 1.0),
        _ => (0.001, 0.99),
    }
}

fn scores(_: usize) -> (f32, f32) {
    (0.001, 0.99)
}

pub(crate) fn cases() -> Vec<Case> {
    let detector = |name, steps, outputs| Case {
        name,
        pipeline: LETTERBOX,
        steps,
        accept: Accept::Ragged,
        one_image: false,
        open: false,
        model: SmallModel::of(outputs),
    };
    let open = |case| Case { open: true, ..case };
    let rows = |name, rows, channels, range| {
        (
            name,
            Made::Rows {
                rows,
                channels,
                range,
            },
        )
    };
    let columns = |name, channels, columns, range| {
        (
            name,
            Made::Columns {
                channels,
                columns,
                range,
            },
        )
    };
    let queries = || vec![rows("logits", 20, 4, unit), rows("pred_boxes", 20, 4, relative)];
    let map = |name, steps, made| Case {
        name,
        pipeline: SQUASH,
        steps,
        accept: Accept::Batch,
        one_image: false,
        open: true,
        model: SmallModel::of(vec![("map", made)]),
    };
    let quantised = |name, zero| Case {
        pipeline: SQUASH,
        model: SmallModel {
            quantised: Some(zero),
            ..SmallModel::of(vec![("logits", Made::Flat)])
        },
        ..detector(name, &["top_k=5"], vec![])
    };
    vec![
        detector(
            "yolov8",
            &["detections=yolov8"],
            vec![columns("output0", 7, 60, centred)],
        ),
        detector(
            "yolov8-agnostic",
            &["detections=yolov8", "nms=agnostic=true,iou=0.3,max=5"],
            vec![columns("output0", 7, 60, centred)],
        ),
        detector(
            "yolov5",
            &["detections=yolov5"],
            vec![rows("output0", 60, 8, centred)],
        ),
        detector(
            "yolo-e2e",
            &["detections=yolo-e2e"],
            vec![rows("output0", 60, 6, cornered)],
        ),
        open(detector(
            "obb",
            &["detections=obb"],
            vec![columns("output0", 7, 60, signed)],
        )),
        detector(
            "pose",
            &["detections=pose"],
            vec![columns("output0", 11, 60, keypoints)],
        ),
        open(detector(
            "seg",
            &["detections=seg"],
            vec![
                columns("output0", 9, 60, signed),
                ("protos", Made::Prototypes { count: 3 }),
            ],
        )),
        open(detector("detr", &["detections=detr"], queries())),
        open(detector("rtdetr", &["detections=rtdetr"], queries())),
        detector(
            "ssd",
            &["detections=ssd,scores=scores"],
            vec![
                rows("places", 50, 4, relative_corners),
                rows("scores", 50, 3, scores),
            ],
        ),
        open(detector(
            "yolox",
            &["detections=yolox"],
            vec![rows("output0", 84, 7, cells)],
        )),
        Case {
            one_image: true,
            ..detector(
                "torchvision",
                &["detections=torchvision"],
                vec![
                    ("boxes", Made::Finished { numbers: Some(4) }),
                    ("labels", Made::Labels),
                    ("scores", Made::Finished { numbers: None }),
                ],
            )
        },
        open(detector(
            "classes",
            &["softmax", "top_k=5"],
            vec![("logits", Made::Flat)],
        )),
        open(detector(
            "embedding",
            &["l2_normalize"],
            vec![("features", Made::Flat)],
        )),
        open(detector(
            "attributes",
            &["sigmoid", "threshold=score=0.6"],
            vec![("logits", Made::Flat)],
        )),
        open(detector(
            "texts",
            &["softmax"],
            vec![("logits_per_image", Made::WithTexts)],
        )),
        map("segmentation", &["resize_to_image=bilinear", "argmax"], Made::Map),
        map("depth", &["resize_to_image=bicubic"], Made::Depth),
        map("nearest", &["resize_to_image=nearest"], Made::Map),
        quantised("uint8", 114),
        quantised("int8", -14),
    ]
}
