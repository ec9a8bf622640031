//! Integer weights and source indices of one axis, computed in the graph.
//!
//! Every formula has the order of operations of `prep_onnx_pipeline::AxisWeights`: the float64
//! results, and so the integers, are the same.

use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::{Condition, Extent, Num};

/// Output positions that share one block of source positions.
pub(super) const BLOCK: usize = 4;

/// One axis of a resize.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Source extent.
    pub(super) input: Num,
    /// Extent after the resize.
    pub(super) output: Num,
    /// First output position that is needed.
    pub(super) start: Num,
    /// How many are needed.
    pub(super) count: Num,
}

impl Axis {
    /// `vertical` where `condition` holds, else `horizontal`.
    pub(super) fn select(
        graph: &mut Graph,
        condition: &Condition,
        vertical: &Self,
        horizontal: &Self,
    ) -> Self {
        Self {
            input: graph.select(condition, &vertical.input, &horizontal.input),
            output: graph.select(condition, &vertical.output, &horizontal.output),
            start: graph.select(condition, &vertical.start, &horizontal.start),
            count: graph.select(condition, &vertical.count, &horizontal.count),
        }
    }

    /// Input, output, start and count, where all are known.
    pub(super) fn known(&self) -> Option<[usize; 4]> {
        let known = |num: &Num| num.known().map(|value| value as usize);
        Some([
            known(&self.input)?,
            known(&self.output)?,
            known(&self.start)?,
            known(&self.count)?,
        ])
    }

    /// Whether all outputs are needed.
    pub(super) fn is_whole(&self) -> bool {
        self.start.known() == Some(0.0) && self.count == self.output
    }

    /// The sampling of this axis by an antialiased filter.
    pub(super) fn sampling(&self, graph: &mut Graph, support: f64) -> Sampling {
        let scale = graph.div(&self.input, &self.output);
        let filter_scale = graph.max(&scale, &1.0.into());
        Sampling {
            support: graph.mul(&support.into(), &filter_scale),
            negative_inverse: graph.div(&Num::from(-1.0), &filter_scale),
            scale,
        }
    }
}

/// The scale of an axis and its kernel.
#[derive(Clone, Debug)]
pub(super) struct Sampling {
    scale: Num,
    support: Num,
    /// -1 / scale, and not 1 / scale: ONNX Runtime makes one division of `1 / b * c`, which rounds otherwise.
    pub(super) negative_inverse: Num,
}

impl Sampling {
    /// The centre of each output position, and its window: the first source position, and the one after the last.
    pub(super) fn windows(&self, graph: &mut Graph, axis: &Axis, outputs: &Outputs) -> [Value; 3] {
        let middle = graph.add(&Num::Later(outputs.positions.clone()), &0.5.into());
        let center = graph.mul(&middle, &self.scale);
        let first = graph.sub(&center, &self.support);
        let first = graph.add(&first, &0.5.into());
        let first = graph.floor(&first);
        let first = graph.max(&first, &0.0.into());
        let end = graph.add(&center, &self.support);
        let end = graph.add(&end, &0.5.into());
        let end = graph.floor(&end);
        let end = graph.min(&end, &axis.input);
        [center, first, end].map(|num| graph.value(&num))
    }

    /// Into how many pieces the windows of blocks are cut, so that none is longer than `longest`.
    pub(super) fn pieces(&self, graph: &mut Graph, support: f64, longest: usize) -> Num {
        // The centres of a block are `BLOCK - 1` scales apart; rounding adds up to one position.
        let scales = 2.0 * support + (BLOCK - 1) as f64;
        let pieces = graph.mul(&self.scale, &(scales / (longest - 1) as f64).into());
        graph.ceil(&pieces)
    }
}

/// The needed outputs of an axis, in blocks of [`BLOCK`].
#[derive(Clone)]
pub(super) struct Outputs {
    /// float64 [blocks, BLOCK, 1].
    pub(super) positions: Value,
    /// The blocks that are needed: int64 [1], from and to; `None` for all.
    needed: Option<(Value, Value)>,
    /// How many blocks are needed.
    blocks: Num,
}

impl Outputs {
    /// Those of `axis`; all of them where `whole` numbers follow from the whole axis.
    pub(super) fn new(graph: &mut Graph, axis: &Axis, whole: bool) -> Self {
        let block = Num::from(BLOCK);
        let blocks = graph.div(&axis.count, &block);
        let blocks = graph.ceil(&blocks);
        if axis.is_whole() || !whole {
            let end = graph.add(&axis.start, &axis.count);
            return Self {
                positions: positions(graph, &blocks, &axis.start, &end),
                needed: None,
                blocks,
            };
        }
        let before = graph.div(&axis.start, &block);
        let before = graph.ceil(&before);
        let after = graph.add(&before, &blocks);
        let skipped = graph.mul(&before, &block);
        let origin = graph.sub(&axis.start, &skipped);
        let rest = graph.sub(&axis.output, &origin);
        let all = graph.div(&rest, &block);
        let all = graph.ceil(&all);
        let positions = positions(graph, &all, &origin, &axis.output);
        let zero = graph.doubles(&[], &[0.0]);
        Self {
            positions: graph.op("Max", &[&positions, &zero]),
            needed: Some((graph.int64(&before), graph.int64(&after))),
            blocks,
        }
    }
}

