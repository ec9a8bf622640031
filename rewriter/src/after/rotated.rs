//! Rotated boxes: centre, width, height and angle. Overlap and suppression are Ultralytics' (probiou, fast NMS).

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Result;

use super::builder::Builder;
use super::flow::{Candidates, Labels, Selected};
use super::ops::Reduction;
use super::select::{by_score, first_of_each, gathered, where_above};
use crate::portable::graph::{Graph, Value};

/// Those above the score that overlap no better one, whether that remains or not.
pub(super) fn nms(
    builder: &mut Builder<'_>,
    candidates: &Candidates,
    (boxes, labels): (&Value, &Labels),
    [score, iou]: [&Value; 2],
    max: usize,
    agnostic: bool,
) -> Result<Selected> {
    let graph = &mut builder.graph;
    let (image, place) = where_above(graph, &candidates.scores, score, None);
    let found = gathered(graph, candidates, labels, &image, &place);
    let order = by_score(graph, &image, &found.scores);
    let [image, place, class] = [&image, &place, &found.labels].map(|value| graph.take(value, 0, &order));
    let count = graph.extent(boxes, 1);
    let index = graph.op("Mul", &[&image, &count]);
    let index = graph.op("Add", &[&index, &place]);
    let boxes = graph.shaped(boxes, &[-1, 5]);
    let boxes = graph.take(&boxes, 0, &index);
    let overlap = overlaps(graph, &boxes);
    let above = graph.op("Greater", &[&overlap, iou]);
    let mut suppresses = above;
    // Boxes of other images, and of other classes, are not met.
    let of = if agnostic {
        vec![&image]
    } else {
        vec![&image, &class]
    };
    for key in of {
        let (column, row) = (graph.shaped(key, &[-1, 1]), graph.shaped(key, &[1, -1]));
        let same = graph.op("Equal", &[&column, &row]);
        suppresses = graph.op("And", &[&suppresses, &same]);
    }
    let all = graph.extent(&image, 0);
    let all = graph.shaped(&all, &[]);
    let [zero, one] = [0, 1].map(|number| graph.int(number));
    let numbers = graph.op("Range", &[&zero, &all, &one]);
    let column = graph.shaped(&numbers, &[-1, 1]);
    let better = graph.op("Less", &[&column, &numbers]);
    suppresses = graph.op("And", &[&suppresses, &better]);
    let suppresses = graph.cast(&suppresses, DataType::FLOAT);
    let times = graph.reduce(Reduction::Sum, &suppresses, 0, false);
    let free = graph.with_float("Less", &times, 0.5);
    let free = graph.op("NonZero", &[&free]);
    let free = graph.entry(&free, 0, 0);
    let [image, place] = [&image, &place].map(|value| graph.take(value, 0, &free));
    let first = first_of_each(graph, candidates, &image, max);
    let [image, place] = [&image, &place].map(|value| graph.take(value, 0, &first));
    Ok(gathered(graph, candidates, labels, &image, &place))
}

