//! Detections that are finished but for the threshold: [N, boxes, 6], x1 y1 x2 y2, score and class.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Result;

use crate::after::builder::{Builder, Want};
use crate::after::flow::{Boxes, Candidates, Frame, Labels, Usual};
use crate::after::steps::Detections;

const USUAL: Usual = Usual {
    score: 0.25,
    iou: None,
    max: 300,
    agnostic: false,
    whose: "Ultralytics",
};

pub(super) fn decode(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let want = Want {
        step: "detections",
        key: Some("boxes"),
        shape: "[N, boxes, 6]",
        fits: |shape| shape.len() == 3 && shape[2].fixed() == Some(6),
    };
    let output = builder.output(&want, options.boxes.as_deref())?;
    let graph = &mut builder.graph;
    let boxes = graph.part(&output.value, 2, 0, 4);
    let scores = graph.entry(&output.value, 2, 4);
    let labels = graph.entry(&output.value, 2, 5);
    Ok(Candidates {
        family: "yolo-e2e",
        frame: Frame::Input,
        boxes: Boxes::Corners(boxes),
        scores,
        labels: Some(Labels::Each(graph.cast(&labels, DataType::INT64))),
        parts: Vec::new(),
        prototypes: None,
        usual: USUAL,
        edge: 0.0,
        first_class: 0,
    })
}
