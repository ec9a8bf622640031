//! `torch.nn.functional.interpolate` of float32: the weights of `prep_onnx_pipeline::resample::FloatAxis`.
//!
//! One batched MatMul an axis. A window is as long as its taps and a few zeros, which change no sum: ONNX Runtime's CPU
//! provider adds the products of up to 128 of them in the order of the taps, each fused with its addition, as the scalar
//! reference does. Longer windows are added in pieces, and providers that multiply otherwise (TF32) are farther off.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::Filter;
use prep_onnx_pipeline::resample::FloatAxis;

use super::axis::{Axis, BLOCK, Outputs, Window};
use super::opencv::passes;
use super::pass::needed;
use super::taps::rounded_bytes;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;
use crate::portable::picture::Picture;

/// The needed outputs of an axis, in blocks of [`BLOCK`].
struct Pass {
    /// int64 [blocks, window].
    indices: Value,
    /// float32 [blocks, BLOCK, window].
    weights: Value,
    count: Num,
}

/// The needed rows and columns of uint8 images, rounded once, at the end.
pub(super) fn resize_bytes(
    graph: &mut Graph,
    picture: &Picture,
    axes: [&Axis; 2],
    filter: (Filter, bool),
) -> Picture {
    let floats = Picture {
        value: graph.cast(&picture.value, DataType::FLOAT),
        ..picture.clone()
    };
    let resized = resize(graph, &floats, axes, filter);
    let value = rounded_bytes(graph, &resized.value);
    Picture { value, ..resized }
}

/// The needed rows and columns of float32 images: horizontal first.
pub(super) fn resize(
    graph: &mut Graph,
    picture: &Picture,
    [rows, columns]: [&Axis; 2],
    filter: (Filter, bool),
) -> Picture {
    let [down, across] = [rows, columns].map(|axis| Pass::new(graph, axis, filter));
    passes(graph, picture, [rows, columns], |graph, at, lines| {
        [&across, &down][at].apply(graph, lines)
    })
}

impl Pass {
    fn new(graph: &mut Graph, axis: &Axis, (filter, antialias): (Filter, bool)) -> Self {
        if let Some(axis) = axis.known() {
            return Self::known(graph, axis, filter, antialias);
        }
        let outputs = Outputs::new(graph, axis, false);
        let single = |graph: &mut Graph, num: &Num| {
            let value = graph.value(num);
            graph.cast(&value, DataType::FLOAT)
        };
        let (input, output) = (single(graph, &axis.input), single(graph, &axis.output));
        let scale = graph.op("Div", &[&input, &output]);
        let (window, weights) = if antialias {
            widened(graph, axis, outputs, filter, &scale)
        } else if filter == Filter::Bicubic {
            cubic(graph, axis, outputs, &scale)
        } else {
            linear(graph, axis, outputs, &scale)
        };
        Self {
            indices: window.indices(graph, &0.0.into(), &axis.input),
            weights,
            count: axis.count.clone(),
        }
    }

    fn known(
        graph: &mut Graph,
        [input, output, start, count]: [usize; 4],
        filter: Filter,
        antialias: bool,
    ) -> Self {
        let axis = FloatAxis::new(filter, antialias, input, output);
        let last = start + count - 1;
        let blocks: Vec<Vec<usize>> = (0..count.div_ceil(BLOCK))
            .map(|block| {
                (0..BLOCK)
                    .map(|at| (start + block * BLOCK + at).min(last))
                    .collect()
            })
            .collect();
        let begin = |block: &[usize]| block.iter().map(|index| axis.window(*index).0).min().unwrap_or(0);
        let end = |block: &[usize]| {
            let ends = block
                .iter()
                .map(|index| axis.window(*index).0 + axis.window(*index).1.len());
            ends.max().unwrap_or(0)
        };
        let window = blocks
            .iter()
            .map(|block| end(block) - begin(block))
            .max()
            .unwrap_or(1);
        let mut weights = vec![0.0; blocks.len() * BLOCK * window];
        let mut indices = Vec::with_capacity(blocks.len() * window);
        for (block, rows) in blocks.iter().zip(weights.chunks_exact_mut(BLOCK * window)) {
            let first = begin(block);
            indices.extend((first..first + window).map(|at| at.min(input - 1) as i64));
            for (index, row) in block.iter().zip(rows.chunks_exact_mut(window)) {
                let (from, taps) = axis.window(*index);
                row[from - first..][..taps.len()].copy_from_slice(taps);
            }
        }
        Self {
            indices: graph.int64s(&[blocks.len(), window], &indices),
            weights: graph.floats(&[blocks.len(), BLOCK, window], &weights),
            count: count.into(),
        }
    }

