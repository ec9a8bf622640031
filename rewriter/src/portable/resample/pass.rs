//! One pass with weights that are worked out in the graph: products of float32 matrices that lose no bit.
//!
//! A weight is a whole number of at most 24 bits. It is written as two digits: the unit of the higher one is the least power of
//! two of which the largest weight has at most 2^11, so that float32 holds each even where an execution provider rounds
//! factors to 11 bits (TF32). There are at most 2^15 units to 1, so that sums of higher digits times bytes stay below 2^24; the
//! unit is then at most 2^7, and those of lower digits do up to [`MAX_TAPS`]. Up to there every partial sum is a whole number that
//! float32 has, in whatever order it is added up. A longer window is cut into pieces: of the sums of each, the whole units and what
//! is left of them are added up apart.

use onnx_protobuf::tensor_proto::DataType;

use super::axis::BLOCK;
use super::weights::Integers;
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Extent, Num};

/// Up to so many products of bytes and lower digits, each at most 2^6 * 255 of its 2^-7, have a sum below 2^24.
pub(super) const MAX_TAPS: usize = 1024;

/// More lines than memory holds.
const MOST_LINES: i64 = 1 << 40;

/// The operator set from which on `ReduceSum` takes its axes as an input.
const SUM_AXES_OPSET: i64 = 13;

/// The newest operator set whose `QuantizeLinear` every runtime has that loads models of it. Newer sets changed
/// it for element types that are not met here: ONNX Runtime 1.23 lacks that of opset 23, 1.32 that of opset 28.
const QUANTIZE_OPSET: i64 = 22;

/// The needed outputs of an axis, in blocks of [`BLOCK`].
pub(super) struct Pass {
    /// Source positions of each block's window: int64 [blocks, window].
    indices: Value,
    /// The higher digits, then the lower ones, in units: float32 [blocks, 2 * BLOCK, window].
    digits: Value,
    /// Where there may be several, both are [blocks, pieces, …, length of a piece].
    pieces: Num,
    /// What stands for 1, in units: float64 without axes.
    one: Value,
    count: Num,
}

impl Pass {
    pub(super) fn new(
        graph: &mut Graph,
        (indices, pieces): (Value, &Num),
        integers: &Integers,
        count: &Num,
    ) -> Self {
        let unit = graph.op("Div", &[&integers.one, &integers.units]);
        let in_units = graph.op("Div", &[&integers.weights, &unit]);
        let high = graph.op("Round", &[&in_units]);
        let low = graph.op("Sub", &[&in_units, &high]);
        let digits = graph.op_with("Concat", &[&high, &low], vec![int("axis", 1)]);
        let mut digits = graph.cast(&digits, DataType::FLOAT);
        if pieces.known() != Some(1.0) {
            let (same, rows) = (Num::from(0.0), Num::from(2 * BLOCK));
            let shape = [
                Extent::Num(&same),
                Extent::Num(&rows),
                Extent::Num(pieces),
                Extent::Rest,
            ];
            let shape = graph.shape(&shape);
            digits = graph.op("Reshape", &[&digits, &shape]);
            digits = graph.op_with("Transpose", &[&digits], vec![ints("perm", &[0, 2, 1, 3])]);
        }
        Self {
            indices,
            digits,
            pieces: pieces.clone(),
            one: integers.units.clone(),
            count: count.clone(),
        }
    }

    /// uint8 [source positions, lines] to uint8 [count, lines].
    pub(super) fn apply(&self, graph: &mut Graph, lines: &Value) -> Value {
        let pixels = graph.op_with("Gather", &[lines, &self.indices], vec![int("axis", 0)]);
        let pixels = graph.cast(&pixels, DataType::FLOAT);
        // One product: what takes time is to read the pixels.
        let sums = graph.exact_product(&self.digits, &pixels);
        let half = graph.floats(&[], &[0.5]);
        let several = self.pieces.known() != Some(1.0);
        let (high, low) = graph.halves(&sums, if several { 2 } else { 1 });
        let carry = graph.op("Floor", &[&low]);
        let mut sum = graph.op("Add", &[&high, &carry]);
        let mut more = half;
        if several {
            sum = added_up(graph, &sum);
            let left = self.left(graph, &low);
            more = graph.op("Add", &[&left, &more]);
        }
        let sum = graph.op("Add", &[&sum, &more]);
        let value = self.rounded(graph, &sum);
        needed(graph, &value, &self.count)
    }

    /// What is left of the sums [blocks, pieces, BLOCK, lines] of lower digits beside whole units, in whole units: [blocks, BLOCK, 1]
    /// or [blocks, BLOCK, lines].
    fn left(&self, graph: &mut Graph, low: &Value) -> Value {
        // Of one piece it is 0, whatever the pixels: one line says so for all.
        let pieces = graph.int64(&self.pieces);
        let [most, others] = [MOST_LINES, MOST_LINES - 1].map(|lines| graph.ints(&[lines]));
        let end = graph.op("Mul", &[&pieces, &most]);
        let end = graph.op("Sub", &[&end, &others]);
        let (start, axis) = (graph.ints(&[0]), graph.ints(&[3]));
        let low = graph.op("Slice", &[low, &start, &end, &axis]);
        let carry = graph.op("Floor", &[&low]);
        let left = graph.op("Sub", &[&low, &carry]);
        let left = added_up(graph, &left);
        graph.op("Floor", &[&left])
    }

    /// `sum`, half a unit of it more than it is, by `one`, halves up, as uint8; what is out of range becomes 0 or 255.
    fn rounded(&self, graph: &mut Graph, sum: &Value) -> Value {
        if graph.opset <= QUANTIZE_OPSET {
            // No tie is left, which QuantizeLinear would round to even.
            let scale = graph.cast(&self.one, DataType::FLOAT);
            let zero = graph.bytes(&[], &[0]);
            return graph.op("QuantizeLinear", &[sum, &scale, &zero]);
        }
        let one = graph.doubles(&[], &[1.0]);
        let factor = graph.op("Div", &[&one, &self.one]);
        let factor = graph.cast(&factor, DataType::FLOAT);
        let value = graph.op("Mul", &[sum, &factor]);
        let half = graph.floats(&[], &[0.5]);
        let value = graph.op("Add", &[&value, &half]);
        let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
        let value = graph.op("Clip", &[&value, &least, &most]);
        graph.cast(&value, DataType::UINT8)
    }
}

/// The sums over pieces: [blocks, pieces, BLOCK, lines] to [blocks, BLOCK, lines].
fn added_up(graph: &mut Graph, value: &Value) -> Value {
    let keep = int("keepdims", 0);
    if graph.opset < SUM_AXES_OPSET {
        return graph.op_with("ReduceSum", &[value], vec![ints("axes", &[1]), keep]);
    }
    let axes = graph.ints(&[1]);
    graph.op_with("ReduceSum", &[value, &axes], vec![keep])
}

/// [blocks, BLOCK, lines] as [count, lines].
pub(super) fn needed(graph: &mut Graph, blocks: &Value, count: &Num) -> Value {
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
