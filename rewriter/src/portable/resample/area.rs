//! `cv2.resize` of uint8 with INTER_AREA: the float32 sums of `prep_onnx_pipeline::resample`, added one after another.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::resample::area_axes;

use super::axis::Axis;
use super::opencv::passes;
use super::taps::{outputs, rounded_bytes};
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::{Condition, Extent, Num};
use crate::portable::picture::Picture;

/// As many taps for every output of an axis; those that it lacks have the weight 0.
struct Cells {
    /// int64 [count, taps].
    positions: Value,
    /// float32 [count, taps, 1].
    weights: Value,
    count: Num,
}

/// The needed rows and columns of `picture`.
pub(super) fn area(graph: &mut Graph, picture: &Picture, [rows, columns]: [&Axis; 2]) -> Picture {
    let [down, across] = match (rows.known(), columns.known()) {
        (Some(of_rows), Some(of_columns)) => known(graph, of_rows, of_columns),
        _ => {
            let not_fewer = |graph: &mut Graph, axis: &Axis| {
                let more = graph.add(&axis.input, &1.0.into());
                graph.less(&axis.output, &more)
            };
            let (of_rows, of_columns) = (not_fewer(graph, rows), not_fewer(graph, columns));
            let shrinks = graph.and(&of_rows, &of_columns);
            [rows, columns].map(|axis| cells(graph, axis, &shrinks))
        }
    };
    passes(graph, picture, [rows, columns], |graph, at, lines| {
        if at == 0 {
            across.apply(graph, lines)
        } else {
            let sum = down.apply(graph, lines);
            rounded_bytes(graph, &sum)
        }
    })
}

impl Cells {
    fn apply(&self, graph: &mut Graph, lines: &Value) -> Value {
        let lines = graph.op_with("Gather", &[lines, &self.positions], vec![int("axis", 0)]);
        let lines = graph.cast(&lines, DataType::FLOAT);
        let products = graph.op("Mul", &[&lines, &self.weights]);
        // Adds in the order of the taps.
        let axis = graph.int(1);
        let sums = graph.op("CumSum", &[&products, &axis]);
        let last = graph.ints(&[-1]);
        let sum = graph.op_with("Gather", &[&sums, &last], vec![int("axis", 1)]);
        let shape = graph.shape(&[Extent::Num(&self.count), Extent::Rest]);
        graph.op("Reshape", &[&sum, &shape])
    }
}

fn known(graph: &mut Graph, rows: [usize; 4], columns: [usize; 4]) -> [Cells; 2] {
    let tables = area_axes((rows[0], columns[0]), (rows[1], columns[1]));
    let mut axes = tables.into_iter().zip([rows, columns]);
    std::array::from_fn(|_| {
        let (table, [.., start, count]) = axes.next().unwrap_or_default();
        let part = table.get(start..start + count).unwrap_or_default();
        let taps = part.iter().map(Vec::len).max().unwrap_or(1);
        let padded = part.iter().flat_map(|taps_of| {
            let rest = taps - taps_of.len();
            taps_of.iter().copied().chain(std::iter::repeat_n((0, 0.0), rest))
        });
        let (positions, weights): (Vec<i64>, Vec<f32>) =
            padded.map(|(at, weight)| (at as i64, weight)).unzip();
        Cells {
            positions: graph.int64s(&[count, taps], &positions),
            weights: graph.floats(&[count, taps, 1], &weights),
            count: count.into(),
        }
    })
}