    /// float32 [source positions, lines] to float32 [count, lines].
    fn apply(&self, graph: &mut Graph, lines: &Value) -> Value {
        let values = graph.op_with("Gather", &[lines, &self.indices], vec![int("axis", 0)]);
        let sums = graph.op("MatMul", &[&self.weights, &values]);
        needed(graph, &sums, &self.count)
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

    /// The kernel at float32 distances.
    fn kernel(&mut self, filter: Filter, a: f32, distance: &Value) -> Value {
        let x = self.0.op("Abs", &[distance]);
        let (zero, one) = (self.0.floats(&[], &[0.0]), self.0.floats(&[], &[1.0]));
        let near = self.f32("Less", &x, 1.0);
        if filter != Filter::Bicubic {
            let rest = self.op("Sub", &one, &x);
            return self.0.op("Where", &[&near, &rest, &zero]);
        }
        let inner = self.f32("Mul", &x, a + 2.0);
        let inner = self.f32("Sub", &inner, a + 3.0);
        let inner = self.op("Mul", &inner, &x);
        let inner = self.op("Mul", &inner, &x);
        let inner = self.f32("Add", &inner, 1.0);
        let outer = self.f32("Mul", &x, a);
        let outer = self.f32("Sub", &outer, 5.0 * a);
        let outer = self.op("Mul", &outer, &x);
        let outer = self.f32("Add", &outer, 8.0 * a);
        let outer = self.op("Mul", &outer, &x);
        let outer = self.f32("Sub", &outer, 4.0 * a);
        let below = self.f32("Less", &x, 2.0);
        let outer = self.0.op("Where", &[&below, &outer, &zero]);
        self.0.op("Where", &[&near, &inner, &outer])
    }
}

fn widened(
    graph: &mut Graph,
    axis: &Axis,
    outputs: Outputs,
    filter: Filter,
    scale: &Value,
) -> (Window, Value) {
    let mut mixed = Mixed(graph);
    let wide = mixed.f32("Max", scale, 1.0);
    let half = if filter == Filter::Bicubic { 2.0 } else { 1.0 };
    let support = mixed.f32("Mul", &wide, half);
    let one = mixed.0.floats(&[], &[1.0]);
    let inverse = mixed.op("Div", &one, &wide);
    let middle = mixed.f64("Add", &outputs.positions, 0.5);
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
    let window = Window::new(mixed.0, outputs, [first, end], &1.0.into());
    let at = mixed.single(&window.positions);
    let distance = mixed.op("Sub", &at, &center);
    let distance = mixed.double(&distance);
    let distance = mixed.f64("Add", &distance, 0.5);
    let inverse = mixed.double(&inverse);
    let distance = mixed.op("Mul", &distance, &inverse);
    let distance = mixed.single(&distance);
    let weights = mixed.kernel(filter, -0.5, &distance);
    let inside = window.inside(mixed.0);
    let zero = mixed.0.floats(&[], &[0.0]);
    let weights = mixed.0.op("Where", &[&inside, &weights, &zero]);
    // Adds in the order of the taps.
    let last_axis = mixed.0.int(2);
    let sums = mixed.op("CumSum", &weights, &last_axis);
    let last = mixed.0.ints(&[-1]);
    let sum = mixed.0.op_with("Gather", &[&sums, &last], vec![int("axis", 2)]);
    let weights = mixed.op("Div", &weights, &sum);
    (window, weights)
}

/// Two taps, those beyond an edge on the edge.
fn linear(graph: &mut Graph, axis: &Axis, outputs: Outputs, scale: &Value) -> (Window, Value) {
    let mut mixed = Mixed(graph);
    let middle = mixed.single(&outputs.positions);
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
    let zero = mixed.0.floats(&[], &[0.0]);
    let before_last = mixed.op("Less", &start, &last);
    let fraction = mixed.0.op("Where", &[&before_last, &fraction, &zero]);
    let one = mixed.0.floats(&[], &[1.0]);
    let rest = mixed.op("Sub", &one, &fraction);
    let end = mixed.f64("Add", &start, 2.0);
    let input = mixed.0.value(&axis.input);
    let end = mixed.op("Min", &end, &input);
    let window = Window::new(mixed.0, outputs, [start.clone(), end], &1.0.into());
    let next = mixed.f64("Add", &start, 1.0);
    let is_start = mixed.op("Equal", &window.positions, &start);
    let is_next = mixed.op("Equal", &window.positions, &next);
    let weights = mixed.0.op("Where", &[&is_next, &fraction, &zero]);
    let weights = mixed.0.op("Where", &[&is_start, &rest, &weights]);
    (window, weights)
}

/// Four taps, those beyond an edge added to that of the edge.
fn cubic(graph: &mut Graph, axis: &Axis, outputs: Outputs, scale: &Value) -> (Window, Value) {
    let mut mixed = Mixed(graph);
    // Rounded once, as a fused operation: float64 has the product.
    let middle = mixed.f64("Add", &outputs.positions, 0.5);
    let scale = mixed.double(scale);
    let real = mixed.op("Mul", &middle, &scale);
    let real = mixed.f64("Sub", &real, 0.5);
    let real = mixed.single(&real);
    let start = mixed.0.op("Floor", &[&real]);
    let fraction = mixed.op("Sub", &real, &start);
    let start = mixed.double(&start);
    let last = mixed.0.sub(&axis.input, &1.0.into());
    let last = mixed.0.value(&last);
    let mut at = |tap: f64| {
        let at = mixed.f64("Add", &start, tap);
        let at = mixed.f64("Max", &at, 0.0);
        mixed.op("Min", &at, &last)
    };
    let taps = [-1.0, 0.0, 1.0, 2.0].map(&mut at);
    let end = mixed.f64("Add", &taps[3], 1.0);
    let window = Window::new(mixed.0, outputs, [taps[0].clone(), end], &1.0.into());
    let (one, two) = (mixed.0.floats(&[], &[1.0]), mixed.0.floats(&[], &[2.0]));
    let distances = [
        mixed.op("Add", &fraction, &one),
        fraction.clone(),
        mixed.op("Sub", &one, &fraction),
        mixed.op("Sub", &two, &fraction),
    ];
    let zero = mixed.0.floats(&[], &[0.0]);
    let mut weights: Option<Value> = None;
    for (at, distance) in taps.iter().zip(&distances) {
        let weight = mixed.kernel(Filter::Bicubic, -0.75, distance);
        let here = mixed.op("Equal", &window.positions, at);
        let weight = mixed.0.op("Where", &[&here, &weight, &zero]);
        weights = Some(match weights {
            None => weight,
            Some(sum) => mixed.op("Add", &sum, &weight),
        });
    }
    (window, weights.unwrap_or(zero))
}
