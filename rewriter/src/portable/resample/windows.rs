//! The needed outputs of an axis, or of two, and where they read.

use super::axis::{Axis, BLOCK};
use super::pair::reduced;
use super::pass::MAX_TAPS;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;

/// The needed outputs of an axis, in blocks of [`BLOCK`].
#[derive(Clone)]
pub(super) struct Outputs {
    /// float64 [blocks, BLOCK, 1].
    pub(super) positions: Value,
    /// Whether they are those of two axes.
    pub(super) paired: bool,
    /// Whether behind the needed blocks there are more.
    more: bool,
    /// How many blocks are needed.
    blocks: Num,
}

impl Outputs {
    /// Those of `axis`, which stands for two where `paired`; behind them all there are, where numbers follow from the `whole` axis.
    pub(super) fn new(graph: &mut Graph, axis: &Axis, paired: bool, whole: bool) -> Self {
        let blocks = in_blocks(graph, &axis.count);
        let full = axis
            .count
            .known()
            .is_some_and(|count| count % BLOCK as f64 == 0.0);
        let end = (!full).then(|| graph.add(&axis.start, &axis.count));
        let mut positions = positions(graph, &blocks, &axis.start, end.as_ref());
        let more = whole && !axis.is_whole();
        if more {
            let mut most = axis.output.clone();
            if paired {
                let most_of_each = graph.value(&most);
                most = Num::Later(reduced(graph, "ReduceMax", &most_of_each, false));
            }
            let all = in_blocks(graph, &most);
            let all = self::positions(graph, &all, &0.0.into(), Some(&axis.output));
            positions = graph.op_with("Concat", &[&positions, &all], vec![int("axis", -3)]);
        }
        Self {
            positions,
            paired,
            more,
            blocks,
        }
    }
}

/// Where the needed outputs of an axis read, or of two: then all tensors begin with an axis of two entries.
pub(super) struct Window {
    /// float64 [blocks, BLOCK, 1].
    pub(super) first: Value,
    pub(super) end: Value,
    /// Source positions of a block: float64 [blocks, 1, window].
    pub(super) positions: Value,
    /// How many of them an axis needs.
    pub(super) width: Value,
    /// Into how many pieces of equal length they are cut.
    pub(super) pieces: Num,
    pub(super) outputs: Outputs,
}

impl Window {
    /// The windows from `first` to before `end`, which move forward with the output position; in so many pieces that none has more
    /// than [`MAX_TAPS`] positions, or in one where they are `short`.
    pub(super) fn new(graph: &mut Graph, outputs: Outputs, [first, end]: [Value; 2], short: bool) -> Self {
        let mut row = |of: &Value, row: usize| {
            let row = graph.ints(&[row as i64]);
            graph.op_with("Gather", &[of, &row], vec![int("axis", -2)])
        };
        // The first row begins and the last one ends.
        let (block_start, block_end) = (row(&first, 0), row(&end, BLOCK - 1));
        let widths = graph.op("Sub", &[&block_end, &block_start]);
        let mut width = reduced(graph, "ReduceMax", &widths, outputs.paired);
        let mut pieces = Num::from(1.0);
        let largest = |graph: &mut Graph, width: &Value| {
            if outputs.paired {
                reduced(graph, "ReduceMax", width, false)
            } else {
                width.clone()
            }
        };
        if !short {
            let most = graph.doubles(&[], &[MAX_TAPS as f64]);
            let count = largest(graph, &width);
            let count = graph.op("Div", &[&count, &most]);
            let count = graph.op("Ceil", &[&count]);
            let length = graph.op("Div", &[&width, &count]);
            let length = graph.op("Ceil", &[&length]);
            width = graph.op("Mul", &[&length, &count]);
            let shape = graph.ints(&[1]);
            pieces = Num::Later(graph.op("Reshape", &[&count, &shape]));
        }
        let (zero, one) = (graph.doubles(&[], &[0.0]), graph.doubles(&[], &[1.0]));
        let longest = largest(graph, &width);
        let range = graph.op("Range", &[&zero, &longest, &one]);
        let positions = graph.op("Add", &[&block_start, &range]);
        Self {
            first,
            end,
            positions,
            width,
            pieces,
            outputs,
        }
    }

    /// The source positions that are read: the first one, and the one after the last.
    pub(super) fn extent(&self, graph: &mut Graph) -> (Num, Num) {
        let mut reduce = |op: &str, of: &Value| {
            let of = self.needed(graph, of);
            let value = reduced(graph, op, &of, self.outputs.paired);
            if self.outputs.paired {
                return Num::Later(value);
            }
            let shape = graph.ints(&[1]);
            Num::Later(graph.op("Reshape", &[&value, &shape]))
        };
        (reduce("ReduceMin", &self.first), reduce("ReduceMax", &self.end))
    }

    /// Source positions relative to a slice of `length` positions from `low` on: int64 [blocks, 1, window].
    pub(super) fn indices(&self, graph: &mut Graph, low: &Num, length: &Num) -> Value {
        let positions = Num::Later(self.needed(graph, &self.positions));
        let positions = graph.sub(&positions, low);
        let last = graph.sub(length, &1.0.into());
        let positions = graph.min(&positions, &last);
        graph.int64(&positions)
    }

    /// How many blocks are needed.
    pub(super) fn blocks(&self) -> &Num {
        &self.outputs.blocks
    }

    /// Which source positions are in the window of an output: bool [blocks, BLOCK, window].
    pub(super) fn inside(&self, graph: &mut Graph) -> Value {
        let before_first = graph.op("Less", &[&self.positions, &self.first]);
        let before_end = graph.op("Less", &[&self.positions, &self.end]);
        graph.op("Xor", &[&before_first, &before_end])
    }

    /// Of numbers for all blocks those of the needed ones.
    pub(super) fn needed(&self, graph: &mut Graph, blocks: &Value) -> Value {
        if !self.outputs.more {
            return blocks.clone();
        }
        let (start, end) = (graph.ints(&[0]), graph.int64(self.blocks()));
        let axes = graph.ints(&[-3]);
        graph.op("Slice", &[blocks, &start, &end, &axes])
    }
}

/// In how many blocks so many outputs are.
fn in_blocks(graph: &mut Graph, count: &Num) -> Num {
    let blocks = graph.div(count, &BLOCK.into());
    graph.ceil(&blocks)
}

/// Output positions from `start` on, those from `end` on, where there are such, replaced by the last one: float64 [blocks, BLOCK, 1].
fn positions(graph: &mut Graph, blocks: &Num, start: &Num, end: Option<&Num>) -> Value {
    let padded = graph.mul(blocks, &BLOCK.into());
    let range = match padded.known() {
        Some(padded) => {
            let positions: Vec<f64> = (0..padded as usize).map(|index| index as f64).collect();
            graph.doubles(&[positions.len() / BLOCK, BLOCK, 1], &positions)
        }
        None => {
            let (zero, one) = (graph.doubles(&[], &[0.0]), graph.doubles(&[], &[1.0]));
            let end = graph.scalar(&padded);
            let range = graph.op("Range", &[&zero, &end, &one]);
            let shape = graph.ints(&[-1, BLOCK as i64, 1]);
            graph.op("Reshape", &[&range, &shape])
        }
    };
    let mut positions = graph.add(&Num::Later(range), start);
    if let Some(end) = end {
        let last = graph.sub(end, &1.0.into());
        positions = graph.min(&positions, &last);
    }
    graph.value(&positions)
}
