//! The needed outputs of an axis, or of two, and where they read.

use super::axis::Axis;
use super::pair::reduced;
use super::pass::MAX_TAPS;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;

/// The needed outputs of an axis, in blocks.
///
/// Blocks are the last axis of all numbers that are worked out: element-wise operators of ONNX Runtime loop along the last axes
/// that both operands have, and begin anew for each entry of the others.
#[derive(Clone)]
pub(super) struct Outputs {
    /// How many are in a block.
    pub(super) rows: usize,
    /// Half a position behind each: float64 [rows, 1, blocks].
    pub(super) middles: Value,
    /// Whether they are those of two axes.
    pub(super) paired: bool,
    /// Whether behind the needed blocks there are more.
    more: bool,
    /// How many blocks are needed, of two axes of each.
    blocks: Num,
    /// The most of both.
    most: Num,
}

impl Outputs {
    /// Those of `axis`, which stands for two where `paired`, so many in a block; behind them all there are, where numbers follow
    /// from the `whole` axis.
    pub(super) fn new(graph: &mut Graph, axis: &Axis, rows: usize, paired: bool, whole: bool) -> Self {
        let blocks = in_blocks(graph, &axis.count, rows);
        let most = most(graph, &blocks, paired);
        let full = axis.count.known().is_some_and(|count| count % rows as f64 == 0.0);
        let end = (!full).then(|| graph.add(&axis.start, &axis.count));
        let shape = (rows, paired);
        let mut middles = middles(graph, shape, &most, &axis.start, end.as_ref());
        let more = whole && !axis.is_whole();
        if more {
            let all = in_blocks(graph, &axis.output, rows);
            let all = self::most(graph, &all, paired);
            let all = self::middles(graph, shape, &all, &0.0.into(), Some(&axis.output));
            middles = graph.op_with("Concat", &[&middles, &all], vec![int("axis", -1)]);
        }
        Self {
            rows,
            middles,
            paired,
            more,
            blocks,
            most,
        }
    }
}

/// The most of a number of each of two axes where they are `paired`.
fn most(graph: &mut Graph, of_each: &Num, paired: bool) -> Num {
    match of_each {
        Num::Later(of_each) if paired => {
            let most = reduced(graph, "ReduceMax", of_each, false);
            let shape = graph.ints(&[1]);
            Num::Later(graph.op("Reshape", &[&most, &shape]))
        }
        of_each => of_each.clone(),
    }
}

/// Where the needed outputs of an axis read, or of two: then the axis before the last one has two entries.
pub(super) struct Window {
    /// float64 [rows, 1, blocks].
    pub(super) first: Value,
    pub(super) end: Value,
    /// Source positions of a block: float64 [1, window, blocks].
    pub(super) positions: Value,
    /// The most that a window of the axis has. `positions` are as many as the longest of both axes has, or, beyond [`MAX_TAPS`],
    /// the next multiple of it.
    pub(super) width: Value,
    /// Whether there are at most [`MAX_TAPS`] of them: bool without axes; `None` where it is known.
    pub(super) short: Option<Value>,
    pub(super) outputs: Outputs,
}

