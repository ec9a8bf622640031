//! What the lower digits of long windows come to. Windows are cut into pieces, so short that sums over each are exact, and these are
//! added up as int32.
//!
//! Where windows are not long, and hardly ever are they, the same nodes make nothing of one line and one block: an `If` would take
//! longer than they do, and GPU providers leave it to the CPU.

use onnx_protobuf::tensor_proto::DataType;

use super::pass::{MAX_TAPS, PARTS, added_up};
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::Num;

/// More positions than memory holds.
const MOST: i64 = 1 << 40;

/// The lower digits of the windows of a pass, or of one block where they are not long. Those of one of two axes begin with an axis
/// of one entry.
#[derive(Clone)]
pub(super) struct Long {
    /// Source positions: int64 [blocks, pieces, length of a piece].
    indices: Value,
    /// In parts of a step: float32 [blocks, pieces, rows, length of a piece].
    digits: Value,
    /// How many of the lines: int64 [1].
    lines: Value,
    paired: bool,
    /// How many of the blocks are those of this axis, where the other one may have more.
    blocks: Option<Num>,
}

impl Long {
    /// Of one axis, or of each of two where they are `paired`: `indices` are int64 [1, window, blocks], `low` float64 [rows, window,
    /// blocks], in units of so many steps. Where windows are `short`, `unit` is 0.
    pub(super) fn new(
        graph: &mut Graph,
        short: &Value,
        paired: bool,
        (indices, low): (&Value, &Value),
        unit: &Value,
    ) -> Vec<Self> {
        let choice = |graph: &mut Graph, if_short: &[i64], if_long: &[i64]| {
            let [if_short, if_long] = [if_short, if_long].map(|values| graph.ints(values));
            graph.op("Where", &[short, &if_short, &if_long])
        };
        let (start, axes) = (graph.ints(&[0]), graph.ints(&[-1]));
        let end = choice(graph, &[1], &[MOST]);
        let [indices, low] = [indices, low].map(|of| graph.op("Slice", &[of, &start, &end, &axes]));
        let parts = graph.doubles(&[], &[f64::from(PARTS)]);
        let unit = graph.op("Mul", &[unit, &parts]);
        let low = graph.op("Mul", &[&low, &unit]);
        let low = graph.cast(&low, DataType::FLOAT);
        let perm: &[i64] = if paired { &[2, 3, 0, 1] } else { &[2, 0, 1] };
        let [indices, low] =
            [indices, low].map(|of| graph.op_with("Transpose", &[&of], vec![ints("perm", perm)]));
        let in_pieces = |graph: &mut Graph, of: &Value, before: usize| {
            let before = vec![0; before + usize::from(paired)];
            let [one, all] = [[1, -1], [-1, MAX_TAPS as i64]].map(|pieces| [&before[..], &pieces].concat());
            let shape = choice(graph, &one, &all);
            graph.op("Reshape", &[of, &shape])
        };
        let indices = in_pieces(graph, &indices, 1);
        let low = in_pieces(graph, &low, 2);
        let perm: &[i64] = if paired { &[0, 1, 3, 2, 4] } else { &[0, 2, 1, 3] };
        let digits = graph.op_with("Transpose", &[&low], vec![ints("perm", perm)]);
        let places: &[usize] = if paired { &[1, 1] } else { &[] };
        let indices = graph.split(&indices, 0, places);
        let digits = graph.split(&digits, 0, places);
        let each = indices.into_iter().zip(digits);
        each.map(|(indices, digits)| Self {
            indices,
            digits,
            lines: end.clone(),
            paired,
            blocks: None,
        })
        .collect()
    }

    /// The same, where so many of the blocks are those of this axis.
    pub(super) fn of_blocks(self, blocks: Num) -> Self {
        Self {
            blocks: Some(blocks),
            ..self
        }
    }

    /// Of uint8 [source positions, lines], whole steps: float32 [blocks, rows, lines], or [1, rows, 1].
    pub(super) fn steps(&self, graph: &mut Graph, lines: &Value) -> Value {
        let (start, axes) = (graph.ints(&[0]), graph.ints(&[1]));
        let lines = graph.op("Slice", &[lines, &start, &self.lines, &axes]);
        let pixels = graph.op_with("Gather", &[&lines, &self.indices], vec![int("axis", 0)]);
        let pixels = graph.cast(&pixels, DataType::FLOAT);
        let sums = graph.exact_product(&self.digits, &pixels);
        let sums = graph.cast(&sums, DataType::INT32);
        let sum = added_up(graph, &sums, if self.paired { &[0, 2] } else { &[1] });
        // None is negative.
        let parts = graph.int32s(&[], &[PARTS]);
        let mut steps = graph.op("Div", &[&sum, &parts]);
        if let Some(blocks) = &self.blocks {
            let (start, end) = (graph.ints(&[0]), graph.int64(blocks));
            steps = graph.op("Slice", &[&steps, &start, &end, &start]);
        }
        graph.cast(&steps, DataType::FLOAT)
    }
}
