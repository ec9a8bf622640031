//! The messages of small models.

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto, ValueInfoProto,
    type_proto,
};
use protobuf::MessageField;

/// An input or output; an extent below 0 is open.
pub fn info(name: &str, element: DataType, extents: &[i64]) -> ValueInfoProto {
    let dimension = |extent: &i64| Dimension {
        value: (*extent >= 0).then_some(dimension::Value::DimValue(*extent)),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: element as i32,
        shape: MessageField::some(TensorShapeProto {
            dim: extents.iter().map(dimension).collect(),
            ..TensorShapeProto::default()
        }),
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

/// A node of one output, called after it.
pub fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
    NodeProto {
        op_type: op.to_owned(),
        name: format!("make_{output}"),
        input: inputs.iter().map(|name| (*name).to_owned()).collect(),
        output: vec![output.to_owned()],
        ..NodeProto::default()
    }
}

/// A model of one graph and of standard ops alone.
pub fn model(graph: GraphProto, ir_version: i64, opset: i64) -> ModelProto {
    ModelProto {
        ir_version,
        graph: MessageField::some(graph),
        opset_import: vec![OperatorSetIdProto {
            version: opset,
            ..OperatorSetIdProto::default()
        }],
        ..ModelProto::default()
    }
}
