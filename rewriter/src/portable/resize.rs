//! The exact separable resize: one batched MatMul per axis.
//!
//! A weight times 2^22 is split into `high * 128 + low`, two float32 numbers; their products with
//! pixels and the sums of these are exact, so that any order of additions gives the same integers.
//! `low` has 7 fraction bits: up to 1024 taps its sum stays below 2^17 and keeps them all.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{CHANNELS, steps};

use super::axis::{Axis, BLOCK, Blocks, Sampling, blocks, nearest};
use super::graph::{Graph, Value, int, ints};
use super::num::{Condition, Num};
use super::size::{Crop, Extents, Pair};

/// Resizes and crops `image`, uint8 [N, H, W, 3], to uint8 [N, 3, height, width] of `crop.count`.
pub(super) fn resize(
    graph: &mut Graph,
    step: &steps::Resize,
    image: &Value,
    extents: &Extents,
    to: &Pair,
    crop: &Crop,
) -> Value {
    let axis = |from: &Num, to: &Num, start: &Num, count: &Num| Axis {
        input: from.clone(),
        output: to.clone(),
        start: start.clone(),
        count: count.clone(),
    };
    let rows = axis(&extents.image.rows, &to.rows, &crop.start.rows, &crop.count.rows);
    let columns = axis(&extents.image.columns, &to.columns, &crop.start.columns, &crop.count.columns);
    let Some(support) = step.filter.support() else {
        let rows = nearest(graph, &rows, step.filter, step.resampler);
        let picked = graph.op_with("Gather", &[image, &rows], vec![int("axis", 1)]);
        let columns = nearest(graph, &columns, step.filter, step.resampler);
        let picked = graph.op_with("Gather", &[&picked, &columns], vec![int("axis", 2)]);
        return graph.op_with("Transpose", &[&picked], vec![ints("perm", &[0, 3, 1, 2])]);
    };
    let vertical_first = vertical_first(graph, step, extents, to);
    let first = Axis::select(graph, &vertical_first, &rows, &columns);
    let second = Axis::select(graph, &vertical_first, &columns, &rows);
    let samplings = [first.sampling(graph, support), second.sampling(graph, support)];
    let slices = [slice(graph, &first, &samplings[0]), slice(graph, &second, &samplings[1])];
    let sliced = slice_image(graph, image, &vertical_first, &slices);
    let kinds = (step.filter, step.resampler);
    let flow = Flow {
        images: extents.images.clone(),
        order: vertical_first,
        lengths: [slices[0].length.clone(), slices[1].length.clone()],
        counts: [first.count.clone(), second.count.clone()],
    };

    let lines = flow.start(graph, &sliced);
    let weights = blocks(graph, &first, &samplings[0], kinds, (&slices[0].low, &slices[0].length));
    let lines = pass(graph, &lines, &weights, &first.count);
    let lines = flow.turn(graph, &lines);
    let weights = blocks(graph, &second, &samplings[1], kinds, (&slices[1].low, &slices[1].length));
    let lines = pass(graph, &lines, &weights, &second.count);
    flow.end(graph, &lines)
}

fn vertical_first(graph: &mut Graph, step: &steps::Resize, extents: &Extents, to: &Pair) -> Condition {
    if step.resampler != prep_onnx_pipeline::Resampler::Pillow {
        return Condition::Known(false);
    }
    let rows = graph.sub(&extents.image.rows, &to.rows);
    let columns = graph.sub(&extents.image.columns, &to.columns);
    let columns = graph.mul(&columns, &2.0.into());
    let shrinks = graph.less(&0.0.into(), &rows);
    let much = graph.less(&columns, &rows);
    graph.and(&shrinks, &much)
}

/// The source positions of one axis that are read.
struct Slice {
    low: Num,
    high: Num,
    length: Num,
    whole: bool,
}

