//! Nodes with a graph of their own.

use std::collections::HashSet;

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{GraphProto, NodeProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto};
use protobuf::MessageField;

use super::attributes::graph;
use super::{Graph, Value};

impl Graph {
    /// The nodes that `build` adds, apart from this graph, and what it returns.
    fn scope<T>(&mut self, build: impl FnOnce(&mut Self) -> T) -> (Vec<NodeProto>, T) {
        let before = self.nodes.len();
        let result = build(self);
        (self.nodes.split_off(before), result)
    }

    /// Adds a `Loop` of `count` (int64, no axes) turns. `turn` gets its number (int64, no axes) and
    /// the carried int64 [1], and gives the next one and a tensor of `data_type` and `shape`; the
    /// tensors of all turns, stacked along a new first axis, are the result.
    pub(crate) fn repeat(
        &mut self,
        count: &Value,
        carried: &Value,
        (data_type, shape): (DataType, &[i64]),
        turn: impl FnOnce(&mut Self, &Value, &Value) -> (Value, Value),
    ) -> Value {
        let number = self.count;
        self.count += 1;
        let mut name = |what: &str| Value(format!("{}Loop_{number}_{what}", self.prefix));
        let [index, go_on, before] = ["index", "go_on", "before"].map(&mut name);
        let [last, output] = ["last", "output"].map(&mut name);
        let (node, (stays, after, tensor)) = self.scope(|graph| {
            let (after, tensor) = turn(graph, &index, &before);
            (graph.op("Identity", &[&go_on]), after, tensor)
        });
        let results = [&stays, &after, &tensor].map(|value| value.0.clone());
        let node = needed(node, HashSet::from(results));
        let body = GraphProto {
            // ONNX's text form reads graph names without a slash only.
            name: format!("{}body", self.prefix).replace('/', "_"),
            node,
            input: vec![
                tensor_info(index.as_str(), DataType::INT64, &[]),
                tensor_info(go_on.as_str(), DataType::BOOL, &[]),
                tensor_info(before.as_str(), DataType::INT64, &[1]),
            ],
            output: vec![
                tensor_info(stays.as_str(), DataType::BOOL, &[]),
                tensor_info(after.as_str(), DataType::INT64, &[1]),
                // Without turns, the result has no other source for its extents.
                tensor_info(tensor.as_str(), data_type, shape),
            ],
            ..GraphProto::default()
        };
        let node = self.node(
            "Loop",
            &[count, &Value(String::new()), carried],
            vec![graph("body", body)],
        );
        self.nodes.push(NodeProto {
            name: output.0.clone(),
            output: vec![last.0, output.0.clone()],
            ..node
        });
        output
    }
}

/// The nodes that `results` need: one that nothing reads breaks the memory plan of ONNX Runtime up to 1.18.
pub(super) fn needed(nodes: Vec<NodeProto>, mut results: HashSet<String>) -> Vec<NodeProto> {
    let mut kept: Vec<NodeProto> = Vec::with_capacity(nodes.len());
    for node in nodes.into_iter().rev() {
        if node.output.iter().any(|name| results.contains(name)) {
            read_names(&node, &mut results);
            kept.push(node);
        }
    }
    kept.reverse();
    kept
}

fn read_names(node: &NodeProto, names: &mut HashSet<String>) {
    names.extend(node.input.iter().cloned());
    for attribute in &node.attribute {
        for node in &attribute.g.node {
            read_names(node, names);
        }
    }
}

/// A tensor of `shape`; an extent below 0 is unknown.
fn tensor_info(name: &str, data_type: DataType, shape: &[i64]) -> ValueInfoProto {
    let dimension = |extent: &i64| Dimension {
        value: (*extent >= 0).then_some(dimension::Value::DimValue(*extent)),
        ..Dimension::default()
    };
    let shape = TensorShapeProto {
        dim: shape.iter().map(dimension).collect(),
        ..TensorShapeProto::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: data_type as i32,
        shape: MessageField::some(shape),
        ..type_proto::Tensor::default()
    };
    ValueInfoProto {
        name: name.to_owned(),
        type_: MessageField::some(TypeProto {
            value: Some(type_proto::Value::TensorType(tensor)),
            ..TypeProto::default()
        }),
        ..ValueInfoProto::default()
    }
}
