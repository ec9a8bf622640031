//! Masks from prototypes, in the size of the source image.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{Error, Result};

use super::builder::Builder;
use super::enlarged::{Prototypes, positions};
use super::flow::{Frame, Part, Selected};
use super::ops::Reduction;
use super::source::sizes;
use crate::portable::graph::Value;

/// `selected` with masks; detections whose mask is empty go, as with Ultralytics.
///
/// # Errors
/// Of a model without prototypes, and of boxes that are not the source image's.
pub(super) fn masks(builder: &mut Builder<'_>, selected: Selected) -> Result<Selected> {
    let weights = selected
        .parts
        .iter()
        .find_map(|(part, value)| matches!(part, Part::MaskWeights { .. }).then(|| value.clone()));
    let (Some(weights), Some(prototypes)) = (weights, &selected.prototypes) else {
        return Err(
            Error::new("masks", "needs the prototypes of a segmentation model")
                .expected_got("detections=seg before it", "detections without prototypes"),
        );
    };
    if selected.frame != Frame::Image {
        return Err(Error::new("masks", "needs boxes in pixels of the source image")
            .expected_got("a step unmap before it", "boxes of the model's input")
            .fix("add --then unmap before it"));
    }
    let (Some(count), Some(rows), Some(columns)) =
        (prototypes.fixed(1), prototypes.fixed(2), prototypes.fixed(3))
    else {
        return Err(Error::new("masks", "needs prototypes of a known size")
            .expected_got("float32 [N, prototypes, rows, columns]", prototypes.form())
            .fix("export the model for one size of image"));
    };
    let geometry = builder.geometry("masks")?;
    let graph = &mut builder.graph;
    let [heights, widths] = sizes(graph, &geometry);
    let shown = Prototypes::new(graph, [rows, columns], [&heights, &widths]);
    let [vertical, horizontal] = [0, 1].map(|axis| shown.weights(graph, axis));
    // [M, 1, count] x [M, count, rows * columns]
    let flat = graph.shaped(&prototypes.value, &[-1, count, rows * columns]);
    let flat = graph.take(&flat, 0, &selected.image);
    let weights = graph.shaped(&weights, &[-1, 1, count]);
    let small = graph.op("MatMul", &[&weights, &flat]);
    let small = graph.shaped(&small, &[-1, rows, columns]);
    let vertical = graph.take(&vertical, 0, &selected.image);
    let horizontal = graph.permuted(&horizontal, &[0, 2, 1]);
    let horizontal = graph.take(&horizontal, 0, &selected.image);
    let tall = graph.op("MatMul", &[&vertical, &small]);
    let whole = graph.op("MatMul", &[&tall, &horizontal]);
    let zero = graph.floats(&[], &[0.0]);
    let mut inside = graph.op("Greater", &[&whole, &zero]);
    for (size, from, to, shape) in [(&heights, 1, 3, [1, -1, 1]), (&widths, 0, 2, [1, 1, -1])] {
        let places = positions(graph, size);
        let places = graph.shaped(&places, &shape);
        let [from, to] = [from, to].map(|column| {
            let edge = graph.part(&selected.boxes, 1, column, column + 1);
            graph.shaped(&edge, &[-1, 1, 1])
        });
        // At or behind the first edge, before the second: of two edges in order exactly one "less" holds.
        let before = graph.op("Less", &[&places, &from]);
        let before = graph.op("Not", &[&before]);
        let behind = graph.op("Less", &[&places, &to]);
        let between = graph.op("And", &[&before, &behind]);
        inside = graph.op("And", &[&inside, &between]);
    }
    let masks = graph.cast(&inside, DataType::UINT8);
    // Ultralytics leaves detections out whose mask is empty.
    let filled = graph.cast(&inside, DataType::FLOAT);
    let filled = graph.reduce(Reduction::Max, &filled, 2, false);
    let filled = graph.reduce(Reduction::Max, &filled, 1, false);
    let filled = graph.op("Greater", &[&filled, &zero]);
    let kept = graph.op("NonZero", &[&filled]);
    let kept = graph.entry(&kept, 0, 0);
    let mut keep = |value: &Value| graph.take(value, 0, &kept);
    Ok(Selected {
        frame: selected.frame,
        boxes: keep(&selected.boxes),
        scores: keep(&selected.scores),
        labels: keep(&selected.labels),
        image: keep(&selected.image),
        parts: selected
            .parts
            .iter()
            .map(|(part, value)| (*part, keep(value)))
            .collect(),
        prototypes: selected.prototypes.clone(),
        masks: Some(keep(&masks)),
    })
}