/// Each with each: float32 [M, M].
fn overlaps(graph: &mut Graph, boxes: &Value) -> Value {
    const EPSILON: f32 = 1e-7;
    let [x, y, width, height, angle] = [0, 1, 2, 3, 4].map(|column| graph.part(boxes, 1, column, column + 1));
    let mut spread = |edge: &Value| {
        let square = graph.op("Mul", &[edge, edge]);
        graph.with_float("Div", &square, 12.0)
    };
    let (width, height) = (spread(&width), spread(&height));
    let (cos, sin) = (graph.op("Cos", &[&angle]), graph.op("Sin", &[&angle]));
    let (cos2, sin2) = (graph.op("Mul", &[&cos, &cos]), graph.op("Mul", &[&sin, &sin]));
    let mut weighted = |first: &Value, second: &Value| {
        let (first, second) = (
            graph.op("Mul", &[&width, first]),
            graph.op("Mul", &[&height, second]),
        );
        graph.op("Add", &[&first, &second])
    };
    let (a, b) = (weighted(&cos2, &sin2), weighted(&sin2, &cos2));
    let c = graph.op("Sub", &[&width, &height]);
    let c = graph.op("Mul", &[&c, &cos]);
    let c = graph.op("Mul", &[&c, &sin]);

    let mut both = |op: &str, column: &Value| {
        let row = graph.permuted(column, &[1, 0]);
        graph.op(op, &[column, &row])
    };
    let (sum_a, sum_b, sum_c) = (both("Add", &a), both("Add", &b), both("Add", &c));
    let (dx, dy) = (both("Sub", &x), both("Sub", &y));
    let mut times = |one: &Value, other: &Value| graph.op("Mul", &[one, other]);
    let product = times(&sum_a, &sum_b);
    let square = times(&sum_c, &sum_c);
    let (dx2, dy2) = (times(&dx, &dx), times(&dy, &dy));
    let (first, second) = (times(&sum_a, &dy2), times(&sum_b, &dx2));
    let area = times(&a, &b);
    let c2 = times(&c, &c);
    // (x2 - x1), which has the other sign.
    let third = times(&sum_c, &dx);
    let third = times(&third, &dy);
    let determinant = graph.op("Sub", &[&product, &square]);
    let divisor = graph.with_float("Add", &determinant, EPSILON);
    let far = graph.op("Add", &[&first, &second]);
    let far = graph.op("Div", &[&far, &divisor]);
    let far = graph.with_float("Mul", &far, 0.25);
    let skew = graph.op("Neg", &[&third]);
    let skew = graph.op("Div", &[&skew, &divisor]);
    let skew = graph.with_float("Mul", &skew, 0.5);
    let own = graph.op("Sub", &[&area, &c2]);
    let own = graph.with_float("Max", &own, 0.0);
    let row = graph.permuted(&own, &[1, 0]);
    let own = graph.op("Mul", &[&own, &row]);
    let own = graph.op("Sqrt", &[&own]);
    let own = graph.with_float("Mul", &own, 4.0);
    let own = graph.with_float("Add", &own, EPSILON);
    let shape = graph.op("Div", &[&determinant, &own]);
    let shape = graph.with_float("Add", &shape, EPSILON);
    let shape = graph.op("Log", &[&shape]);
    let shape = graph.with_float("Mul", &shape, 0.5);
    let distance = graph.op("Add", &[&far, &skew]);
    let distance = graph.op("Add", &[&distance, &shape]);
    let distance = graph.with_float("Max", &distance, EPSILON);
    let distance = graph.with_float("Min", &distance, 100.0);
    let closeness = graph.op("Neg", &[&distance]);
    let closeness = graph.op("Exp", &[&closeness]);
    let one = graph.floats(&[], &[1.0]);
    let apart = graph.op("Sub", &[&one, &closeness]);
    let apart = graph.with_float("Add", &apart, EPSILON);
    let apart = graph.op("Sqrt", &[&apart]);
    graph.op("Sub", &[&one, &apart])
}

/// The upright boxes around rotated ones: float32 [..., 4] of [..., 5].
pub(super) fn upright(graph: &mut Graph, boxes: &Value) -> Value {
    let centre = graph.part(boxes, -1, 0, 2);
    let [width, height, angle] = [2, 3, 4].map(|column| graph.part(boxes, -1, column, column + 1));
    let (cos, sin) = (graph.op("Cos", &[&angle]), graph.op("Sin", &[&angle]));
    let (width, height) = (
        graph.with_float("Div", &width, 2.0),
        graph.with_float("Div", &height, 2.0),
    );
    let mut reach = |first: &Value, second: &Value| {
        let first = graph.op("Mul", &[&width, first]);
        let second = graph.op("Mul", &[&height, second]);
        let (first, second) = (graph.op("Abs", &[&first]), graph.op("Abs", &[&second]));
        graph.op("Add", &[&first, &second])
    };
    let (x, y) = (reach(&cos, &sin), reach(&sin, &cos));
    let reach = graph.joined(&[&x, &y], -1);
    let [first, last] = ["Sub", "Add"].map(|op| graph.op(op, &[&centre, &reach]));
    graph.joined(&[&first, &last], -1)
}
