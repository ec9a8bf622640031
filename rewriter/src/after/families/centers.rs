//! One output, boxes before channels: [N, boxes, 5 + classes], of which the fifth channel is whether there is something at all.

use prep_onnx_pipeline::Result;

use crate::after::builder::{Builder, Want};
use crate::after::flow::{Labels, Tensor};
use crate::after::ops::Reduction;
use crate::after::steps::Detections;
use crate::model::Dimension;
use crate::portable::graph::Value;

/// Rank 3, with fewer channels than boxes.
fn fits(shape: &[Dimension]) -> bool {
    let [_, boxes, channels] = shape else { return false };
    match (boxes.fixed(), channels.fixed()) {
        (Some(boxes), Some(channels)) => channels >= 6 && channels < boxes,
        (None, Some(channels)) => channels >= 6,
        (_, None) => false,
    }
}

pub(super) fn output(builder: &mut Builder<'_>, options: &Detections) -> Result<Tensor> {
    let want = Want {
        step: "detections",
        key: Some("boxes"),
        shape: "[N, boxes, 5 + classes], more boxes than channels",
        fits,
    };
    let output = builder.output(&want, options.boxes.as_deref())?;
    builder.tells_apart(output.fixed(2).map(|channels| channels - 5));
    Ok(output)
}

/// The score of the best class of each box, [N, boxes], and the classes.
pub(super) fn best(builder: &mut Builder<'_>, output: &Tensor) -> (Value, Labels) {
    let graph = &mut builder.graph;
    let object = graph.part(&output.value, 2, 4, 5);
    let classes = graph.part(&output.value, 2, 5, i64::MAX);
    let scores = graph.op("Mul", &[&classes, &object]);
    let channels = output.fixed(2).unwrap_or_default();
    let labels = Labels::Best {
        rows: output.value.clone(),
        channels,
        from: 5,
        to: channels,
        times: Some(4),
    };
    (graph.reduce(Reduction::Max, &scores, 2, false), labels)
}
