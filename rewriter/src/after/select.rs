//! Which candidates remain.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{Error, Result};

use super::builder::Builder;
use super::flow::{Boxes, Candidates, Labels, Part, Selected};
use super::ops::Reduction;
use super::rotated;
use super::source;
use super::steps::Nms;
use crate::portable::graph::{Graph, Value};

/// Where a family has no usual overlap.
pub(super) const USUAL_IOU: f64 = 0.7;
/// Further apart than any two boxes: Ultralytics' `max_wh`.
const APART: f32 = 7680.0;

/// Those with a score above `threshold` that overlap no better one.
pub(super) fn nms(builder: &mut Builder<'_>, candidates: &Candidates, nms: &Nms) -> Result<Selected> {
    let score = nms.score.unwrap_or_default() as f32;
    let threshold = builder.threshold("score_threshold", score);
    // A float32 is above the number that is meant exactly where it is above the nearest float32 that is not higher.
    let iou = builder.threshold("iou_threshold", not_above(nms.iou.unwrap_or(USUAL_IOU)));
    let max = nms.max.unwrap_or_default();
    let agnostic = nms.agnostic.unwrap_or_default();
    let Some(labels) = &candidates.labels else {
        let most = builder.graph.ints(&[max as i64]);
        return Ok(of_several_classes(
            &mut builder.graph,
            candidates,
            [&most, &iou, &threshold],
            max,
        ));
    };
    let is_rotated = |(part, _): &&(Part, Value)| *part == Part::Rotated;
    if let Some((_, boxes)) = candidates.parts.iter().find(is_rotated) {
        return rotated::nms(
            builder,
            candidates,
            (boxes, labels),
            [&threshold, &iou],
            max,
            agnostic,
        );
    }
    let geometry = match candidates.edge {
        0.0 => None,
        _ => Some(builder.geometry("nms")?),
    };
    let graph = &mut builder.graph;
    let most = graph.ints(&[max as i64]);
    let (image, place) = where_above(graph, &candidates.scores, &threshold, None);
    let index = flat(graph, candidates, &image, &place);
    let mut measured = boxes_at(graph, &candidates.boxes, &index);
    if let Some(geometry) = geometry {
        let edge = source::pixel_of_image(graph, &geometry, &image, candidates.edge);
        measured = graph.op("Add", &[&measured, &edge]);
    }
    if !agnostic {
        let class = labels_at(graph, labels, &index);
        let class = graph.float(&class);
        let shift = graph.with_float("Mul", &class, APART);
        let shift = graph.shaped(&shift, &[-1, 1]);
        measured = graph.op("Add", &[&measured, &shift]);
    }
    let measured = graph.shaped(&measured, &[1, -1, 4]);
    let scores = graph.shaped(&candidates.scores, &[-1]);
    let scores = graph.take(&scores, 0, &index);
    let scores = by_image(graph, candidates, &image, &scores);
    let chosen = graph.op(
        "NonMaxSuppression",
        &[&measured, &scores, &most, &iou, &threshold],
    );
    let [image, found] = [1, 2].map(|column| graph.entry(&chosen, 1, column));
    let place = graph.take(&place, 0, &found);
    Ok(gathered(graph, candidates, labels, &image, &place))
}

/// Scores [M] of places of several images as [1, N, M]: each image in the place of a class, to which boxes of others are none.
fn by_image(graph: &mut Graph, candidates: &Candidates, image: &Value, scores: &Value) -> Value {
    let images = graph.extent(candidates.boxes.rows(), 0);
    let images = graph.shaped(&images, &[]);
    let [zero, one] = [0, 1].map(|number| graph.int(number));
    let numbers = graph.op("Range", &[&zero, &images, &one]);
    let numbers = graph.shaped(&numbers, &[1, -1, 1]);
    let own = graph.op("Equal", &[&numbers, image]);
    let none = graph.floats(&[], &[f32::NEG_INFINITY]);
    graph.op("Where", &[&own, scores, &none])
}