/// Where the needed outputs of an axis read.
pub(super) struct Window {
    /// float64 [blocks, BLOCK, 1].
    pub(super) first: Value,
    pub(super) end: Value,
    /// Source positions of a block: float64 [blocks, 1, window].
    pub(super) positions: Value,
    /// Into how many pieces of equal length it is cut.
    pub(super) pieces: Num,
    outputs: Outputs,
}

impl Window {
    /// The windows from `first` to before `end`, which move forward with the output position, as long as `pieces` of equal length
    /// need.
    pub(super) fn new(graph: &mut Graph, outputs: Outputs, [first, end]: [Value; 2], pieces: &Num) -> Self {
        let mut row = |of: &Value, row: usize| {
            let row = graph.ints(&[row as i64]);
            graph.op_with("Gather", &[of, &row], vec![int("axis", 1)])
        };
        // The first row begins and the last one ends.
        let (block_start, block_end) = (row(&first, 0), row(&end, BLOCK - 1));
        let widths = graph.op("Sub", &[&block_end, &block_start]);
        let mut width = graph.op_with("ReduceMax", &[&widths], vec![int("keepdims", 0)]);
        if pieces.known() != Some(1.0) {
            let count = graph.scalar(pieces);
            let length = graph.op("Div", &[&width, &count]);
            let length = graph.op("Ceil", &[&length]);
            width = graph.op("Mul", &[&length, &count]);
        }
        let (zero, one) = (graph.doubles(&[], &[0.0]), graph.doubles(&[], &[1.0]));
        let range = graph.op("Range", &[&zero, &width, &one]);
        let positions = graph.op("Add", &[&block_start, &range]);
        Self {
            first,
            end,
            positions,
            pieces: pieces.clone(),
            outputs,
        }
    }

    /// The source positions that are read: the first one, and the one after the last.
    pub(super) fn extent(&self, graph: &mut Graph) -> (Num, Num) {
        let mut reduce = |op: &str, of: &Value| {
            let of = self.needed(graph, of);
            let reduced = graph.op_with(op, &[&of], vec![int("keepdims", 0)]);
            let shape = graph.ints(&[1]);
            Num::Later(graph.op("Reshape", &[&reduced, &shape]))
        };
        (reduce("ReduceMin", &self.first), reduce("ReduceMax", &self.end))
    }

    /// Source positions relative to a slice of `length` positions from `low` on: int64 [blocks, pieces, length of a piece].
    pub(super) fn indices(&self, graph: &mut Graph, low: &Num, length: &Num) -> Value {
        let positions = Num::Later(self.needed(graph, &self.positions));
        let positions = graph.sub(&positions, low);
        let positions = graph.value(&positions);
        let blocks = Extent::Num(&self.outputs.blocks);
        let shape = graph.shape(&[blocks, Extent::Num(&self.pieces), Extent::Rest]);
        let positions = Num::Later(graph.op("Reshape", &[&positions, &shape]));
        let last = graph.sub(length, &1.0.into());
        let positions = graph.min(&positions, &last);
        graph.int64(&positions)
    }

    /// Which source positions are in the window of an output: bool [blocks, BLOCK, window].
    pub(super) fn inside(&self, graph: &mut Graph) -> Value {
        let before_first = graph.op("Less", &[&self.positions, &self.first]);
        let before_end = graph.op("Less", &[&self.positions, &self.end]);
        graph.op("Xor", &[&before_first, &before_end])
    }

    /// Of numbers for all blocks those of the needed ones.
    pub(super) fn needed(&self, graph: &mut Graph, blocks: &Value) -> Value {
        let Some((from, to)) = &self.outputs.needed else {
            return blocks.clone();
        };
        let axes = graph.ints(&[0]);
        graph.op("Slice", &[blocks, from, to, &axes])
    }
}

/// Output positions from `start` on, those from `end` on replaced by the last one: float64 [blocks, BLOCK, 1].
fn positions(graph: &mut Graph, blocks: &Num, start: &Num, end: &Num) -> Value {
    let padded = graph.mul(blocks, &BLOCK.into());
    let last = graph.sub(end, &1.0.into());
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
    let positions = graph.add(&Num::Later(range), start);
    let full = blocks
        .known()
        .is_some_and(|blocks| *end == Num::from(blocks * BLOCK as f64));
    let positions = if full {
        positions
    } else {
        graph.min(&positions, &last)
    };
    graph.value(&positions)
}