fn cells(graph: &mut Graph, axis: &Axis, shrinks: &Condition) -> Cells {
    let inverse = graph.div(&axis.output, &axis.input);
    let scale = graph.div(&1.0.into(), &inverse);
    let last_pixel = graph.sub(&axis.input, &1.0.into());
    let index = outputs(graph, axis);
    let index = graph.value(&index);
    let shape = graph.ints(&[-1, 1]);
    let index = Num::Later(graph.op("Reshape", &[&index, &shape]));

    // Shrinking: the pixels that a cell covers, from the one before the first whole one on.
    let from = graph.mul(&index, &scale);
    let to = graph.add(&from, &scale);
    let rest = graph.sub(&axis.input, &from);
    let cell = graph.min(&scale, &rest);
    let end = graph.floor(&to);
    let end = graph.min(&end, &last_pixel);
    let first = graph.ceil(&from);
    let first = graph.min(&first, &last_pixel);
    let first = graph.min(&first, &end);
    let base = graph.sub(&first, &1.0.into());
    let taps = graph.sub(&end, &base);
    let taps = graph.value(&taps);
    let taps = graph.op_with("ReduceMax", &[&taps], vec![int("keepdims", 0)]);
    let one = graph.doubles(&[], &[1.0]);
    let taps = graph.op("Add", &[&taps, &one]);
    let zero = graph.doubles(&[], &[0.0]);
    let tap = Num::Later(graph.op("Range", &[&zero, &taps, &one]));
    let covered = graph.add(&base, &tap);
    let share = |graph: &mut Graph, part: &Num| {
        let share = graph.div(part, &cell);
        let much = graph.less(&1e-3.into(), part);
        graph.select(&much, &share, &0.0.into())
    };
    let before = graph.sub(&first, &from);
    let before = share(graph, &before);
    let whole = graph.div(&1.0.into(), &cell);
    let after = graph.sub(&to, &end);
    let much = graph.less(&1e-3.into(), &after);
    let after = graph.min(&after, &1.0.into());
    let after = graph.min(&after, &cell);
    let after = graph.div(&after, &cell);
    let after = graph.select(&much, &after, &0.0.into());
    let is_before = graph.less(&covered, &first);
    let is_whole = graph.less(&covered, &end);
    let past = graph.less(&end, &covered);
    let weight = graph.select(&is_whole, &whole, &after);
    let weight = graph.select(&is_before, &before, &weight);
    let weight = graph.select(&past, &0.0.into(), &weight);
    let weight = graph.value(&weight);
    let weight = graph.cast(&weight, DataType::FLOAT);

    // Otherwise: two pixels.
    let start = graph.floor(&from);
    let next = graph.add(&index, &1.0.into());
    let next_start = graph.add(&start, &1.0.into());
    let reached = graph.mul(&next_start, &inverse);
    let fraction = graph.sub(&next, &reached);
    let fraction = graph.value(&fraction);
    let fraction = graph.cast(&fraction, DataType::FLOAT);
    let [zero, one] = [0.0, 1.0].map(|value| graph.floats(&[], &[value]));
    let whole = graph.op("Floor", &[&fraction]);
    let part = graph.op("Sub", &[&fraction, &whole]);
    let positive = graph.op("Less", &[&zero, &fraction]);
    let fraction = graph.op("Where", &[&positive, &part, &zero]);
    let last = graph.value(&last_pixel);
    let start_value = graph.value(&start);
    let before_edge = graph.op("Less", &[&start_value, &last]);
    let fraction = graph.op("Where", &[&before_edge, &fraction, &zero]);
    let rest = graph.op("Sub", &[&one, &fraction]);
    let tap_value = graph.value(&tap);
    let pair = |graph: &mut Graph, number: f64, then: &Value, otherwise: &Value| {
        let number = graph.doubles(&[], &[number]);
        let before = graph.op("Less", &[&tap_value, &number]);
        graph.op("Where", &[&before, then, otherwise])
    };
    let second = pair(graph, 2.0, &fraction, &zero);
    let linear_weight = pair(graph, 1.0, &rest, &second);
    let linear = graph.add(&start, &tap);

    let positions = graph.select(shrinks, &covered, &linear);
    let positions = super::taps::clamped(graph, &positions, &last_pixel);
    let weights = match shrinks {
        Condition::Known(true) => weight,
        Condition::Known(false) => linear_weight,
        Condition::Later(shrinks) => graph.op("Where", &[shrinks, &weight, &linear_weight]),
    };
    let third = graph.shape(&[Extent::Num(&axis.count), Extent::Rest, Extent::Num(&1.0.into())]);
    Cells {
        positions,
        weights: graph.op("Reshape", &[&weights, &third]),
        count: axis.count.clone(),
    }
}