/// The boxes of the rows `index` of [N * A, ...]: float32 [M, 4], x1 y1 x2 y2.
fn boxes_at(graph: &mut Graph, boxes: &Boxes, index: &Value) -> Value {
    match boxes {
        Boxes::Corners(boxes) => {
            let boxes = graph.shaped(boxes, &[-1, 4]);
            graph.take(&boxes, 0, index)
        }
        Boxes::Centred { rows, channels } => {
            let rows = graph.shaped(rows, &[-1, *channels]);
            let rows = graph.take(&rows, 0, index);
            let boxes = graph.part(&rows, 1, 0, 4);
            graph.corners(&boxes, 1)
        }
    }
}

/// The classes of the rows `index` of [N * A, ...]: int64 [M].
fn labels_at(graph: &mut Graph, labels: &Labels, index: &Value) -> Value {
    match labels {
        Labels::Each(labels) => {
            let labels = graph.shaped(labels, &[-1]);
            graph.take(&labels, 0, index)
        }
        Labels::Best {
            rows,
            channels,
            from,
            to,
            times,
        } => {
            let rows = graph.shaped(rows, &[-1, *channels]);
            let rows = graph.take(&rows, 0, index);
            let mut classes = graph.part(&rows, 1, *from, *to);
            if let Some(times) = times {
                let factor = graph.part(&rows, 1, *times, times + 1);
                classes = graph.op("Mul", &[&classes, &factor]);
            }
            graph.index_of_highest(&classes, 1)
        }
    }
}

/// The largest float32 that is not above `number`.
fn not_above(number: f64) -> f32 {
    let near = number as f32;
    if f64::from(near) > number {
        near.next_down()
    } else {
        near
    }
}

/// Of boxes that can have several classes, by falling score whatever the class.
fn of_several_classes(
    graph: &mut Graph,
    candidates: &Candidates,
    [most, iou, threshold]: [&Value; 3],
    max: usize,
) -> Selected {
    let chosen = graph.op(
        "NonMaxSuppression",
        &[candidates.boxes.rows(), &candidates.scores, most, iou, threshold],
    );
    let [image, class, place] = [0, 1, 2].map(|column| graph.entry(&chosen, 1, column));
    let [classes, count] = [1, 2].map(|axis| graph.extent(&candidates.scores, axis));
    let row = graph.op("Mul", &[&image, &classes]);
    let row = graph.op("Add", &[&row, &class]);
    let index = graph.op("Mul", &[&row, &count]);
    let index = graph.op("Add", &[&index, &place]);
    let scores = graph.shaped(&candidates.scores, &[-1]);
    let scores = graph.take(&scores, 0, &index);
    let order = by_score(graph, &image, &scores);
    let [image, class, place] = [image, class, place].map(|column| graph.take(&column, 0, &order));
    let scores = graph.take(&scores, 0, &order);
    let first = first_of_each(graph, candidates, &image, max);
    let [image, labels, place] = [image, class, place].map(|column| graph.take(&column, 0, &first));
    let scores = graph.take(&scores, 0, &first);
    let labels = graph.with_int("Add", &labels, candidates.first_class);
    let index = flat(graph, candidates, &image, &place);
    Selected {
        frame: candidates.frame,
        boxes: boxes_at(graph, &candidates.boxes, &index),
        scores,
        labels,
        image,
        parts: Vec::new(),
        prototypes: None,
        masks: None,
    }
}

/// Those with a score above `threshold`, in their order, at most `max` of an image.
///
/// # Errors
/// Of candidates that can have several classes.
pub(super) fn above(
    builder: &mut Builder<'_>,
    candidates: &Candidates,
    threshold: &Value,
    max: usize,
) -> Result<Selected> {
    let Some(labels) = &candidates.labels else {
        return Err(
            Error::new("threshold", "does not do for boxes that can have several classes")
                .expected_got("a step nms", candidates.family),
        );
    };
    let graph = &mut builder.graph;
    let (image, place) = where_above(graph, &candidates.scores, threshold, Some(max));
    Ok(gathered(graph, candidates, labels, &image, &place))
}