fn slice(graph: &mut Graph, axis: &Axis, sampling: &Sampling) -> Slice {
    if axis.start.known() == Some(0.0) && axis.count == axis.output {
        return Slice { low: 0.0.into(), high: axis.input.clone(), length: axis.input.clone(), whole: true };
    }
    let low = axis.first(graph, sampling, &axis.start);
    let end = graph.add(&axis.start, &axis.count);
    let last = graph.sub(&end, &1.0.into());
    let high = axis.end(graph, sampling, &last);
    let length = graph.sub(&high, &low);
    Slice { low, high, length, whole: false }
}

fn slice_image(graph: &mut Graph, image: &Value, order: &Condition, [first, second]: &[Slice; 2]) -> Value {
    if first.whole && second.whole {
        return image.clone();
    }
    let mut edges = |of_first: &Num, of_second: &Num| {
        let rows = graph.select(order, of_first, of_second);
        let columns = graph.select(order, of_second, of_first);
        let (rows, columns) = (graph.int64(&rows), graph.int64(&columns));
        graph.op_with("Concat", &[&rows, &columns], vec![int("axis", 0)])
    };
    let low = edges(&first.low, &second.low);
    let high = edges(&first.high, &second.high);
    let axes = graph.ints(&[1, 2]);
    graph.op("Slice", &[image, &low, &high, &axes])
}

/// How the image lies between the passes: each pass maps [source positions, lines] to [outputs, lines].
struct Flow {
    images: Value,
    order: Condition,
    /// Source positions of the first and the second pass.
    lengths: [Num; 2],
    /// Outputs of the first and the second pass.
    counts: [Num; 2],
}

impl Flow {
    /// [N, rows, columns, 3] to [first axis, everything else].
    fn start(&self, graph: &mut Graph, image: &Value) -> Value {
        let rest = graph.ints(&[-1]);
        let rows = graph.select(&self.order, &self.lengths[0], &self.lengths[1]);
        let rows = graph.int64(&rows);
        let by_rows = graph.op("Mul", &[&self.images, &rows]);
        let flat = graph.op_with("Concat", &[&by_rows, &rest], vec![int("axis", 0)]);
        // Transposes of two axes are several times as fast as any other.
        let horizontal = |graph: &mut Graph| {
            let lines = graph.op("Reshape", &[image, &flat]);
            graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0])])
        };
        let lines = match &self.order {
            Condition::Known(_) => horizontal(graph),
            Condition::Later(vertical) => {
                let shape = graph.op_with("Concat", &[&self.images, &rows, &rest], vec![int("axis", 0)]);
                let no_axes = graph.ints(&[]);
                let vertical = graph.op("Reshape", &[vertical, &no_axes]);
                let by_image = |graph: &mut Graph| {
                    let lines = graph.op("Reshape", &[image, &shape]);
                    graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])])
                };
                graph.choose(&vertical, by_image, horizontal)
            }
        };
        self.with_first_axis(graph, &lines, &self.lengths[0])
    }

    /// The result of the first pass to [second axis, everything else].
    fn turn(&self, graph: &mut Graph, lines: &Value) -> Value {
        let channels = Num::from(CHANNELS);
        let interleaved = graph.mul(&self.lengths[1], &channels);
        let columns = graph.select(&self.order, &interleaved, &self.lengths[1]);
        let columns = graph.int64(&columns);
        let turned = self.transposed(graph, lines, |graph, rest| {
            graph.op_with("Concat", &[rest, &columns], vec![int("axis", 0)])
        });
        self.with_first_axis(graph, &turned, &self.lengths[1])
    }

    /// The result of the second pass to [N, 3, rows, columns].
    fn end(&self, graph: &mut Graph, lines: &Value) -> Value {
        let rest = graph.ints(&[-1]);
        let channels = graph.ints(&[CHANNELS as i64]);
        let area = graph.mul(&self.counts[0], &self.counts[1]);
        let pixels = graph.select(&self.order, &self.counts[1], &area);
        let pixels = graph.int64(&pixels);
        let planes = self.transposed(graph, lines, |graph, rest| {
            graph.op_with("Concat", &[&pixels, rest], vec![int("axis", 0)])
        });
        let rows = graph.select(&self.order, &self.counts[0], &1.0.into());
        let rows = graph.int64(&rows);
        let shape =
            graph.op_with("Concat", &[&channels, &rows, &self.images, &rest], vec![int("axis", 0)]);
        let planes = graph.op("Reshape", &[&planes, &shape]);
        let planes = graph.op_with("Transpose", &[&planes], vec![ints("perm", &[2, 0, 1, 3])]);
        let height = graph.select(&self.order, &self.counts[0], &self.counts[1]);
        let width = graph.select(&self.order, &self.counts[1], &self.counts[0]);
        let (height, width) = (graph.int64(&height), graph.int64(&width));
        let shape =
            graph.op_with("Concat", &[&self.images, &channels, &height, &width], vec![int("axis", 0)]);
        graph.op("Reshape", &[&planes, &shape])
    }

    fn transposed(
        &self,
        graph: &mut Graph,
        lines: &Value,
        shape: impl FnOnce(&mut Graph, &Value) -> Value,
    ) -> Value {
        let rest = graph.ints(&[-1]);
        let shape = shape(graph, &rest);
        let lines = graph.op("Reshape", &[lines, &shape]);
        graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0])])
    }

    fn with_first_axis(&self, graph: &mut Graph, lines: &Value, extent: &Num) -> Value {
        let rest = graph.ints(&[-1]);
        let extent = graph.int64(extent);
        let shape = graph.op_with("Concat", &[&extent, &rest], vec![int("axis", 0)]);
        graph.op("Reshape", &[lines, &shape])
    }
}

