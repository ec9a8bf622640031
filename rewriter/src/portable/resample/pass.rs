//! One pass with weights that are worked out in the graph: products of float32 matrices that lose no bit.
//!
//! A weight is a whole number of at most 24 bits. It is written as two digits: the unit of the higher one is the least power of
//! two of which the largest weight has at most 2^11, so that float32 holds each even where an execution provider rounds
//! factors to 11 bits (TF32). There are at most 2^15 units to 1, so that sums of higher digits times bytes stay below 2^24; the
//! unit is then at most 2^7, and those of lower digits do up to 1028 taps. Up to there every partial sum is a whole number that
//! float32 has, in whatever order it is added up.

use onnx_protobuf::tensor_proto::DataType;

use super::axis::BLOCK;
use super::weights::Integers;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::{Extent, Num};

/// The newest operator set whose `QuantizeLinear` every runtime has that loads models of it. Newer sets changed
/// it for element types that are not met here: ONNX Runtime 1.23 lacks that of opset 23, 1.32 that of opset 28.
const QUANTIZE_OPSET: i64 = 22;

/// The needed outputs of an axis, in blocks of [`BLOCK`].
pub(super) struct Pass {
    /// Source positions of each block's window: int64 [blocks, window].
    indices: Value,
    /// The higher digits, then the lower ones, in units: float32 [blocks, 2 * BLOCK, window].
    digits: Value,
    /// What stands for 1, in units: float64 without axes.
    one: Value,
    count: Num,
}

impl Pass {
    pub(super) fn new(graph: &mut Graph, indices: Value, integers: &Integers, count: &Num) -> Self {
        let unit = graph.op("Div", &[&integers.one, &integers.units]);
        let in_units = graph.op("Div", &[&integers.weights, &unit]);
        let high = graph.op("Round", &[&in_units]);
        let low = graph.op("Sub", &[&in_units, &high]);
        let digits = graph.op_with("Concat", &[&high, &low], vec![int("axis", 1)]);
        Self {
            indices,
            digits: graph.cast(&digits, DataType::FLOAT),
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
        let (high, low) = graph.halves(&sums, 1);
        let carry = graph.op("Floor", &[&low]);
        let sum = graph.op("Add", &[&high, &carry]);
        let value = self.rounded(graph, &sum);
        needed(graph, &value, &self.count)
    }

    /// `sum` / `one`, halves up, as uint8; what is out of range becomes 0 or 255.
    fn rounded(&self, graph: &mut Graph, sum: &Value) -> Value {
        let half = graph.floats(&[], &[0.5]);
        if graph.opset <= QUANTIZE_OPSET {
            // Half a unit more: no tie is left, which QuantizeLinear would round to even.
            let sum = graph.op("Add", &[sum, &half]);
            let scale = graph.cast(&self.one, DataType::FLOAT);
            let zero = graph.bytes(&[], &[0]);
            return graph.op("QuantizeLinear", &[&sum, &scale, &zero]);
        }
        let one = graph.doubles(&[], &[1.0]);
        let factor = graph.op("Div", &[&one, &self.one]);
        let factor = graph.cast(&factor, DataType::FLOAT);
        let value = graph.op("Mul", &[sum, &factor]);
        let value = graph.op("Add", &[&value, &half]);
        let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
        let value = graph.op("Clip", &[&value, &least, &most]);
        graph.cast(&value, DataType::UINT8)
    }
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
