//! The exact separable resize: one batched MatMul per axis.
//!
//! Weights are whole multiples of 2^-22 or more, and pixels are bytes: float64 holds every product and sum
//! exactly, so that any order of additions gives the same. float32 would need two factors for a weight, could
//! not add more than 1024 taps, and is rounded to 11 bits (TF32) by some execution providers.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::plan::v1;
use prep_onnx_pipeline::{CHANNELS, Windows};

use super::axis::{Axis, BLOCK, DOUBLED, Window, nearest};
use super::graph::{Graph, Value, int, ints};
use super::num::{Condition, Extent, Num};
use super::size::{Crop, Extents, Pair, sized};

/// The newest operator set whose `QuantizeLinear` every runtime has that loads models of it. Newer sets changed
/// it for element types that are not met here: ONNX Runtime 1.23 lacks that of opset 23, 1.32 that of opset 28.
const QUANTIZE_OPSET: i64 = 22;

/// Resizes and crops `image`, uint8 [N, H, W, 3], to uint8 [N, 3, height, width] of `crop.count`.
pub(super) fn resize(
    graph: &mut Graph,
    step: &v1::Resize,
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
        let image = sized(graph, image, extents);
        let rows = nearest(graph, &rows, step.filter, step.resampler);
        let picked = graph.op_with("Gather", &[&image, &rows], vec![int("axis", 1)]);
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

/// Whether the vertical pass comes first, by `Windows::vertical_first`.
pub(super) fn vertical_first(graph: &mut Graph, windows: Windows, extents: &Extents, to: &Pair) -> Condition {
    if windows == Windows::Torchvision {
        return Condition::Known(false);
    }
    let (rows, columns) = (&extents.image.rows, &extents.image.columns);
    let fewer_rows = graph.sub(rows, &to.rows);
    let shrinks = graph.less(&0.0.into(), &fewer_rows);
    let much = if windows == Windows::Pillow12 {
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
///
/// Only one axis at a time changes its place: such transposes are several times as fast as any other.
struct Flow {
    images: Num,
    order: Condition,
    /// Source positions of the first and the second pass.
    lengths: [Num; 2],
    /// Outputs of the first and the second pass.
    counts: [Num; 2],
}

impl Flow {
    /// [N, rows, columns, 3] to [first axis, everything else].
    fn start(&self, graph: &mut Graph, image: &Value) -> Value {
        let [first, second] = &self.lengths;
        let lines = if self.order == Condition::Known(false) {
            let matrix = graph.op_with("Flatten", &[image], vec![int("axis", 2)]);
            graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])])
        } else {
            // [N, rows, columns * 3] vertically, [N * rows, columns * 3, 1] horizontally.
            let rows = graph.select(&self.order, first, second);
            let columns = graph.select(&self.order, second, first);
            let values = graph.mul(&columns, &CHANNELS.into());
            let all_rows = graph.mul(&self.images, &rows);
            let outer = graph.select(&self.order, &self.images, &all_rows);
            let moved = graph.select(&self.order, &rows, &values);
            let inner = graph.select(&self.order, &values, &1.0.into());
            let shape = graph.shape(&[Extent::Num(&outer), Extent::Num(&moved), Extent::Num(&inner)]);
            let lines = graph.op("Reshape", &[image, &shape]);
            graph.op_with("Transpose", &[&lines], vec![ints("perm", &[1, 0, 2])])
        };
        self.lines(graph, &lines, first, second)
    }

    /// The result of the first pass to [second axis, everything else].
    fn turn(&self, graph: &mut Graph, lines: &Value) -> Value {
        // [outputs, N, columns * 3] vertically, [outputs, 3 * N, rows] horizontally.
        let [count, length] = [&self.counts[0], &self.lengths[1]];
        let (planes, interleaved) = (self.planes(graph), graph.mul(length, &CHANNELS.into()));
        let outer = graph.select(&self.order, &self.images, &planes);
        let moved = graph.select(&self.order, &interleaved, length);
        let shape = graph.shape(&[Extent::Num(count), Extent::Num(&outer), Extent::Num(&moved)]);
        let lines = graph.op("Reshape", &[lines, &shape]);
        let lines = graph.op_with("Transpose", &[&lines], vec![ints("perm", &[2, 0, 1])]);
        let lines = graph.op_with("Flatten", &[&lines], vec![int("axis", 1)]);
        if self.order == Condition::Known(false) {
            return lines;
        }
        self.lines(graph, &lines, length, count)
    }

    /// The result of the second pass to [N, 3, rows, columns].
    fn end(&self, graph: &mut Graph, lines: &Value) -> Value {
        let [first, second] = &self.counts;
        // [columns, 3 * rows * N] vertically, [rows * columns, 3 * N] horizontally.
        let area = graph.mul(first, second);
        let pixels = graph.select(&self.order, second, &area);
        let planes = self.planes(graph);
        let lined = graph.mul(&planes, first);
        let others = graph.select(&self.order, &lined, &planes);
        let shape = graph.shape(&[Extent::Num(&pixels), Extent::Num(&others)]);
        let matrix = graph.op("Reshape", &[lines, &shape]);
        let planes = graph.op_with("Transpose", &[&matrix], vec![ints("perm", &[1, 0])]);
        // [3, rows, N, columns] vertically, [3, 1, N, rows * columns] horizontally; without images
        // [0, …, 1, …], since only the first extent may be 0.
        let some = graph.min(&self.images, &1.0.into());
        let channels = graph.mul(&some, &CHANNELS.into());
        let images = graph.max(&self.images, &1.0.into());
        let rows = graph.select(&self.order, first, &1.0.into());
        let shape = graph.shape(&[
            Extent::Num(&channels),
            Extent::Num(&rows),
            Extent::Num(&images),
            Extent::Num(&pixels),
        ]);
        let planes = graph.op("Reshape", &[&planes, &shape]);
        let planes = graph.op_with("Transpose", &[&planes], vec![ints("perm", &[2, 0, 1, 3])]);
        let planes = graph.op_with("Flatten", &[&planes], vec![int("axis", 2)]);
        let height = graph.select(&self.order, first, second);
        let width = graph.select(&self.order, second, first);
        let channels = Num::from(CHANNELS);
        let shape = graph.shape(&[
            Extent::Num(&self.images),
            Extent::Num(&channels),
            Extent::Num(&height),
            Extent::Num(&width),
        ]);
        graph.op("Reshape", &[&planes, &shape])
    }

    /// `lines` as [length, N * 3 * others].
    fn lines(&self, graph: &mut Graph, lines: &Value, length: &Num, others: &Num) -> Value {
        let planes = self.planes(graph);
        let rest = graph.mul(&planes, others);
        let shape = graph.shape(&[Extent::Num(length), Extent::Num(&rest)]);
        graph.op("Reshape", &[lines, &shape])
    }

    /// Channels of all images.
    fn planes(&self, graph: &mut Graph) -> Num {
        graph.mul(&self.images, &CHANNELS.into())
    }
}

