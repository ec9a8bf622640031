//! Two axes of as many needed outputs, worked out at once: on so few numbers a node costs more than what it computes.
//!
//! Tensors of both begin with an axis of two entries, that of the first pass and that of the second.

use onnx_protobuf::tensor_proto::DataType;

use super::axis::Axis;
use crate::portable::graph::{Graph, Value, int, ints};
use crate::portable::num::{Condition, Num, REDUCE_AXES_OPSET};

/// Which of rows and columns comes first: int64 [2], what each place holds; of two, it is its own inverse.
pub(super) enum Order {
    Rows,
    Columns,
    Later(Value),
}

impl Order {
    pub(super) fn new(graph: &mut Graph, vertical_first: &Condition) -> Self {
        match vertical_first {
            Condition::Known(true) => Self::Rows,
            Condition::Known(false) => Self::Columns,
            Condition::Later(condition) => {
                let [rows, columns] = [[0, 1], [1, 0]].map(|order| graph.ints(&order));
                Self::Later(graph.op("Where", &[condition, &rows, &columns]))
            }
        }
    }

    /// `values`, whose entries on `axis` are those of rows and columns, in this order, or the reverse.
    pub(super) fn apply(&self, graph: &mut Graph, values: &Value, axis: i64) -> Value {
        let order = match self {
            Self::Rows => return values.clone(),
            Self::Columns => graph.ints(&[1, 0]),
            Self::Later(order) => order.clone(),
        };
        graph.op_with("Gather", &[values, &order], vec![int("axis", axis)])
    }
}

/// Both axes in one, whose numbers are float64 [2, 1, 1, 1], or one for both where it is known; `None` where they do not have as
/// many outputs, known now.
pub(super) fn pair(graph: &mut Graph, order: &Order, rows: &Axis, columns: &Axis) -> Option<Axis> {
    rows.count.known()?;
    let inputs_known = rows.input.known().is_some() && columns.input.known().is_some();
    if rows.count != columns.count || inputs_known {
        return None;
    }
    let numbers: [[&Num; 2]; 3] = [
        [&rows.input, &columns.input],
        [&rows.output, &columns.output],
        [&rows.start, &columns.start],
    ];
    let whole = rows.is_whole() && columns.is_whole();
    let same = |[row, column]: [&Num; 2]| whole && row == column && row.known().is_some();
    let later: Vec<_> = numbers.into_iter().filter(|pair| !same(*pair)).collect();
    let parts: Vec<Value> = later
        .iter()
        .flatten()
        .map(|num| match num {
            Num::Known(known) => graph.doubles(&[1], &[*known]),
            Num::Later(value) => value.clone(),
        })
        .collect();
    let all = graph.op_with("Concat", &parts.iter().collect::<Vec<_>>(), vec![int("axis", 0)]);
    let shape = graph.ints(&[later.len() as i64, 2, 1, 1, 1]);
    let all = graph.op("Reshape", &[&all, &shape]);
    let all = order.apply(graph, &all, 1);
    let mut at = 0;
    let [input, output, start] = numbers.map(|pair| {
        if same(pair) {
            return pair[0].clone();
        }
        let index = graph.int(at);
        at += 1;
        Num::Later(graph.op_with("Gather", &[&all, &index], vec![int("axis", 0)]))
    });
    Some(Axis {
        input,
        output,
        start,
        count: rows.count.clone(),
    })
}

/// What `op` makes of all numbers of an axis: without axes, or of each of both where they are `paired`, [2, 1, 1, 1].
pub(super) fn reduced(graph: &mut Graph, op: &str, value: &Value, paired: bool) -> Value {
    if !paired {
        return graph.op_with(op, &[value], vec![int("keepdims", 0)]);
    }
    let axes = [1, 2, 3];
    if graph.opset < REDUCE_AXES_OPSET {
        return graph.op_with(op, &[value], vec![ints("axes", &axes)]);
    }
    let axes = graph.ints(&axes);
    graph.op(op, &[value, &axes])
}

/// A number of each of both, [2, 1, 1, 1], as [2].
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

/// How far each part of tensors [2, blocks, rows, window] goes that holds so many positions of windows: int64 [2, 2].
pub(super) fn ends(graph: &mut Graph, widths: &Value) -> Value {
    let shape = graph.ints(&[2, 1]);
    let widths = graph.op("Reshape", &[widths, &shape]);
    let widths = graph.cast(&widths, DataType::INT64);
    let places = graph.int64s(&[2, 1], &[1, 2]);
    graph.op_with("Concat", &[&places, &widths], vec![int("axis", 1)])
}

/// The part at `place`, [1, blocks, rows, positions of its windows], of [2, blocks, rows, window].
pub(super) fn part(graph: &mut Graph, both: &Value, place: usize, ends: &Value) -> Value {
    let start = graph.ints(&[place as i64, 0]);
    let place = graph.int(place as i64);
    let end = graph.op_with("Gather", &[ends, &place], vec![int("axis", 0)]);
    let axes = graph.ints(&[0, 3]);
    graph.op("Slice", &[both, &start, &end, &axes])
}
