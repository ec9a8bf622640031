//! The exact separable resize: one batched MatMul per axis.
//!
//! Weights are whole multiples of 2^-22 or more, and pixels are bytes: float64 holds every product and sum
//! exactly, so that any order of additions gives the same. float32 would need two factors for a weight, could
//! not add more than 1024 taps, and is rounded to 11 bits (TF32) by some execution providers.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::{CHANNELS, Resampler, steps};

use super::axis::{Axis, BLOCK, DOUBLED, Window, nearest};
use super::graph::{Graph, Value, int, ints};
use super::num::{Condition, Extent, Num};
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
    let columns = axis(
        &extents.image.columns,
        &to.columns,
        &crop.start.columns,
        &crop.count.columns,
    );
    let Some(support) = step.filter.support() else {
        let rows = nearest(graph, &rows, step.filter, step.resampler);
        let picked = graph.op_with("Gather", &[image, &rows], vec![int("axis", 1)]);
        let columns = nearest(graph, &columns, step.filter, step.resampler);
        let picked = graph.op_with("Gather", &[&picked, &columns], vec![int("axis", 2)]);
        return graph.op_with("Transpose", &[&picked], vec![ints("perm", &[0, 3, 1, 2])]);
    };
    let vertical_first = vertical_first(graph, step.resampler, extents, to);
    let first = Axis::select(graph, &vertical_first, &rows, &columns);
    let second = Axis::select(graph, &vertical_first, &columns, &rows);
    let plans = [&first, &second].map(|axis| {
        let sampling = axis.sampling(graph, support);
        let window = Window::new(graph, axis, &sampling, step.resampler);
        let slice = slice(graph, axis, &window);
        (sampling, window, slice)
    });
    let [(_, _, first_slice), (_, _, second_slice)] = &plans;
    let sliced = slice_image(graph, image, &vertical_first, first_slice, second_slice);
    let flow = Flow {
        images: extents.images.clone(),
        order: vertical_first,
        lengths: [first_slice.length.clone(), second_slice.length.clone()],
        counts: [first.count.clone(), second.count.clone()],
    };

    let [first, second] = plans.each_ref().map(|(sampling, window, slice)| Blocks {
        indices: window.indices(graph, &slice.low, &slice.length),
        weights: window.weights(graph, sampling, step.filter, step.resampler),
    });
    let lines = flow.start(graph, &sliced);
    let lines = pass(graph, &lines, &first, &flow.counts[0]);
    let lines = flow.turn(graph, &lines);
    let lines = pass(graph, &lines, &second, &flow.counts[1]);
    flow.end(graph, &lines)
}

/// The needed outputs of an axis, in blocks of [`BLOCK`].
struct Blocks {
    /// Source positions of each block's window: int64 [blocks, window].
    indices: Value,
    /// Weights times [`DOUBLED`]: float64 [blocks, BLOCK, window].
    weights: Value,
}

/// Whether the vertical pass comes first, by `Resampler::vertical_first`.
pub(super) fn vertical_first(
    graph: &mut Graph,
    resampler: Resampler,
    extents: &Extents,
    to: &Pair,
) -> Condition {
    if resampler == Resampler::Torchvision {
        return Condition::Known(false);
    }
    let (rows, columns) = (&extents.image.rows, &extents.image.columns);
    let fewer_rows = graph.sub(rows, &to.rows);
    let shrinks = graph.less(&0.0.into(), &fewer_rows);
    let much = if resampler == Resampler::Pillow12 {
        let columns = graph.mul(columns, &100.0.into());
        graph.less(&columns, rows)
    } else {
        let fewer_columns = graph.sub(columns, &to.columns);
        let fewer_columns = graph.mul(&fewer_columns, &2.0.into());
        graph.less(&fewer_columns, &fewer_rows)
    };
    graph.and(&shrinks, &much)
}

/// The source positions of one axis that are read.
struct Slice {
    low: Num,
    high: Num,
    length: Num,
    whole: bool,
}

fn slice(graph: &mut Graph, axis: &Axis, window: &Window) -> Slice {
    if axis.start.known() == Some(0.0) && axis.count == axis.output {
        return Slice {
            low: 0.0.into(),
            high: axis.input.clone(),
            length: axis.input.clone(),
            whole: true,
        };
    }
    let (low, high) = window.extent(graph);
    let length = graph.sub(&high, &low);
    Slice {
        low,
        high,
        length,
        whole: false,
    }
}

