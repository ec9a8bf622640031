//! `cv2.resize` of uint8 with INTER_LINEAR and INTER_CUBIC: the integers of `prep_onnx_pipeline::resample`.

use onnx_protobuf::tensor_proto::DataType;
use prep_onnx_pipeline::resample::{LinearAxis, cubic_axis};

use super::axis::Axis;
use super::flow::{Flow, Way};
use super::read_rows::ReadRows;
use super::taps::{Taps, clamped, column, outputs};
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;
use crate::portable::picture::Picture;

/// What stands for 1 in the weights.
const ONE: f32 = 2048.0;

/// INTER_LINEAR: the sums of the first pass lose 4 bits, by their weights; the products of the second one 16 each.
pub(super) fn linear(graph: &mut Graph, picture: &Picture, [rows, columns]: [&Axis; 2]) -> Picture {
    let across = match known_linear(columns, LinearAxis::columns, 1.0 / 16.0) {
        Some(taps) => Taps::known(graph, &taps),
        None => linear_taps(graph, columns, false, 1.0 / 16.0),
    };
    let ReadRows {
        taps: down,
        picture,
        rows,
    } = match known_linear(rows, LinearAxis::rows, 1.0) {
        Some(taps) => ReadRows::known(graph, picture, rows, &taps),
        None => {
            let taps = linear_taps(graph, rows, true, 1.0);
            ReadRows::later(graph, picture, rows, taps)
        }
    };
    passes(graph, &picture, [&rows, columns], |graph, at, lines| {
        if at == 0 {
            let sum = across.sum(graph, lines);
            return graph.op("Floor", &[&sum]);
        }
        let [top, bottom] = [0, 1].map(|tap| {
            let line = graph.op_with("Gather", &[lines, &down.positions[tap]], vec![int("axis", 0)]);
            shifted(graph, &line, &down.weights[tap])
        });
        let sum = graph.op("Add", &[&top, &bottom]);
        let two = graph.floats(&[], &[2.0]);
        let sum = graph.op("Add", &[&sum, &two]);
        // Cuts the fraction off.
        let value = scaled(graph, &sum, 0.25);
        graph.cast(&value, DataType::UINT8)
    })
}

/// `(weight * line) >> 16` of whole numbers below 2^12 and 2^15: their product does not fit into a float32, those of the
/// weight's upper 7 bits and of its lower 5 bits do.
fn shifted(graph: &mut Graph, line: &Value, weight: &Value) -> Value {
    let high = scaled(graph, weight, 1.0 / 32.0);
    let upper = graph.op("Floor", &[&high]);
    let lower = graph.op("Sub", &[&high, &upper]);
    let upper = graph.op("Mul", &[line, &upper]);
    let lower = graph.op("Mul", &[line, &lower]);
    let lower = graph.op("Floor", &[&lower]);
    let sum = graph.op("Add", &[&upper, &lower]);
    let sum = scaled(graph, &sum, 1.0 / 2048.0);
    graph.op("Floor", &[&sum])
}

/// INTER_CUBIC.
pub(super) fn cubic(graph: &mut Graph, picture: &Picture, [rows, columns]: [&Axis; 2]) -> Picture {
    let across = match known_cubic(columns) {
        Some(taps) => Taps::known(graph, &taps),
        None => cubic_taps(graph, columns),
    };
    let ReadRows {
        taps: down,
        picture,
        rows,
    } = match known_cubic(rows) {
        Some(taps) => ReadRows::known(graph, picture, rows, &taps),
        None => {
            let taps = cubic_taps(graph, rows);
            ReadRows::later(graph, picture, rows, taps)
        }
    };
    passes(graph, &picture, [&rows, columns], |graph, at, lines| {
        if at == 0 {
            let sum = across.sum(graph, lines);
            return graph.cast(&sum, DataType::INT32);
        }
        let mut sum = graph.int32s(&[], &[1 << 21]);
        for (positions, weights) in down.positions.iter().zip(&down.weights) {
            let line = graph.op_with("Gather", &[lines, positions], vec![int("axis", 0)]);
            let weights = graph.cast(weights, DataType::INT32);
            let product = graph.op("Mul", &[&line, &weights]);
            sum = graph.op("Add", &[&sum, &product]);
        }
        // Division of whole numbers cuts: what is below 0 becomes 0 all the same.
        let unit = graph.int32s(&[], &[1 << 22]);
        let value = graph.op("Div", &[&sum, &unit]);
        let value = graph.cast(&value, DataType::FLOAT);
        let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
        let value = graph.op("Clip", &[&value, &least, &most]);
        graph.cast(&value, DataType::UINT8)
    })
}

/// Horizontal first, over the whole image.
pub(super) fn passes(
    graph: &mut Graph,
    picture: &Picture,
    [rows, columns]: [&Axis; 2],
    pass: impl FnMut(&mut Graph, usize, &Value) -> Value,
) -> Picture {
    let flow = Flow {
        picture,
        way: Way::Horizontal,
        lengths: [columns.input.clone(), rows.input.clone()],
        counts: [columns.count.clone(), rows.count.clone()],
    };
    flow.run(graph, &picture.value, pass)
}

fn scaled(graph: &mut Graph, value: &Value, by: f32) -> Value {
    let by = graph.floats(&[], &[by]);
    graph.op("Mul", &[value, &by])
}

