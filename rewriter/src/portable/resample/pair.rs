//! Two axes worked out at once: on so few numbers a node costs more than what it computes.
//!
//! The axis before the last one of tensors of both has two entries, that of the first pass and that of the second.

use onnx_protobuf::tensor_proto::DataType;

use super::axis::Axis;
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Condition, Num, REDUCE_AXES_OPSET};

/// How many times the outputs of the other axis an axis may have.
const MOST_RATIO: f64 = 4.0;

/// What follows from whether the first pass is for rows or for columns.
pub(super) struct Order {
    vertical_first: Condition,
    /// Where rows and columns are, as those of the first pass and of the second: int64 [2].
    entries: Value,
    /// The axes of the image for them, likewise.
    pub(super) axes: Value,
    /// The numbers that were given for the way that is taken.
    pub(super) places: Value,
}

impl Order {
    /// `axes` are those of rows and of columns, `places` any numbers for either way, vertically first and horizontally.
    pub(super) fn new(
        graph: &mut Graph,
        vertical_first: &Condition,
        [rows, columns]: [i64; 2],
        places: [Vec<i64>; 2],
    ) -> Self {
        let [vertical, horizontal] = places;
        let vertical = [vec![0, 1], vec![rows, columns], vertical];
        let horizontal = [vec![1, 0], vec![columns, rows], horizontal];
        let [entries, axes, places] = match vertical_first {
            Condition::Known(known) => {
                let way = if *known { vertical } else { horizontal };
                way.map(|part| graph.ints(&part))
            }
            Condition::Later(condition) => {
                let lengths = vertical.each_ref().map(Vec::len);
                let [vertical, horizontal] = [vertical, horizontal].map(|way| graph.ints(&way.concat()));
                let way = graph.op("Where", &[condition, &vertical, &horizontal]);
                let parts = graph.split(&way, 0, &lengths);
                [0, 1, 2].map(|part| parts[part].clone())
            }
        };
        Self {
            vertical_first: vertical_first.clone(),
            entries,
            axes,
            places,
        }
    }

    /// `values`, whose entries on `axis` are those of rows and columns, in this order.
    fn apply(&self, graph: &mut Graph, values: &Value, axis: i64) -> Value {
        if self.vertical_first == Condition::Known(true) {
            return values.clone();
        }
        graph.op_with("Gather", &[values, &self.entries], vec![int("axis", axis)])
    }
}

/// Both axes in one, whose numbers are float64 [1, 1, 2, 1], or one for both where it is known; `None` where one has many times the
/// outputs of the other, known now: the longest windows would be worked out for the most outputs.
pub(super) fn pair(graph: &mut Graph, order: &Order, rows: &Axis, columns: &Axis) -> Option<Axis> {
    if let (Some(rows), Some(columns)) = (rows.count.known(), columns.count.known())
        && rows.max(columns) > rows.min(columns) * MOST_RATIO
    {
        return None;
    }
    let whole = rows.is_whole() && columns.is_whole();
    let as_many = rows.count == columns.count && rows.count.known().is_some();
    let numbers: [Option<[&Num; 2]>; 4] = [
        Some([&rows.input, &columns.input]),
        (!(whole && as_many)).then_some([&rows.output, &columns.output]),
        (!whole).then_some([&rows.start, &columns.start]),
        (!(whole || as_many)).then_some([&rows.count, &columns.count]),
    ];
    let listed = numbers.iter().flatten().count();
    let of = |graph: &mut Graph, at: usize| -> Vec<Value> {
        let numbers = numbers.iter().flatten().map(|pair| pair[at]);
        numbers
            .map(|num| match num {
                Num::Known(known) => graph.doubles(&[1], &[*known]),
                Num::Later(value) => value.clone(),
            })
            .collect()
    };
    let all = [of(graph, 0), of(graph, 1)].concat();
    let all = graph.op_with("Concat", &all.iter().collect::<Vec<_>>(), vec![int("axis", 0)]);
    let shape = graph.ints(&[1, 1, 2, listed as i64]);
    let all = graph.op("Reshape", &[&all, &shape]);
    let all = order.apply(graph, &all, 2);
    let mut parts = graph.split(&all, 3, &vec![1; listed]).into_iter();
    let [input, output, start, count] = numbers.map(|pair| pair.and_then(|_| parts.next()).map(Num::Later));
    // What is not listed is the same number for both, or, where all outputs are needed, how many there are.
    let output = output.unwrap_or_else(|| rows.output.clone());
    let count = count.unwrap_or_else(|| if whole { &output } else { &rows.count }.clone());
    Some(Axis {
        input: input.unwrap_or_else(|| rows.input.clone()),
        start: start.unwrap_or_else(|| rows.start.clone()),
        count,
        output,
    })
}

/// What `op` makes of all numbers of an axis: without axes, or of each of both where they are `paired`, [1, 1, 2, 1].
pub(super) fn reduced(graph: &mut Graph, op: &str, value: &Value, paired: bool) -> Value {
    if !paired {
        return graph.op_with(op, &[value], vec![int("keepdims", 0)]);
    }
    let axes = [0, 1, 3];
    if graph.opset < REDUCE_AXES_OPSET {
        return graph.op_with(op, &[value], vec![ints("axes", &axes)]);
    }
    let axes = graph.ints(&axes);
    graph.op(op, &[value, &axes])
}

/// A number of each of both, [1, 1, 2, 1], as [2].
pub(super) fn flat(graph: &mut Graph, both: &Value) -> Value {
    let shape = graph.ints(&[2]);
    graph.op("Reshape", &[both, &shape])
}

/// That of the axis at `place`, [1], of a number of each of both.
pub(super) fn entry(graph: &mut Graph, both: &Num, place: usize) -> Num {
    let Num::Later(both) = both else {
        return both.clone();
    };
    let both = flat(graph, both);
    let place = graph.ints(&[place as i64]);
    Num::Later(graph.op_with("Gather", &[&both, &place], vec![int("axis", 0)]))
}

/// How far each part of tensors [rows, window, 2, blocks] goes that holds so many positions of windows, and so many blocks, where
/// they are not all: int64 [2, 3].
pub(super) fn ends(graph: &mut Graph, widths: &Value, blocks: &Num) -> Value {
    let shape = graph.ints(&[2, 1]);
    let mut column = |of: &Value| {
        let of = graph.op("Reshape", &[of, &shape]);
        graph.cast(&of, DataType::INT64)
    };
    let widths = column(widths);
    let blocks = match blocks {
        Num::Later(blocks) => column(blocks),
        Num::Known(blocks) => graph.int64s(&[2, 1], &[*blocks as i64; 2]),
    };
    let places = graph.int64s(&[2, 1], &[1, 2]);
    graph.op_with("Concat", &[&widths, &places, &blocks], vec![int("axis", 1)])
}

/// The part at `place`, [rows, positions of its windows, 1, its blocks], of [rows, window, 2, blocks].
pub(super) fn part(graph: &mut Graph, both: &Value, place: usize, ends: &Value) -> Value {
    let start = graph.ints(&[0, place as i64, 0]);
    let place = graph.int(place as i64);
    let end = graph.op_with("Gather", &[ends, &place], vec![int("axis", 0)]);
    let axes = graph.ints(&[1, 2, 3]);
    graph.op("Slice", &[both, &start, &end, &axes])
}