/// One pass: uint8 [source positions, lines] to uint8 [count, lines].
fn pass(graph: &mut Graph, lines: &Value, blocks: &Blocks, count: &Num) -> Value {
    let pixels = graph.op_with("Gather", &[lines, &blocks.indices], vec![int("axis", 0)]);
    let pixels = graph.cast(&pixels, DataType::DOUBLE);
    let doubled = graph.op("MatMul", &[&blocks.weights, &pixels]);
    // Rounds towards 0: what is below 0 becomes 0 at the end all the same.
    let doubled = graph.cast(&doubled, DataType::INT32);
    let doubled = graph.cast(&doubled, DataType::FLOAT);
    let rounded = halved(graph, &doubled);
    let rows = graph.op_with("Flatten", &[&rounded], vec![int("axis", 2)]);
    if count.known().is_some_and(|count| count % BLOCK as f64 == 0.0) {
        return rows;
    }
    let (start, end) = (graph.ints(&[0]), graph.int64(count));
    let axes = graph.ints(&[0]);
    graph.op("Slice", &[&rows, &start, &end, &axes])
}

/// Half of whole numbers, rounded up, as uint8; what is out of range becomes 0 or 255.
fn halved(graph: &mut Graph, doubled: &Value) -> Value {
    if graph.opset <= QUANTIZE_OPSET {
        // A scale of 2 would give ties, which QuantizeLinear rounds to even; they go up.
        let scale = graph.floats(&[], &[(DOUBLED - 1.0 / 1024.0) as f32]);
        let zero = graph.byte(0);
        return graph.op("QuantizeLinear", &[doubled, &scale, &zero]);
    }
    // Half a step more than 1 keeps away from the edge that Cast cuts at.
    let [lowest, highest, more, half] = [0.0, 510.0, 1.5, 0.5].map(|value| graph.floats(&[], &[value]));
    let doubled = graph.op("Clip", &[doubled, &lowest, &highest]);
    let raised = graph.op("Add", &[&doubled, &more]);
    let half = graph.op("Mul", &[&raised, &half]);
    graph.cast(&half, DataType::UINT8)
}
