//! Taps of `prep_onnx_pipeline::resample::FloatAxis`, worked out in the graph.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Filter;

use super::axis::Axis;
use super::float_sums::FloatSums;
use super::taps::{column, outputs};
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;

/// The taps of an axis whose extents are not known.
pub(super) fn later(graph: &mut Graph, axis: &Axis, filter: Filter, antialias: bool) -> FloatSums {
    let index = outputs(graph, axis);
    let index = graph.value(&index);
    let single = |graph: &mut Graph, num: &Num| {
        let value = graph.value(num);
        graph.cast(&value, DataType::FLOAT)
    };
    let (input, output) = (single(graph, &axis.input), single(graph, &axis.output));
    let scale = graph.op("Div", &[&input, &output]);
    let mut mixed = Mixed(graph);
    match (antialias, filter) {
        (true, _) => widened(&mut mixed, axis, &index, filter, &scale),
        (false, Filter::Bicubic) => cubic(&mut mixed, axis, &index, &scale),
        (false, _) => linear(&mut mixed, axis, &index, &scale),
    }
}

/// Formulas in float32 and float64.
struct Mixed<'a>(&'a mut Graph);

impl Mixed<'_> {
    fn single(&mut self, value: &Value) -> Value {
        self.0.cast(value, DataType::FLOAT)
    }

    fn double(&mut self, value: &Value) -> Value {
        self.0.cast(value, DataType::DOUBLE)
    }

    fn f32(&mut self, op: &str, value: &Value, constant: f32) -> Value {
        let constant = self.0.floats(&[], &[constant]);
        self.0.op(op, &[value, &constant])
    }

    fn f64(&mut self, op: &str, value: &Value, constant: f64) -> Value {
        let constant = self.0.doubles(&[], &[constant]);
        self.0.op(op, &[value, &constant])
    }

    fn op(&mut self, op: &str, a: &Value, b: &Value) -> Value {
        self.0.op(op, &[a, b])
    }

    /// 1 - `value` in float32.
    fn rest(&mut self, value: &Value) -> Value {
        let one = self.0.floats(&[], &[1.0]);
        self.op("Sub", &one, value)
    }

    /// `a * b + c` of float32 numbers, rounded once: float64 has the product.
    fn fused(&mut self, a: &Value, b: &Value, c: f32) -> Value {
        let (a, b) = (self.double(a), self.double(b));
        let product = self.op("Mul", &a, &b);
        let sum = self.f64("Add", &product, f64::from(c));
        self.single(&sum)
    }

    fn fused_by(&mut self, a: f32, b: &Value, c: f32) -> Value {
        let a = self.0.floats(&[], &[a]);
        self.fused(&a, b, c)
    }

    /// The kernel of antialiased resizes at float32 distances from 0 on.
    fn wide(&mut self, filter: Filter, x: &Value) -> Value {
        let near = self.f32("Less", x, 1.0);
        let zero = self.0.floats(&[], &[0.0]);
        if filter != Filter::Bicubic {
            let rest = self.rest(x);
            return self.0.op("Where", &[&near, &rest, &zero]);
        }
        let inner = self.fused_by(1.5, x, -2.5);
        let inner = self.op("Mul", &inner, x);
        let inner = self.fused(&inner, x, 1.0);
        let outer = self.fused_by(-0.5, x, 2.5);
        let outer = self.fused(&outer, x, -4.0);
        let outer = self.fused(&outer, x, 2.0);
        let below = self.f32("Less", x, 2.0);
        let outer = self.0.op("Where", &[&below, &outer, &zero]);
        self.0.op("Where", &[&near, &inner, &outer])
    }

    /// The kernel of bicubic up to a distance of 1.
    fn near_cubic(&mut self, x: &Value) -> Value {
        let value = self.fused_by(1.25, x, -2.25);
        let value = self.op("Mul", &value, x);
        let value = self.op("Mul", &value, x);
        self.f32("Add", &value, 1.0)
    }

    /// The kernel of bicubic from a distance of 1 on.
    fn far_cubic(&mut self, x: &Value) -> Value {
        let value = self.fused_by(-0.75, x, 3.75);
        let value = self.fused(&value, x, -6.0);
        let value = self.op("Mul", &value, x);
        self.f32("Add", &value, 3.0)
    }

    /// Taps of positions float64 [count] and weights float32 [count], in the order of their sum.
    fn taps<const N: usize>(&mut self, taps: [(Value, Value); N]) -> FloatSums {
        let positions = taps.each_ref().map(|(position, _)| column(self.0, position));
        let weights = taps.each_ref().map(|(_, weight)| column(self.0, weight));
        let joined = |graph: &mut Graph, columns: &[Value; N]| {
            let columns: Vec<&Value> = columns.iter().collect();
            graph.op_with("Concat", &columns, vec![int("axis", 1)])
        };
        let indices = joined(self.0, &positions);
        let weights = joined(self.0, &weights);
        FloatSums {
            indices: self.0.cast(&indices, DataType::INT64),
            factors: None,
            weights: rows(self.0, &weights),
            taps: Some(N),
        }
    }
}

