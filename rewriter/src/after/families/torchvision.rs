//! Detections of one image that are finished: only their coordinates are those of the model's input.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{Error, Result};

use crate::after::builder::{Builder, Want};
use crate::after::flow::{Boxes, Candidates, Frame, Labels, Usual};
use crate::after::steps::Detections;
use crate::model::{ElementType, ValueType};
use crate::portable::graph::Value;

const USUAL: Usual = Usual {
    // The model has left out what is below its own threshold.
    score: 0.0,
    iou: None,
    max: 1_000_000,
    agnostic: false,
    whose: "torchvision, whose models have a threshold inside",
};

pub(super) fn decode(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let boxes = Want {
        step: "detections",
        key: Some("boxes"),
        shape: "the boxes [M, 4]",
        fits: |shape| shape.len() == 2 && shape[1].fixed().is_none_or(|four| four == 4),
    };
    let scores = Want {
        step: "detections",
        key: Some("scores"),
        shape: "the scores [M]",
        fits: |shape| shape.len() == 1,
    };
    let boxes = builder.output(&boxes, options.boxes.as_deref())?;
    let scores = builder.output(&scores, options.scores.as_deref())?;
    let is_labels = |value_type: &ValueType| {
        matches!(value_type, ValueType::Tensor { element, shape: Some(shape) }
            if shape.len() == 1 && (*element == ElementType::INT64 || element.0 == DataType::INT32 as i32))
    };
    let labels: Vec<_> = builder
        .outputs()
        .filter(|output| is_labels(&output.value_type))
        .collect();
    let [labels] = labels.as_slice() else {
        return Err(Error::new("detections", "does not find the labels")
            .expected_got("one output int64 [M]", builder.listed()));
    };
    builder.taken.push(labels.name.clone());
    let graph = &mut builder.graph;
    let labels = graph.cast(&Value::named(&labels.name), DataType::INT64);
    Ok(Candidates {
        family: "torchvision",
        frame: Frame::Input,
        boxes: Boxes::Corners(graph.shaped(&boxes.value, &[1, -1, 4])),
        scores: graph.shaped(&scores.value, &[1, -1]),
        labels: Some(Labels::Each(graph.shaped(&labels, &[1, -1]))),
        parts: Vec::new(),
        prototypes: None,
        usual: USUAL,
        edge: 0.0,
        first_class: 0,
    })
}
