//! What passes are made of: for each block of outputs where it reads, and the digits of its weights.

use onnx_protobuf::tensor_proto::DataType;

use super::axis::BLOCK;
use super::pair::{ends, flat, part};
use super::pass::{Group, Pass};
use super::weights::Integers;
use super::windows::Window;
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Extent, Num};

/// In how many groups of blocks the first pass goes: what a group reads stays in caches, and each takes three nodes.
const GROUPS: usize = 12;

/// What the passes along an axis, or along two, are made of.
pub(super) struct Parts<'a> {
    window: &'a Window,
    /// Source positions of windows: int64 [blocks, 1, window].
    indices: Value,
    /// The higher digits, then the lower ones: float32 [blocks, 2 * BLOCK, window].
    digits: Value,
    /// What stands for 1, in units: float32.
    one: Value,
}

impl<'a> Parts<'a> {
    pub(super) fn new(
        graph: &mut Graph,
        window: &'a Window,
        indices: Value,
        Integers { weights, one, units }: &Integers,
    ) -> Self {
        let weights = window.needed(graph, weights);
        let unit = graph.op("Div", &[one, units]);
        let in_units = graph.op("Div", &[&weights, &unit]);
        let high = graph.op("Floor", &[&in_units]);
        let low = graph.op("Sub", &[&in_units, &high]);
        let digits = graph.op_with("Concat", &[&high, &low], vec![int("axis", -2)]);
        Self {
            window,
            indices,
            digits: graph.cast(&digits, DataType::FLOAT),
            one: graph.cast(units, DataType::FLOAT),
        }
    }

    /// The passes along both axes, each with so many outputs. Windows that are not `alike` are cut to their own lengths.
    pub(super) fn both(&self, graph: &mut Graph, counts: &[Num; 2], alike: bool) -> [Pass; 2] {
        let blocks = self.window.blocks();
        let lengths = [0, 1].map(|place| lengths(blocks, place));
        let groups = if alike {
            let all = graph.mul(blocks, &2.0.into());
            let mut first = self.groups(graph, [&self.indices, &self.digits], &all, &lengths.concat());
            let second = first.split_off(lengths[0].len());
            [first, second]
        } else {
            let ends = ends(graph, &self.window.width);
            [0, 1].map(|place| {
                let both = [&self.indices, &self.digits];
                let [indices, digits] = both.map(|both| part(graph, both, place, &ends));
                self.groups(graph, [&indices, &digits], blocks, &lengths[place])
            })
        };
        let [first, second] = groups;
        [
            self.finished(graph, first, 0, &counts[0]),
            self.finished(graph, second, 1, &counts[1]),
        ]
    }

    /// The pass along the one axis, which is the first one or the second one.
    pub(super) fn one(&self, graph: &mut Graph, place: usize, count: &Num) -> Pass {
        let blocks = self.window.blocks();
        let groups = self.groups(
            graph,
            [&self.indices, &self.digits],
            blocks,
            &lengths(blocks, place),
        );
        self.finished(graph, groups, place, count)
    }

    fn finished(&self, graph: &mut Graph, groups: Vec<Group>, place: usize, count: &Num) -> Pass {
        let mut one = self.one.clone();
        if self.window.outputs.paired {
            let (both, place) = (flat(graph, &one), graph.int(place as i64));
            one = graph.op_with("Gather", &[&both, &place], vec![int("axis", 0)]);
        }
        Pass {
            groups,
            pieces: self.window.pieces.clone(),
            one,
            count: count.clone(),
        }
    }

    /// All `blocks`, cut into groups of these lengths.
    fn groups(
        &self,
        graph: &mut Graph,
        [indices, digits]: [&Value; 2],
        blocks: &Num,
        lengths: &[usize],
    ) -> Vec<Group> {
        let blocks = Extent::Num(blocks);
        let pieces = Extent::Num(&self.window.pieces);
        let rows = Num::from(2 * BLOCK);
        let shape = graph.shape(&[blocks, pieces, Extent::Rest]);
        let indices = graph.op("Reshape", &[indices, &shape]);
        let digits = if self.window.pieces.known() == Some(1.0) {
            let shape = graph.shape(&[blocks, pieces, Extent::Num(&rows), Extent::Rest]);
            graph.op("Reshape", &[digits, &shape])
        } else {
            let shape = graph.shape(&[blocks, Extent::Num(&rows), pieces, Extent::Rest]);
            let digits = graph.op("Reshape", &[digits, &shape]);
            graph.op_with("Transpose", &[&digits], vec![ints("perm", &[0, 2, 1, 3])])
        };
        let indices = graph.split(&indices, lengths);
        let digits = graph.split(&digits, lengths);
        let groups = indices.into_iter().zip(digits);
        groups
            .map(|(indices, digits)| Group { indices, digits })
            .collect()
    }
}

/// The lengths of the groups of `blocks` of the first or the second pass; none where there is no telling.
fn lengths(blocks: &Num, place: usize) -> Vec<usize> {
    let Some(blocks) = blocks.known().map(|blocks| blocks as usize) else {
        return Vec::new();
    };
    let groups = if place == 0 { GROUPS.min(blocks) } else { 1 };
    let until = |group: usize| group * blocks / groups;
    (0..groups).map(|group| until(group + 1) - until(group)).collect()
}
