//! What passes are made of: for each block of outputs where it reads, and the digits of its weights.

use onnx_protobuf::tensor_proto::DataType;

use super::long::Long;
use super::pair::{ends, entry, part};
use super::pass::{Group, Pass, STEPS, raised};
use super::weights::Integers;
use super::windows::Window;
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Extent, Num};

/// In how many groups of blocks the first pass goes: what a group reads stays in caches, and each takes six nodes.
const GROUPS: usize = 11;

/// How many blocks a group has at least, where there are as many.
const LEAST: usize = 8;

/// What the passes along an axis, or along two, are made of.
pub(super) struct Parts<'a> {
    window: &'a Window,
    /// Source positions of windows: int64 [1, window, blocks].
    indices: Value,
    /// The higher digits, then the lower ones, where windows are short, in steps: float32 [2 * rows, window, blocks].
    digits: Value,
    /// The lower digits where windows are long, of each axis; none where they never are.
    long: Vec<Long>,
    /// What is added to the sums of digits.
    raise: Value,
}

impl<'a> Parts<'a> {
    pub(super) fn new(graph: &mut Graph, window: &'a Window, indices: Value, integers: &Integers) -> Self {
        let weights = window.needed(graph, &integers.weights);
        let in_units = graph.op("Mul", &[&weights, &integers.units]);
        let high = graph.op("Floor", &[&in_units]);
        let low = graph.op("Sub", &[&in_units, &high]);
        let unit = integers.unit_in_steps(graph, STEPS);
        let high = graph.op("Mul", &[&high, &unit]);
        let rows = window.outputs.rows;
        let raise = graph.floats(&[2 * rows, 1], &raised(rows));
        let (kept, long) = match &window.short {
            None => (unit, Vec::new()),
            Some(short) => {
                let zero = graph.doubles(&[], &[0.0]);
                let [kept, left] = [[&unit, &zero], [&zero, &unit]]
                    .map(|[short_unit, long_unit]| graph.op("Where", &[short, short_unit, long_unit]));
                let paired = window.outputs.paired;
                (kept, Long::new(graph, short, paired, (&indices, &low), &left))
            }
        };
        let low = graph.op("Mul", &[&low, &kept]);
        let digits = graph.op_with("Concat", &[&high, &low], vec![int("axis", 0)]);
        Self {
            window,
            indices,
            digits: graph.cast(&digits, DataType::FLOAT),
            long,
            raise,
        }
    }

    /// The passes along both axes, each with so many outputs. Windows that are not `alike` are cut to their own lengths.
    pub(super) fn both(&self, graph: &mut Graph, counts: &[Num; 2], alike: bool) -> [Pass; 2] {
        let blocks = self.window.blocks();
        let lengths = [0, 1].map(|place| lengths(blocks, place));
        let groups = if alike && blocks.known().is_some() {
            let all = graph.mul(blocks, &2.0.into());
            let mut first = self.groups(graph, [&self.indices, &self.digits], &all, &lengths.concat());
            let second = first.split_off(lengths[0].len());
            [first, second]
        } else {
            let ends = ends(graph, &self.window.width, blocks);
            [0, 1].map(|place| {
                let both = [&self.indices, &self.digits];
                let [indices, digits] = both.map(|both| part(graph, both, place, &ends));
                let blocks = entry(graph, blocks, place);
                self.groups(graph, [&indices, &digits], &blocks, &lengths[place])
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
        let lengths = lengths(blocks, place);
        let groups = self.groups(graph, [&self.indices, &self.digits], blocks, &lengths);
        self.finished(graph, groups, place, count)
    }

    fn finished(&self, graph: &mut Graph, groups: Vec<Group>, place: usize, count: &Num) -> Pass {
        // Of one axis there is one, at whichever place.
        let long = self.long.get(place).or(self.long.first()).cloned();
        let long = match self.window.blocks() {
            blocks @ Num::Later(_) if self.window.outputs.paired => {
                let blocks = entry(graph, blocks, place);
                long.map(|long| long.of_blocks(blocks))
            }
            _ => long,
        };
        Pass {
            groups,
            rows: self.window.outputs.rows,
            raise: self.raise.clone(),
            long,
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
        let last = graph.shape(&[Extent::Rest, blocks]);
        let [indices, digits] = [indices, digits].map(|of| {
            let columns = graph.op("Reshape", &[of, &last]);
            graph.op_with("Transpose", &[&columns], vec![ints("perm", &[1, 0])])
        });
        let shape = graph.ints(&[0, 2 * self.window.outputs.rows as i64, -1]);
        let digits = graph.op("Reshape", &[&digits, &shape]);
        let indices = graph.split(&indices, 0, lengths);
        let digits = graph.split(&digits, 0, lengths);
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
    let groups = match place {
        0 => (blocks / LEAST).clamp(1, GROUPS),
        _ => 1,
    };
    let until = |group: usize| group * blocks / groups;
    (0..groups).map(|group| until(group + 1) - until(group)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use prep_onnx_pipeline::{AxisWeights, Filter, Windows};

    use super::super::pass::{MAX_TAPS, PARTS};
    use super::super::weights::{LARGEST, MAX_UNITS_BITS};

    const EXTENTS: [usize; 16] = [1, 2, 3, 5, 6, 7, 13, 31, 61, 96, 224, 255, 500, 640, 1127, 2291];
    const OUTPUTS: [usize; 12] = [1, 2, 3, 5, 8, 14, 27, 31, 95, 224, 256, 384];

    /// What the lower digits of an output times bytes come to at most, with half a step, in halves of a part; `None` where windows
    /// are long.
    fn most(windows: Windows, filter: Filter, size: (usize, usize)) -> Option<f64> {
        let axis = AxisWeights::part(windows, filter, size, 0..size.1);
        if axis.max_taps() > MAX_TAPS {
            return None;
        }
        let rows = || (0..size.1).map(|output| axis.window(output).1);
        let one = f64::from(1_u32 << axis.precision());
        let largest = f64::from(rows().flatten().copied().max().unwrap());
        let units = (0..=MAX_UNITS_BITS).rev().map(|bits| f64::from(1_u32 << bits));
        let mut units = units.filter(|units| largest < LARGEST * one / units);
        let units = units.next().unwrap();
        let parts = f64::from(1_u32 << MAX_UNITS_BITS) / units * f64::from(PARTS);
        let digit = |weight: &i32| (f64::from(*weight) * units / one).rem_euclid(1.0) * parts;
        let sum = |weights: &[i32]| weights.iter().map(digit).sum::<f64>() * 255.0;
        Some(2.0 * rows().map(sum).fold(0.0, f64::max) + f64::from(PARTS))
    }

    #[test]
    fn sums_of_lower_digits_are_exact() {
        let mut checked = 0;
        for windows in [Windows::Pillow, Windows::Torchvision] {
            for filter in Filter::ALL
                .iter()
                .copied()
                .filter(|filter| filter.support().is_some())
            {
                for size in EXTENTS
                    .iter()
                    .flat_map(|input| OUTPUTS.map(|output| (*input, output)))
                {
                    if let Some(most) = most(windows, filter, size) {
                        assert!(
                            most < f64::from(1 << 24),
                            "{windows:?} {filter:?} {size:?}: {most}"
                        );
                        checked += 1;
                    }
                }
            }
        }
        assert!(checked > 1500, "{checked}");
    }
}