/// One pass: uint8 [source positions, lines] to uint8 [count, lines].
fn pass(graph: &mut Graph, lines: &Value, blocks: &Blocks, count: &Num) -> Value {
    let block = BLOCK as i64;
    let [half, fraction] = [64.0, 1.0 / 128.0].map(|value| graph.doubles(&[1], &[value]));
    let high = graph.op("Add", &[&blocks.weights, &half]);
    let high = graph.op("Mul", &[&high, &fraction]);
    let high = graph.op("Floor", &[&high]);
    let low = graph.op("Mul", &[&blocks.weights, &fraction]);
    let low = graph.op("Sub", &[&low, &high]);
    let weights = graph.op_with("Concat", &[&high, &low], vec![int("axis", 1)]);
    let weights = graph.cast(&weights, DataType::FLOAT);
    let pixels = graph.op_with("Gather", &[lines, &blocks.indices], vec![int("axis", 0)]);
    let pixels = graph.cast(&pixels, DataType::FLOAT);
    let sums = graph.op("MatMul", &[&weights, &pixels]);
    let axes = graph.ints(&[1]);
    let mut part = |from: i64| {
        let (from, to) = (graph.ints(&[from]), graph.ints(&[from + block]));
        graph.op("Slice", &[&sums, &from, &to, &axes])
    };
    let (high, low) = (part(0), part(block));
    // Half a unit keeps the sum off the ties that QuantizeLinear rounds to even.
    let low = graph.op("Floor", &[&low]);
    let half = graph.floats(&[1], &[0.5]);
    let low = graph.op("Add", &[&low, &half]);
    let sum = graph.op("Add", &[&low, &high]);
    let (scale, zero) = (graph.floats(&[], &[32_768.0]), graph.byte(0));
    let rounded = graph.op("QuantizeLinear", &[&sum, &scale, &zero]);

    if blocks.skip.known() == Some(0.0) && count.known().is_some_and(|count| count % BLOCK as f64 == 0.0) {
        return rounded;
    }
    let shape = graph.op("Shape", &[&rounded]);
    let two = graph.ints(&[2]);
    let lines = graph.op_with("Gather", &[&shape, &two], vec![int("axis", 0)]);
    let rest = graph.ints(&[-1]);
    let shape = graph.op_with("Concat", &[&rest, &lines], vec![int("axis", 0)]);
    let rows = graph.op("Reshape", &[&rounded, &shape]);
    let end = graph.add(&blocks.skip, count);
    let (start, end) = (graph.int64(&blocks.skip), graph.int64(&end));
    let axes = graph.ints(&[0]);
    graph.op("Slice", &[&rows, &start, &end, &axes])
}
