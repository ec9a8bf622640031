//! One pass with weights that are worked out in the graph: products of float32 matrices that lose no bit.
//!
//! A weight is a whole number of at most 24 bits. It is written as two digits: the unit of the higher one is the least power of
//! two of which the largest weight has at most 2^11, so that float32 holds each even where an execution provider rounds
//! factors to 11 bits (TF32). There are at most 2^15 units to 1, so that sums of higher digits times bytes stay below 2^24; the
//! unit is then at most 2^7, and those of lower digits do up to [`MAX_TAPS`]. Up to there every partial sum is a whole number that
//! float32 has, in whatever order it is added up. Of a longer window this product has the higher digits alone, and
//! [`super::long`] adds what the lower ones come to.
//!
//! Both digits are in steps, of which [`STEPS`] are 1, and one rounded addition leaves whole steps of their sum: [`RAISED`] is added
//! to the sum of higher digits, so that 0 to 256 lie where float32 has every step and nothing between, and a little less than half
//! a step, [`TAKEN`], is taken from that of the lower ones, which are not negative: so the step below is the nearest one. What is
//! out of range stays out of range.

use onnx_protobuf::tensor_proto::DataType;

use super::long::Long;
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Extent, Num};

/// Up to so many products of bytes and lower digits, each less than a step of [`PARTS`] parts, have, less [`TAKEN`], a sum below 2^24
/// halves of a part.
pub(super) const MAX_TAPS: usize = 256;
const _: () = assert!(MAX_TAPS as i32 * (PARTS - 1) * 255 + PARTS / 2 < 1 << 23);

/// How many steps are 1.
pub(super) const STEPS: f32 = 32_768.0;

/// How many of the finest parts of weights of long windows are a step.
pub(super) const PARTS: i32 = 1 << 7;

/// 256 in steps: from there to 512 the float32 numbers are the whole steps.
pub(super) const RAISED: f32 = 256.0 * STEPS;

/// Half a step, less half a part: no sum lies halfway between two steps.
const TAKEN: f32 = 0.5 - 0.5 / PARTS as f32;

/// The operator set from which on `ReduceSum` takes its axes as an input.
const SUM_AXES_OPSET: i64 = 13;

/// The newest operator set whose `QuantizeLinear` every runtime has that loads models of it. Newer sets changed
/// it for element types that are not met here: ONNX Runtime 1.23 lacks that of opset 23, 1.32 that of opset 28.
const QUANTIZE_OPSET: i64 = 22;

/// The needed outputs of an axis, in blocks.
pub(super) struct Pass {
    pub(super) groups: Vec<Group>,
    /// How many outputs are in a block.
    pub(super) rows: usize,
    /// What is added to the sums of digits: float32 [2 * rows, 1].
    pub(super) raise: Value,
    /// The lower digits of windows of more than [`MAX_TAPS`] positions, where there may be such.
    pub(super) long: Option<Long>,
    pub(super) count: Num,
}

/// Blocks whose products are one node.
pub(super) struct Group {
    /// Source positions of each block's window: int64 [blocks, window].
    pub(super) indices: Value,
    /// The higher digits, then the lower ones, in steps: float32 [blocks, 2 * rows, window].
    pub(super) digits: Value,
}

impl Pass {
    /// uint8 [source positions, lines] to uint8 [count, lines].
    pub(super) fn apply(&self, graph: &mut Graph, lines: &Value) -> Value {
        let steps: Vec<Value> = self
            .groups
            .iter()
            .map(|Group { indices, digits }| {
                let pixels = graph.op_with("Gather", &[lines, indices], vec![int("axis", 0)]);
                let pixels = graph.cast(&pixels, DataType::FLOAT);
                whole(graph, [digits, &pixels, &self.raise], [0, self.rows as i64])
            })
            .collect();
        let steps = match steps.as_slice() {
            [steps] => steps.clone(),
            steps => graph.op_with("Concat", &steps.iter().collect::<Vec<_>>(), vec![int("axis", 0)]),
        };
        // Half a step more than there is: no tie is left.
        let mut more = graph.floats(&[], &[0.5 - RAISED]);
        if let Some(long) = &self.long {
            let lower = long.steps(graph, lines);
            more = graph.op("Add", &[&lower, &more]);
        }
        let steps = graph.op("Add", &[&steps, &more]);
        let values = rounded(graph, &steps);
        needed(graph, &values, self.rows, &self.count)
    }
}

/// The sums of `digits`, the higher ones and then the lower ones, times pixels, raised and added up: whole steps, float32 [blocks,
/// rows, lines]. 0 blocks are as many as there are.
pub(super) fn whole(
    graph: &mut Graph,
    [digits, pixels, raise]: [&Value; 3],
    [blocks, rows]: [i64; 2],
) -> Value {
    // One product: what takes time is to read the pixels.
    let sums = graph.exact_product(digits, pixels);
    let sums = graph.op("Add", &[&sums, raise]);
    let both = graph.ints(&[blocks, 2, rows, -1]);
    let sums = graph.op("Reshape", &[&sums, &both]);
    added_up(graph, &sums, &[1])
}

/// What is added to the sums of digits: [2 * rows].
pub(super) fn raised(rows: usize) -> Vec<f32> {
    [vec![RAISED; rows], vec![-TAKEN; rows]].concat()
}

/// `steps`, of which none is a tie, as uint8; what is out of range becomes 0 or 255.
fn rounded(graph: &mut Graph, steps: &Value) -> Value {
    if graph.opset <= QUANTIZE_OPSET {
        let (one, zero) = (graph.floats(&[], &[STEPS]), graph.bytes(&[], &[0]));
        return graph.op("QuantizeLinear", &[steps, &one, &zero]);
    }
    let factor = graph.floats(&[], &[1.0 / STEPS]);
    let value = graph.op("Mul", &[steps, &factor]);
    let half = graph.floats(&[], &[0.5]);
    let value = graph.op("Add", &[&value, &half]);
    let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
    let value = graph.op("Clip", &[&value, &least, &most]);
    graph.cast(&value, DataType::UINT8)
}

/// The sums over `axes`, which go away.
pub(super) fn added_up(graph: &mut Graph, value: &Value, axes: &[i64]) -> Value {
    let keep = int("keepdims", 0);
    if graph.opset < SUM_AXES_OPSET {
        return graph.op_with("ReduceSum", &[value], vec![ints("axes", axes), keep]);
    }
    let axes = graph.ints(axes);
    graph.op_with("ReduceSum", &[value, &axes], vec![keep])
}

/// [blocks, rows, lines] as [count, lines].
fn needed(graph: &mut Graph, blocks: &Value, rows: usize, count: &Num) -> Value {
    if count.known().is_some_and(|count| count % rows as f64 == 0.0) {
        // One that the next Reshape replaces.
        let shape = graph.shape(&[Extent::Num(count), Extent::Rest]);
        return graph.op("Reshape", &[blocks, &shape]);
    }
    let rows = graph.op_with("Flatten", &[blocks], vec![int("axis", 2)]);
    let (start, end) = (graph.ints(&[0]), graph.int64(count));
    let axes = graph.ints(&[0]);
    graph.op("Slice", &[&rows, &start, &end, &axes])
}