impl Window {
    /// The windows from `first` to before `end`, which move forward with the output position, and which may be `short` whatever the
    /// image.
    pub(super) fn new(graph: &mut Graph, outputs: Outputs, [first, end]: [Value; 2], short: bool) -> Self {
        let mut row = |of: &Value, row: usize| {
            let row = graph.ints(&[row as i64]);
            graph.op_with("Gather", &[of, &row], vec![int("axis", 0)])
        };
        // The first row begins and the last one ends.
        let (block_start, block_end) = (row(&first, 0), row(&end, outputs.rows - 1));
        let widths = graph.op("Sub", &[&block_end, &block_start]);
        let width = reduced(graph, "ReduceMax", &widths, outputs.paired);
        let mut longest = if outputs.paired {
            reduced(graph, "ReduceMax", &width, false)
        } else {
            width.clone()
        };
        let short = (!short).then(|| {
            let most = graph.doubles(&[], &[MAX_TAPS as f64 + 0.5]);
            let short = graph.op("Less", &[&longest, &most]);
            let [one, piece] = [1.0, MAX_TAPS as f64].map(|length| graph.doubles(&[], &[length]));
            let piece = graph.op("Where", &[&short, &one, &piece]);
            let pieces = graph.op("Div", &[&longest, &piece]);
            let pieces = graph.op("Ceil", &[&pieces]);
            longest = graph.op("Mul", &[&pieces, &piece]);
            short
        });
        let (zero, one) = (graph.doubles(&[], &[0.0]), graph.doubles(&[], &[1.0]));
        let range = graph.op("Range", &[&zero, &longest, &one]);
        let shape: &[i64] = if outputs.paired { &[-1, 1, 1] } else { &[-1, 1] };
        let shape = graph.ints(shape);
        let range = graph.op("Reshape", &[&range, &shape]);
        let positions = graph.op("Add", &[&block_start, &range]);
        Self {
            first,
            end,
            positions,
            width,
            short,
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

    /// Source positions relative to a slice of `length` positions from `low` on: int64 [1, window, blocks].
    pub(super) fn indices(&self, graph: &mut Graph, low: &Num, length: &Num) -> Value {
        let positions = Num::Later(self.needed(graph, &self.positions));
        let positions = graph.sub(&positions, low);
        let last = graph.sub(length, &1.0.into());
        let positions = graph.min(&positions, &last);
        graph.int64(&positions)
    }

    /// How many blocks are needed, of two axes of each.
    pub(super) fn blocks(&self) -> &Num {
        &self.outputs.blocks
    }

    /// Which source positions are in the window of an output: bool [rows, window, blocks].
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
        let (start, end) = (graph.ints(&[0]), graph.int64(&self.outputs.most));
        let axes = graph.ints(&[-1]);
        graph.op("Slice", &[blocks, &start, &end, &axes])
    }
}

/// In how many blocks so many outputs are.
fn in_blocks(graph: &mut Graph, count: &Num, rows: usize) -> Num {
    let blocks = graph.div(count, &rows.into());
    graph.ceil(&blocks)
}

/// Half a position behind the outputs from `start` on, those from `end` on, where there are such, replaced by the last one: float64
/// [rows, 1, blocks].
fn middles(
    graph: &mut Graph,
    (rows, paired): (usize, bool),
    blocks: &Num,
    start: &Num,
    end: Option<&Num>,
) -> Value {
    let range = match blocks.known() {
        Some(blocks) => {
            let blocks = blocks as usize;
            let middles: Vec<f64> = (0..rows)
                .flat_map(|row| (0..blocks).map(move |block| (block * rows + row) as f64 + 0.5))
                .collect();
            let shape: &[usize] = if paired {
                &[rows, 1, 1, blocks]
            } else {
                &[rows, 1, blocks]
            };
            graph.doubles(shape, &middles)
        }
        None => {
            let outputs = graph.mul(blocks, &rows.into());
            let end = graph.scalar(&outputs);
            let [zero, step] = [0.0, rows as f64].map(|value| graph.doubles(&[], &[value]));
            let range = graph.op("Range", &[&zero, &end, &step]);
            let first: Vec<f64> = (0..rows).map(|row| row as f64 + 0.5).collect();
            let shape: &[usize] = if paired { &[rows, 1, 1, 1] } else { &[rows, 1, 1] };
            let first = graph.doubles(shape, &first);
            graph.op("Add", &[&range, &first])
        }
    };
    let mut middles = graph.add(&Num::Later(range), start);
    if let Some(end) = end {
        let last = graph.sub(end, &0.5.into());
        middles = graph.min(&middles, &last);
    }
    graph.value(&middles)
}