/// float32 [count, taps] as [count, 1, taps].
fn rows(graph: &mut Graph, weights: &Value) -> Value {
    let shape = graph.ints(&[0, 1, -1]);
    graph.op("Reshape", &[weights, &shape])
}

fn widened(mixed: &mut Mixed<'_>, axis: &Axis, index: &Value, filter: Filter, scale: &Value) -> FloatSums {
    let index = column(mixed.0, index);
    let wide = mixed.f32("Max", scale, 1.0);
    let half = if filter == Filter::Bicubic { 2.0 } else { 1.0 };
    let support = mixed.f32("Mul", &wide, half);
    let one = mixed.0.floats(&[], &[1.0]);
    let inverse = mixed.op("Div", &one, &wide);
    let middle = mixed.f64("Add", &index, 0.5);
    let scale = mixed.double(scale);
    let center = mixed.op("Mul", &middle, &scale);
    let center = mixed.single(&center);
    let mut edge = |op: &str| {
        let edge = mixed.op(op, &center, &support);
        let edge = mixed.double(&edge);
        let edge = mixed.f64("Add", &edge, 0.5);
        mixed.0.op("Floor", &[&edge])
    };
    let (first, end) = (edge("Sub"), edge("Add"));
    let first = mixed.f64("Max", &first, 0.0);
    let input = mixed.0.value(&axis.input);
    let end = mixed.op("Min", &end, &input);
    let count = mixed.op("Sub", &end, &first);
    let most = mixed.0.op_with("ReduceMax", &[&count], vec![int("keepdims", 0)]);
    let (zero, one) = (mixed.0.doubles(&[], &[0.0]), mixed.0.doubles(&[], &[1.0]));
    let tap = mixed.0.op("Range", &[&zero, &most, &one]);
    let positions = mixed.op("Add", &first, &tap);
    let inside = mixed.op("Less", &tap, &count);
    let at = mixed.single(&positions);
    let distance = mixed.op("Sub", &at, &center);
    let distance = mixed.double(&distance);
    let distance = mixed.f64("Add", &distance, 0.5);
    let inverse = mixed.double(&inverse);
    let distance = mixed.op("Mul", &distance, &inverse);
    let distance = mixed.single(&distance);
    let distance = mixed.0.op("Abs", &[&distance]);
    let weights = mixed.wide(filter, &distance);
    let nothing = mixed.0.floats(&[], &[0.0]);
    let weights = mixed.0.op("Where", &[&inside, &weights, &nothing]);
    // Adds in the order of the taps.
    let last_axis = mixed.0.int(1);
    let sums = mixed.op("CumSum", &weights, &last_axis);
    let last = mixed.0.ints(&[-1]);
    let sum = mixed.0.op_with("Gather", &[&sums, &last], vec![int("axis", 1)]);
    let weights = mixed.op("Div", &weights, &sum);
    // `FloatAxis::rounded`: the first, and whole groups of 4 after it.
    let groups = mixed.f64("Sub", &count, 1.0);
    let groups = mixed.f64("Mul", &groups, 0.25);
    let groups = mixed.0.op("Floor", &[&groups]);
    let rounded = mixed.f64("Mul", &groups, 4.0);
    let rounded = mixed.f64("Add", &rounded, 1.0);
    let rounded = mixed.op("Less", &tap, &rounded);
    let one = mixed.0.floats(&[], &[1.0]);
    let factors = mixed.0.op("Where", &[&rounded, &weights, &one]);
    let weights = mixed.0.op("Where", &[&rounded, &one, &weights]);
    let last = mixed.0.sub(&axis.input, &1.0.into());
    let last = mixed.0.value(&last);
    let positions = mixed.op("Min", &positions, &last);
    let shape = mixed.0.ints(&[0, -1, 1]);
    FloatSums {
        indices: mixed.0.cast(&positions, DataType::INT64),
        factors: Some(mixed.op("Reshape", &factors, &shape)),
        weights: rows(mixed.0, &weights),
        taps: None,
    }
}