/// `(index + 0.5) * scale - 0.5` in float64, as float32 [count], and its whole part.
fn real(graph: &mut Graph, axis: &Axis) -> (Value, Value) {
    // OpenCV divides twice.
    let inverse = graph.div(&axis.output, &axis.input);
    let scale = graph.div(&1.0.into(), &inverse);
    let index = outputs(graph, axis);
    let middle = graph.add(&index, &0.5.into());
    let real = graph.mul(&middle, &scale);
    let real = graph.sub(&real, &0.5.into());
    let real = graph.value(&real);
    let real = graph.cast(&real, DataType::FLOAT);
    let start = graph.op("Floor", &[&real]);
    (real, start)
}

/// A position and a weight for each tap.
type Known<const N: usize> = Vec<([usize; N], [f32; N])>;

/// Where all of an axis is known; the weights times `unit`.
fn known_linear(axis: &Axis, of: fn(usize, usize) -> LinearAxis, unit: f32) -> Option<Known<2>> {
    let [input, output, start, count] = axis.known()?;
    let axis = of(input, output);
    let taps = (start..start + count).map(|index| {
        let weights = axis.weights[index].map(|weight| weight as f32 * unit);
        (axis.positions[index], weights)
    });
    Some(taps.collect())
}

/// The weights are times `unit`, a power of two.
fn linear_taps(graph: &mut Graph, axis: &Axis, vertical: bool, unit: f32) -> Taps {
    let (real, start) = real(graph, axis);
    let mut fraction = graph.op("Sub", &[&real, &start]);
    let start = graph.cast(&start, DataType::DOUBLE);
    let last = graph.sub(&axis.input, &1.0.into());
    if !vertical {
        // Beyond an edge of a row its pixel counts alone.
        let (zero, end) = (graph.doubles(&[], &[0.0]), graph.value(&last));
        let before = graph.op("Less", &[&start, &zero]);
        let before_last = graph.op("Less", &[&start, &end]);
        let inside = graph.op("Xor", &[&before, &before_last]);
        let zero = graph.floats(&[], &[0.0]);
        fraction = graph.op("Where", &[&inside, &fraction, &zero]);
    }
    let one = graph.floats(&[], &[1.0]);
    let rest = graph.op("Sub", &[&one, &fraction]);
    let weights = [rest, fraction].map(|part| {
        let part = scaled(graph, &part, ONE);
        let part = graph.op("Round", &[&part]);
        let part = if unit == 1.0 {
            part
        } else {
            scaled(graph, &part, unit)
        };
        column(graph, &part)
    });
    let start = Num::Later(start);
    let positions = [0, 1].map(|tap| {
        let at = graph.add(&start, &Num::from(tap as usize));
        clamped(graph, &at, &last)
    });
    Taps {
        positions: positions.to_vec(),
        weights: weights.to_vec(),
    }
}

/// Where all of an axis is known.
fn known_cubic(axis: &Axis) -> Option<Known<4>> {
    let [input, output, start, count] = axis.known()?;
    let taps = cubic_axis(input, output);
    let taps = taps[start..start + count].iter();
    Some(
        taps.map(|(at, weights)| (*at, weights.map(|weight| weight as f32)))
            .collect(),
    )
}

fn cubic_taps(graph: &mut Graph, axis: &Axis) -> Taps {
    const A: f32 = -0.75;
    let (real, start) = real(graph, axis);
    let x = graph.op("Sub", &[&real, &start]);
    let one = graph.floats(&[], &[1.0]);
    let steps = |graph: &mut Graph, first: Value, steps: &[(&str, Option<f32>, &Value)]| {
        steps.iter().fold(first, |value, (op, constant, other)| {
            let other = constant.map_or_else(|| (*other).clone(), |constant| graph.floats(&[], &[constant]));
            graph.op(op, &[&value, &other])
        })
    };
    let near = |graph: &mut Graph, x: &Value| {
        steps(
            graph,
            x.clone(),
            &[
                ("Mul", Some(A + 2.0), x),
                ("Sub", Some(A + 3.0), x),
                ("Mul", None, x),
                ("Mul", None, x),
                ("Add", Some(1.0), x),
            ],
        )
    };
    let farther = graph.op("Add", &[&x, &one]);
    let first = steps(
        graph,
        farther.clone(),
        &[
            ("Mul", Some(A), &farther),
            ("Sub", Some(5.0 * A), &farther),
            ("Mul", None, &farther),
            ("Add", Some(8.0 * A), &farther),
            ("Mul", None, &farther),
            ("Sub", Some(4.0 * A), &farther),
        ],
    );
    let second = near(graph, &x);
    let rest = graph.op("Sub", &[&one, &x]);
    let third = near(graph, &rest);
    let fourth = graph.op("Sub", &[&one, &first]);
    let fourth = graph.op("Sub", &[&fourth, &second]);
    let fourth = graph.op("Sub", &[&fourth, &third]);
    let weights = [first, second, third, fourth].map(|weight| {
        let weight = scaled(graph, &weight, ONE);
        let weight = graph.op("Round", &[&weight]);
        column(graph, &weight)
    });
    let last = graph.sub(&axis.input, &1.0.into());
    let start = Num::Later(graph.cast(&start, DataType::DOUBLE));
    let positions = [-1.0, 0.0, 1.0, 2.0].map(|tap| {
        let at = graph.add(&start, &Num::from(tap));
        clamped(graph, &at, &last)
    });
    Taps {
        positions: positions.to_vec(),
        weights: weights.to_vec(),
    }
}
