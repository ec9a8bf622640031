//! A set of queries whose classes do not exclude each other: transformers' `post_process_object_detection` of RT-DETR.

use prep_onnx_pipeline::Result;

use super::detr::{USUAL, outputs};
use crate::after::builder::Builder;
use crate::after::flow::{Boxes, Candidates, Frame, Labels};
use crate::after::steps::Detections;

pub(super) fn decode(builder: &mut Builder<'_>, options: &Detections) -> Result<Candidates> {
    let (logits, boxes) = outputs(builder, options)?;
    builder.tells_apart(logits.fixed(2));
    let graph = &mut builder.graph;
    let scores = graph.op("Sigmoid", &[&logits.value]);
    let (queries, classes) = (graph.extent(&logits.value, 1), graph.extent(&logits.value, 2));
    // The best pairs of query and class, as many as there are queries.
    let all = graph.op("Mul", &[&queries, &classes]);
    let row = graph.ints(&[-1]);
    let shape = graph.joined(&[&row, &all], 0);
    let flat = graph.op("Reshape", &[&scores, &shape]);
    let [scores, index] = graph.highest(&flat, &queries);
    let query = graph.op("Div", &[&index, &classes]);
    let before = graph.op("Mul", &[&query, &classes]);
    let labels = graph.op("Sub", &[&index, &before]);
    let corners = graph.corners(&boxes.value, 2);
    let four = graph.ints(&[1, 1, 4]);
    let one = graph.ints(&[1]);
    let shape = graph.joined(&[&row, &queries, &one], 0);
    let query = graph.op("Reshape", &[&query, &shape]);
    let query = graph.op("Expand", &[&query, &four]);
    let boxes = graph.op_with(
        "GatherElements",
        &[&corners, &query],
        vec![crate::portable::graph::int("axis", 1)],
    );
    Ok(Candidates {
        family: "rtdetr",
        frame: Frame::Relative,
        boxes: Boxes::Corners(boxes),
        scores,
        labels: Some(Labels::Each(labels)),
        parts: Vec::new(),
        prototypes: None,
        usual: USUAL,
        edge: 0.0,
        first_class: 0,
    })
}