/// Two taps, the second one first. Beyond the last pixel both are on it.
fn linear(mixed: &mut Mixed<'_>, axis: &Axis, index: &Value, scale: &Value) -> FloatSums {
    let middle = mixed.single(index);
    let middle = mixed.f32("Add", &middle, 0.5);
    let real = mixed.op("Mul", &middle, scale);
    let real = mixed.f32("Sub", &real, 0.5);
    let real = mixed.f32("Max", &real, 0.0);
    let start = mixed.0.op("Floor", &[&real]);
    let start = mixed.double(&start);
    let last = mixed.0.sub(&axis.input, &1.0.into());
    let last = mixed.0.value(&last);
    let start = mixed.op("Min", &start, &last);
    let start_single = mixed.single(&start);
    let fraction = mixed.op("Sub", &real, &start_single);
    let fraction = mixed.f32("Max", &fraction, 0.0);
    let fraction = mixed.f32("Min", &fraction, 1.0);
    let rest = mixed.rest(&fraction);
    let next = mixed.f64("Add", &start, 1.0);
    let next = mixed.op("Min", &next, &last);
    mixed.taps([(next, fraction), (start, rest)])
}

/// Four taps, the second one first; those beyond an edge are on it.
fn cubic(mixed: &mut Mixed<'_>, axis: &Axis, index: &Value, scale: &Value) -> FloatSums {
    // Rounded once, as a fused operation: float64 has the product.
    let middle = mixed.f64("Add", index, 0.5);
    let scale = mixed.double(scale);
    let real = mixed.op("Mul", &middle, &scale);
    let real = mixed.f64("Sub", &real, 0.5);
    let real = mixed.single(&real);
    let start = mixed.0.op("Floor", &[&real]);
    let before = mixed.op("Sub", &real, &start);
    let after = mixed.rest(&before);
    let start = mixed.double(&start);
    let last = mixed.0.sub(&axis.input, &1.0.into());
    let last = mixed.0.value(&last);
    let mut at = |tap: f64| {
        let at = mixed.f64("Add", &start, tap);
        let at = mixed.f64("Max", &at, 0.0);
        mixed.op("Min", &at, &last)
    };
    let [second, first, third, fourth] = [0.0, -1.0, 1.0, 2.0].map(&mut at);
    let (far_before, far_after) = (mixed.f32("Add", &before, 1.0), mixed.f32("Add", &after, 1.0));
    let weights = [
        mixed.near_cubic(&before),
        mixed.far_cubic(&far_before),
        mixed.near_cubic(&after),
        mixed.far_cubic(&far_after),
    ];
    let [near_before, far_before, near_after, far_after] = weights;
    mixed.taps([
        (second, near_before),
        (first, far_before),
        (third, near_after),
        (fourth, far_after),
    ])
}
