//! YOLOv5 and YOLOv7: centres and sizes in pixels of the model's input.

use prep_onnx_pipeline::Result;

use super::centers;
use crate::after::builder::Builder;
use crate::after::flow::{Boxes, Candidates, Frame, Usual};
use crate::after::steps::Detections;

const USUAL: Usual = Usual {
    score: 0.25,
    iou: Some(0.45),
    max: 1000,
    agnostic: false,
    whose: "YOLOv5's detect.py",
};

pub(super) fn decode(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let output = centers::output(builder, options)?;
    let (scores, labels) = centers::best(builder, &output);
    Ok(Candidates {
        family: "yolov5",
        frame: Frame::Ratio,
        boxes: Boxes::Centred {
            channels: output.fixed(2).unwrap_or_default(),
            rows: output.value,
        },
        scores,
        labels: Some(labels),
        parts: Vec::new(),
        prototypes: None,
        usual: USUAL,
        edge: 0.0,
        first_class: 0,
    })
}