/// Where scores [N, A] are above `threshold`: the image and the place, int64 [M] each, in order; the first `max` of an image.
pub(super) fn where_above(
    graph: &mut Graph,
    scores: &Value,
    threshold: &Value,
    max: Option<usize>,
) -> (Value, Value) {
    let mut keep = graph.op("Greater", &[scores, threshold]);
    if let Some(max) = max {
        let ones = graph.cast(&keep, DataType::INT32);
        let axis = graph.int(1);
        let rank = graph.op("CumSum", &[&ones, &axis]);
        let after = graph.int32s(&[], &[i32::try_from(max).unwrap_or(i32::MAX - 1) + 1]);
        let early = graph.op("Less", &[&rank, &after]);
        keep = graph.op("And", &[&keep, &early]);
    }
    let places = graph.op("NonZero", &[&keep]);
    (graph.entry(&places, 0, 0), graph.entry(&places, 0, 1))
}

/// The candidates at `place` of `image`, int64 [M] each; `labels` are those of all.
pub(super) fn gathered(
    graph: &mut Graph,
    candidates: &Candidates,
    labels: &Labels,
    image: &Value,
    place: &Value,
) -> Selected {
    let index = flat(graph, candidates, image, place);
    let boxes = boxes_at(graph, &candidates.boxes, &index);
    let labels = labels_at(graph, labels, &index);
    let mut rows = |value: &Value, shape: &[i64]| {
        let value = graph.shaped(value, shape);
        graph.take(&value, 0, &index)
    };
    let scores = rows(&candidates.scores, &[-1]);
    let parts = candidates.parts.iter().map(|(part, value)| {
        let value = match part {
            Part::Keypoints { points, numbers } => rows(value, &[-1, *points, *numbers]),
            Part::Rotated => rows(value, &[-1, 5]),
            Part::MaskWeights { count } => rows(value, &[-1, *count]),
        };
        (*part, value)
    });
    Selected {
        frame: candidates.frame,
        boxes,
        scores,
        parts: parts.collect(),
        labels,
        image: image.clone(),
        prototypes: candidates.prototypes.clone(),
        masks: None,
    }
}

/// The row of [N * A, …] that is `place` of `image`.
fn flat(graph: &mut Graph, candidates: &Candidates, image: &Value, place: &Value) -> Value {
    let count = graph.extent(candidates.boxes.rows(), 1);
    let index = graph.op("Mul", &[image, &count]);
    graph.op("Add", &[&index, place])
}

/// The order that sorts by image, and by falling score in each: int64 [M].
pub(super) fn by_score(graph: &mut Graph, image: &Value, scores: &Value) -> Value {
    let all = graph.extent(scores, 0);
    let [_, falling] = graph.highest(scores, &all);
    let image = graph.take(image, 0, &falling);
    let image = graph.float(&image);
    let first = graph.op("Neg", &[&image]);
    // Of equal ones the first comes first: the order by score stays.
    let [_, grouped] = graph.highest(&first, &all);
    graph.take(&falling, 0, &grouped)
}

/// The places of the first `max` of each image, of `image` [M] that is sorted: int64 [K].
pub(super) fn first_of_each(graph: &mut Graph, candidates: &Candidates, image: &Value, max: usize) -> Value {
    let images = graph.extent(candidates.boxes.rows(), 0);
    let images = graph.shaped(&images, &[]);
    let [zero, one] = [0, 1].map(|number| graph.int(number));
    let numbers = graph.op("Range", &[&zero, &images, &one]);
    let column = graph.shaped(image, &[-1, 1]);
    let same = graph.op("Equal", &[&column, &numbers]);
    let same = graph.cast(&same, DataType::FLOAT);
    let before = graph.op("CumSum", &[&same, &zero]);
    let rank = graph.op("Mul", &[&before, &same]);
    let rank = graph.reduce(Reduction::Sum, &rank, 1, false);
    let early = graph.with_float("Less", &rank, max as f32 + 0.5);
    let places = graph.op("NonZero", &[&early]);
    graph.entry(&places, 0, 0)
}
