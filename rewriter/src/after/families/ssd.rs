//! Boxes as parts of the image with probabilities of every class, the first of which is the background.

use prep_onnx_pipeline::{Error, Result};

use crate::after::builder::{Builder, Want};
use crate::after::flow::{Boxes, Candidates, Frame, Usual};
use crate::after::steps::Detections;

const USUAL: Usual = Usual {
    score: 0.01,
    iou: Some(0.45),
    max: 200,
    agnostic: false,
    whose: "the SSD paper",
};

pub(super) fn decode(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let boxes = Want {
        step: "detections",
        key: Some("boxes"),
        shape: "the boxes [N, boxes, 4]",
        fits: |shape| shape.len() == 3 && shape[2].fixed() == Some(4),
    };
    let scores = Want {
        step: "detections",
        key: Some("scores"),
        shape: "the scores [N, boxes, classes]",
        fits: |shape| shape.len() == 3 && shape[2].fixed().is_none_or(|classes| classes >= 2),
    };
    let boxes = builder.output(&boxes, options.boxes.as_deref())?;
    let scores = builder.output(&scores, options.scores.as_deref())?;
    if let (Some(one), Some(other)) = (boxes.fixed(1), scores.fixed(1))
        && one != other
    {
        return Err(
            Error::new("detections", "boxes and scores are not of the same places").expected_got(
                format_args!("scores for `{}` {}", boxes.name, boxes.form()),
                format_args!("`{}` {}", scores.name, scores.form()),
            ),
        );
    }
    builder.tells_apart(scores.fixed(2));
    let graph = &mut builder.graph;
    let classes = graph.part(&scores.value, 2, 1, i64::MAX);
    Ok(Candidates {
        family: "ssd",
        frame: Frame::Relative,
        boxes: Boxes::Corners(boxes.value),
        scores: graph.permuted(&classes, &[0, 2, 1]),
        labels: None,
        parts: Vec::new(),
        prototypes: None,
        usual: USUAL,
        edge: 0.0,
        first_class: 1,
    })
}
