//! A set of queries with logits, the last class of which is "nothing": transformers' `post_process_object_detection` of DETR.

use prep_onnx_pipeline::{Error, Result};

use crate::after::builder::{Builder, Want};
use crate::after::flow::{Boxes, Candidates, Frame, Labels, Tensor, Usual};
use crate::after::ops::Reduction;
use crate::after::steps::Detections;
use crate::portable::graph::int;

pub(super) const USUAL: Usual = Usual {
    score: 0.5,
    iou: None,
    max: 1_000_000,
    agnostic: false,
    whose: "transformers' post_process_object_detection",
};

pub(super) fn decode(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let (logits, boxes) = outputs(builder, options)?;
    builder.tells_apart(logits.fixed(2).map(|classes| classes - 1));
    let graph = &mut builder.graph;
    let probabilities = graph.op_with("Softmax", &[&logits.value], vec![int("axis", -1)]);
    let classes = graph.part(&probabilities, 2, 0, -1);
    Ok(Candidates {
        family: "detr",
        frame: Frame::Relative,
        boxes: Boxes::Corners(graph.corners(&boxes.value, 2)),
        scores: graph.reduce(Reduction::Max, &classes, 2, false),
        labels: Some(Labels::Each(graph.index_of_highest(&classes, 2))),
        parts: Vec::new(),
        prototypes: None,
        usual: USUAL,
        edge: 0.0,
        first_class: 0,
    })
}

/// Logits and boxes: by the names that are given, by those that exporters give them, or by their shapes.
pub(super) fn outputs(builder: &mut Builder<'_>, options: &Detections) -> Result<(Tensor, Tensor)> {
    let boxes = Want {
        step: "detections",
        key: Some("boxes"),
        shape: "the boxes [N, queries, 4]",
        fits: |shape| shape.len() == 3 && shape[2].fixed() == Some(4),
    };
    let logits = Want {
        step: "detections",
        key: Some("scores"),
        shape: "the logits [N, queries, classes]",
        fits: |shape| shape.len() == 3 && shape[2].fixed().is_none_or(|classes| classes >= 1),
    };
    let named = |given: &Option<String>, usual: &[&str]| {
        given.clone().or_else(|| {
            let usual = usual
                .iter()
                .find(|usual| builder.outputs().any(|output| output.name == **usual));
            usual.map(|usual| (*usual).to_owned())
        })
    };
    let (boxes_name, logits_name) = (
        named(&options.boxes, &["pred_boxes"]),
        named(&options.scores, &["logits", "pred_logits"]),
    );
    let boxes = builder.output(&boxes, boxes_name.as_deref())?;
    let logits = builder.output(&logits, logits_name.as_deref()).map_err(|error| {
        if error.help().is_some() && options.scores.is_none() {
            error.fix("name the logits: --then detections=family=FAMILY,scores=NAME")
        } else {
            error
        }
    })?;
    let same = |axis: usize| match (boxes.fixed(axis), logits.fixed(axis)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    if same(0) && same(1) {
        return Ok((logits, boxes));
    }
    Err(
        Error::new("detections", "boxes and logits are not of the same queries").expected_got(
            format_args!("logits for `{}` {}", boxes.name, boxes.form()),
            format_args!("`{}` {}", logits.name, logits.form()),
        ),
    )
}