fn slice_image(graph: &mut Graph, image: &Value, order: &Condition, first: &Slice, second: &Slice) -> Value {
    if first.whole && second.whole {
        return image.clone();
    }
    let mut edges = |of_first: &Num, of_second: &Num| {
        let rows = graph.select(order, of_first, of_second);
        let columns = graph.select(order, of_second, of_first);
        graph.shape(&[Extent::Num(&rows), Extent::Num(&columns)])
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
        let rows = graph.select(&self.order, &self.lengths[0], &self.lengths[1]);
        let rows = graph.int64(&rows);
        let lines = graph.op("Mul", &[&self.images, &rows]);
        let flat = graph.shape(&[Extent::Value(&lines), Extent::Rest]);
        // Transposes of two axes are several times as fast as any other.
        let horizontal = |graph: &mut Graph| turned(graph, image, &flat);
        let lines = match &self.order {
            Condition::Known(_) => horizontal(graph),
            Condition::Later(vertical) => {
                let shape = graph.shape(&[Extent::Value(&self.images), Extent::Value(&rows), Extent::Rest]);
                let no_axes = graph.ints(&[]);
                let vertical = graph.op("Reshape", &[vertical, &no_axes]);
                let by_image = |graph: &mut Graph| {
                    let lines = graph.op("Reshape", &[image, &shape]);
                    graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])])
                };
                graph.choose(&vertical, by_image, horizontal)
            }
        };
        let shape = graph.shape(&[Extent::Num(&self.lengths[0]), Extent::Rest]);
        graph.op("Reshape", &[&lines, &shape])
    }

    /// The result of the first pass to [second axis, everything else].
    fn turn(&self, graph: &mut Graph, lines: &Value) -> Value {
        let interleaved = graph.mul(&self.lengths[1], &CHANNELS.into());
        let columns = graph.select(&self.order, &interleaved, &self.lengths[1]);
        let shape = graph.shape(&[Extent::Rest, Extent::Num(&columns)]);
        let lines = turned(graph, lines, &shape);
        let shape = graph.shape(&[Extent::Num(&self.lengths[1]), Extent::Rest]);
        graph.op("Reshape", &[&lines, &shape])
    }

    /// The result of the second pass to [N, 3, rows, columns].
    fn end(&self, graph: &mut Graph, lines: &Value) -> Value {
        let [first, second] = &self.counts;
        let channels = Num::from(CHANNELS);
        let area = graph.mul(first, second);
        let pixels = graph.select(&self.order, second, &area);
        let shape = graph.shape(&[Extent::Num(&pixels), Extent::Rest]);
        let planes = turned(graph, lines, &shape);
        let height = graph.select(&self.order, first, second);
        let width = graph.select(&self.order, second, first);
        let [channels, images, height, width] = [
            Extent::Num(&channels),
            Extent::Value(&self.images),
            Extent::Num(&height),
            Extent::Num(&width),
        ];
        if let Condition::Known(_) = self.order {
            let shape = graph.shape(&[channels, images, height, width]);
            let planes = graph.op("Reshape", &[&planes, &shape]);
            return graph.op_with("Transpose", &[&planes], vec![ints("perm", &[1, 0, 2, 3])]);
        }
        // Vertical first leaves [3, rows, N, columns], horizontal first [3, 1, N, rows * columns].
        let rows = graph.select(&self.order, first, &1.0.into());
        let shape = graph.shape(&[channels, Extent::Num(&rows), images, Extent::Rest]);
        let planes = graph.op("Reshape", &[&planes, &shape]);
        let planes = graph.op_with("Transpose", &[&planes], vec![ints("perm", &[2, 0, 1, 3])]);
        let shape = graph.shape(&[images, channels, height, width]);
        graph.op("Reshape", &[&planes, &shape])
    }
}

/// The transpose of `lines` seen as a matrix of `shape`.
fn turned(graph: &mut Graph, lines: &Value, shape: &Value) -> Value {
    let matrix = graph.op("Reshape", &[lines, shape]);
    graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])])
}

/// One pass: uint8 [source positions, lines] to uint8 [count, lines].
fn pass(graph: &mut Graph, lines: &Value, blocks: &Blocks, count: &Num) -> Value {
    let pixels = graph.op_with("Gather", &[lines, &blocks.indices], vec![int("axis", 0)]);
    let pixels = graph.cast(&pixels, DataType::DOUBLE);
    let doubled = graph.op("MatMul", &[&blocks.weights, &pixels]);
    // Rounds towards 0: what is below 0 becomes 0 at the end all the same.
    let doubled = graph.cast(&doubled, DataType::INT32);
    let doubled = graph.cast(&doubled, DataType::FLOAT);
    // A scale of 2 would give ties, which QuantizeLinear rounds to even; they go up.
    let scale = graph.floats(&[], &[(DOUBLED - 1.0 / 1024.0) as f32]);
    let zero = graph.byte(0);
    let rounded = graph.op("QuantizeLinear", &[&doubled, &scale, &zero]);

    if count.known().is_some_and(|count| count % BLOCK as f64 == 0.0) {
        return rounded;
    }
    let shape = graph.op("Shape", &[&rounded]);
    let two = graph.ints(&[2]);
    let lines = graph.op_with("Gather", &[&shape, &two], vec![int("axis", 0)]);
    let shape = graph.shape(&[Extent::Rest, Extent::Value(&lines)]);
    let rows = graph.op("Reshape", &[&rounded, &shape]);
    let (start, end) = (graph.ints(&[0]), graph.int64(count));
    let axes = graph.ints(&[0]);
    graph.op("Slice", &[&rows, &start, &end, &axes])
}
