//! One pass with weights that are worked out in the graph: products of float32 matrices that lose no bit.
//!
//! A weight is a whole number of at most 24 bits. It is written as two digits: the unit of the higher one is the least power of
//! two of which the largest weight has at most 2^11, so that float32 holds each even where an execution provider rounds
//! factors to 11 bits (TF32). There are at most 2^15 units to 1, so that sums of higher digits times bytes stay below 2^24; the
//! unit is then at most 2^7, and those of lower digits do up to [`MAX_TAPS`]. Up to there every partial sum is a whole number that
//! float32 has, in whatever order it is added up. A longer window is cut into pieces: of the sums of each, the whole units and what
//! is left of them are added up apart.
//!
//! No lower digit is negative, so that the whole units of their sums are what a cast to int32 keeps, which takes a fraction of the
//! time of `Floor`.

use onnx_protobuf::tensor_proto::DataType;

use super::axis::BLOCK;
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Extent, Num};

/// Up to so many products of bytes and lower digits, each at most (2^7 - 1) * 255 of its 2^-7, have a sum below 2^24.
pub(super) const MAX_TAPS: usize = 518;
const _: () = assert!(MAX_TAPS * 127 * 255 < 1 << 24);

/// More lines, or blocks, than memory holds.
const MOST: f64 = (1_i64 << 40) as f64;

/// The operator set from which on `ReduceSum` takes its axes as an input.
const SUM_AXES_OPSET: i64 = 13;

/// The newest operator set whose `QuantizeLinear` every runtime has that loads models of it. Newer sets changed
/// it for element types that are not met here: ONNX Runtime 1.23 lacks that of opset 23, 1.32 that of opset 28.
const QUANTIZE_OPSET: i64 = 22;

/// The needed outputs of an axis, in blocks of [`BLOCK`].
pub(super) struct Pass {
    pub(super) groups: Vec<Group>,
    pub(super) pieces: Num,
    /// What stands for 1, in units: float32 without axes.
    pub(super) one: Value,
    pub(super) count: Num,
}

/// Blocks whose products are one node.
pub(super) struct Group {
    /// Source positions of each block's window: int64 [blocks, pieces, length of a piece].
    pub(super) indices: Value,
    /// The higher digits, then the lower ones, in units: float32 [blocks, pieces, 2 * BLOCK, length of a piece].
    pub(super) digits: Value,
}

impl Pass {
    /// uint8 [source positions, lines] to uint8 [count, lines].
    pub(super) fn apply(&self, graph: &mut Graph, lines: &Value) -> Value {
        let sums: Vec<Value> = self
            .groups
            .iter()
            .map(|Group { indices, digits }| {
                let pixels = graph.op_with("Gather", &[lines, indices], vec![int("axis", 0)]);
                let pixels = graph.cast(&pixels, DataType::FLOAT);
                // One product: what takes time is to read the pixels.
                graph.exact_product(digits, &pixels)
            })
            .collect();
        let sums = match sums.as_slice() {
            [sums] => sums.clone(),
            sums => graph.op_with("Concat", &sums.iter().collect::<Vec<_>>(), vec![int("axis", 0)]),
        };
        let whole = graph.cast(&sums, DataType::INT32);
        let whole = graph.cast(&whole, DataType::FLOAT);
        // Both digits of each piece: [blocks, pieces, 2, BLOCK, lines].
        let shape = graph.ints(&[0, 0, 2, BLOCK as i64, -1]);
        let whole = graph.op("Reshape", &[&whole, &shape]);
        let sum = added_up(graph, &whole, &[1, 2]);
        let mut more = graph.floats(&[], &[0.5]);
        if self.pieces.known() != Some(1.0) {
            let left = self.left(graph, &sums);
            more = graph.op("Add", &[&left, &more]);
        }
        let sum = graph.op("Add", &[&sum, &more]);
        let value = self.rounded(graph, &sum);
        needed(graph, &value, &self.count)
    }

    /// What is left of the `sums` [blocks, pieces, 2 * BLOCK, lines] of lower digits beside whole units, in whole units:
    /// [blocks, BLOCK, lines], or of one of each.
    fn left(&self, graph: &mut Graph, sums: &Value) -> Value {
        // Of one piece it is 0, whatever the pixels: one sum says so for all.
        let pieces = graph.value(&self.pieces);
        let others = MOST - 1.0;
        let all = graph.doubles(&[], &[MOST]);
        let others = graph.doubles(&[4], &[others, others, others - BLOCK as f64, others]);
        let end = graph.op("Mul", &[&pieces, &all]);
        let end = graph.op("Sub", &[&end, &others]);
        let end = graph.cast(&end, DataType::INT64);
        let start = graph.ints(&[0, 0, BLOCK as i64, 0]);
        let low = graph.op("Slice", &[sums, &start, &end]);
        let unit = graph.floats(&[], &[1.0]);
        let left = graph.op_with("Mod", &[&low, &unit], vec![int("fmod", 1)]);
        let left = added_up(graph, &left, &[1]);
        graph.op("Floor", &[&left])
    }

    /// `sum`, half a unit of it more than it is, by `one`, halves up, as uint8; what is out of range becomes 0 or 255.
    fn rounded(&self, graph: &mut Graph, sum: &Value) -> Value {
        if graph.opset <= QUANTIZE_OPSET {
            // No tie is left, which QuantizeLinear would round to even.
            let zero = graph.bytes(&[], &[0]);
            return graph.op("QuantizeLinear", &[sum, &self.one, &zero]);
        }
        let one = graph.floats(&[], &[1.0]);
        let factor = graph.op("Div", &[&one, &self.one]);
        let value = graph.op("Mul", &[sum, &factor]);
        let half = graph.floats(&[], &[0.5]);
        let value = graph.op("Add", &[&value, &half]);
        let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
        let value = graph.op("Clip", &[&value, &least, &most]);
        graph.cast(&value, DataType::UINT8)
    }
}

/// The sums over `axes`, which go away.
fn added_up(graph: &mut Graph, value: &Value, axes: &[i64]) -> Value {
    let keep = int("keepdims", 0);
    if graph.opset < SUM_AXES_OPSET {
        return graph.op_with("ReduceSum", &[value], vec![ints("axes", axes), keep]);
    }
    let axes = graph.ints(axes);
    graph.op_with("ReduceSum", &[value, &axes], vec![keep])
}

/// [blocks, BLOCK, lines] as [count, lines].
fn needed(graph: &mut Graph, blocks: &Value, count: &Num) -> Value {
    if count.known().is_some_and(|count| count % BLOCK as f64 == 0.0) {
        // One that the next Reshape replaces.
        let shape = graph.shape(&[Extent::Num(count), Extent::Rest]);
        return graph.op("Reshape", &[blocks, &shape]);
    }
    let rows = graph.op_with("Flatten", &[blocks], vec![int("axis", 2)]);
    let (start, end) = (graph.ints(&[0]), graph.int64(count));
    let axes = graph.ints(&[0]);
    graph.op("Slice", &[&rows, &start, &end, &axes])
}
