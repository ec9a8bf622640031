//! One node with many outputs.

use onnx_protobuf::NodeProto;

use super::{Graph, Value, int, ints};

/// The operator set from which on `Split` takes lengths as an input.
const SPLIT_INPUT_OPSET: i64 = 13;

impl Graph {
    /// `value` cut along `axis` into parts of these lengths.
    pub(crate) fn split(&mut self, value: &Value, axis: i64, lengths: &[usize]) -> Vec<Value> {
        if lengths.len() < 2 {
            return vec![value.clone()];
        }
        let lengths: Vec<i64> = lengths.iter().map(|length| *length as i64).collect();
        let along = int("axis", axis);
        let node = if self.opset < SPLIT_INPUT_OPSET {
            self.node("Split", &[value], vec![along, ints("split", &lengths)])
        } else {
            let parts = self.ints(&lengths);
            self.node("Split", &[value, &parts], vec![along])
        };
        let name = format!("{}Split_{}", self.prefix, self.count);
        self.count += 1;
        let parts: Vec<String> = (0..lengths.len()).map(|part| format!("{name}_{part}")).collect();
        self.nodes.push(NodeProto {
            name,
            output: parts.clone(),
            ..node
        });
        parts.into_iter().map(Value).collect()
    }
}
