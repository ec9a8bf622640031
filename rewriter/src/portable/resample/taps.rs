//! Outputs of a fixed number of taps, each a position of the source and a weight: two or four of them, element by element.

use onnx_protobuf::tensor_proto::DataType;

use super::axis::Axis;
use crate::portable::graph::{Graph, Value, int};
use crate::portable::num::Num;

/// The taps of the needed outputs of one axis.
pub(super) struct Taps {
    /// For each tap the source positions: int64 [count].
    pub(super) positions: Vec<Value>,
    /// For each tap the weights, whose products with bytes are exact: float32 [count, 1].
    pub(super) weights: Vec<Value>,
}

impl Taps {
    /// Of constants, one entry an output.
    pub(super) fn known<const N: usize>(graph: &mut Graph, taps: &[([usize; N], [f32; N])]) -> Self {
        let positions = (0..N).map(|tap| {
            let positions: Vec<i64> = taps.iter().map(|(at, _)| at[tap] as i64).collect();
            graph.ints(&positions)
        });
        let positions = positions.collect();
        let weights = (0..N).map(|tap| {
            let weights: Vec<f32> = taps.iter().map(|(_, weights)| weights[tap]).collect();
            graph.floats(&[weights.len(), 1], &weights)
        });
        Self {
            positions,
            weights: weights.collect(),
        }
    }

    /// The sum of the taps, float32 [count, lines], of uint8 [source positions, lines].
    pub(super) fn sum(&self, graph: &mut Graph, lines: &Value) -> Value {
        let mut sum = None;
        for (positions, weights) in self.positions.iter().zip(&self.weights) {
            let line = graph.op_with("Gather", &[lines, positions], vec![int("axis", 0)]);
            let line = graph.cast(&line, DataType::FLOAT);
            let product = graph.op("Mul", &[&line, weights]);
            sum = Some(match sum {
                None => product,
                Some(sum) => graph.op("Add", &[&sum, &product]),
            });
        }
        sum.unwrap_or_else(|| lines.clone())
    }
}

/// The needed output positions of an axis: float64 [count].
pub(super) fn outputs(graph: &mut Graph, axis: &Axis) -> Num {
    let [zero, one] = [0.0, 1.0].map(|value| graph.doubles(&[], &[value]));
    let count = graph.scalar(&axis.count);
    let range = Num::Later(graph.op("Range", &[&zero, &count, &one]));
    graph.add(&range, &axis.start)
}

/// float64 positions inside an axis, from 0 to `last`: int64.
pub(super) fn clamped(graph: &mut Graph, positions: &Num, last: &Num) -> Value {
    let positions = graph.max(positions, &0.0.into());
    let positions = graph.min(&positions, last);
    graph.int64(&positions)
}

/// float32 [count] as [count, 1].
pub(super) fn column(graph: &mut Graph, values: &Value) -> Value {
    let shape = graph.ints(&[-1, 1]);
    graph.op("Reshape", &[values, &shape])
}

/// Rounded half to even and clamped: uint8.
pub(super) fn rounded_bytes(graph: &mut Graph, values: &Value) -> Value {
    let rounded = graph.op("Round", &[values]);
    let (least, most) = (graph.floats(&[], &[0.0]), graph.floats(&[], &[255.0]));
    let clamped = graph.op("Clip", &[&rounded, &least, &most]);
    graph.cast(&clamped, DataType::UINT8)
}
