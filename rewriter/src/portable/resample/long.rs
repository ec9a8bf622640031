//! What the lower digits of long windows come to: sums of float64, which has each of them.
//!
//! Where windows are not long, and hardly ever are they, the same nodes make nothing of one line and one block: an `If` would take
//! longer than they do, and GPU providers leave it to the CPU.

use onnx_protobuf::tensor_proto::DataType;

use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::Num;

/// More positions than memory holds.
const MOST: i64 = 1 << 40;

/// The lower digits of the windows of a pass, or of one block where they are not long. Those of one of two axes begin with an axis
/// of one entry.
#[derive(Clone)]
pub(super) struct Long {
    /// Source positions: int64 [1, blocks, window].
    indices: Value,
    /// In steps: float64 [blocks, rows, window].
    digits: Value,
    /// How many of the lines: int64 [1].
    lines: Value,
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
        let [one, most] = [1, MOST].map(|end| graph.ints(&[end]));
        let (start, axes) = (graph.ints(&[0]), graph.ints(&[-1]));
        let end = graph.op("Where", &[short, &one, &most]);
        let [indices, low] = [indices, low].map(|of| graph.op("Slice", &[of, &start, &end, &axes]));
        let low = graph.op("Mul", &[&low, unit]);
        // Blocks of the one axis, or of each of both, before rows and windows.
        let [of_indices, of_low]: [&[i64]; 2] = if paired {
            [&[2, 0, 3, 1], &[2, 3, 0, 1]]
        } else {
            [&[0, 2, 1], &[2, 0, 1]]
        };
        let places: &[usize] = if paired { &[1, 1] } else { &[] };
        let [indices, digits] = [(&indices, of_indices), (&low, of_low)].map(|(of, perm)| {
            let of = graph.op_with("Transpose", &[of], vec![ints("perm", perm)]);
            graph.split(&of, 0, places)
        });
        let each = indices.into_iter().zip(digits);
        each.map(|(indices, digits)| Self {
            indices,
            digits,
            lines: end.clone(),
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

    /// Of uint8 [source positions, lines], whole steps: float32 [blocks, rows, lines], or [1, rows, 1], behind axes of one entry.
    pub(super) fn steps(&self, graph: &mut Graph, lines: &Value) -> Value {
        let (start, axes) = (graph.ints(&[0]), graph.ints(&[1]));
        let lines = graph.op("Slice", &[lines, &start, &self.lines, &axes]);
        let pixels = graph.op_with("Gather", &[&lines, &self.indices], vec![int("axis", 0)]);
        let pixels = graph.cast(&pixels, DataType::DOUBLE);
        let sums = graph.exact_product(&self.digits, &pixels);
        let mut steps = graph.op("Floor", &[&sums]);
        if let Some(blocks) = &self.blocks {
            let (end, axes) = (graph.int64(blocks), graph.ints(&[-3]));
            steps = graph.op("Slice", &[&steps, &start, &end, &axes]);
        }
        graph.cast(&steps, DataType::FLOAT)
    }
}
