//! The attributes of nodes.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::{AttributeProto, GraphProto, TensorProto};
use protobuf::MessageField;

/// An integer attribute.
pub(crate) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto {
        i,
        ..attribute(name, AttributeType::INT)
    }
}

/// A list of integers.
pub(crate) fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto {
        ints: ints.to_vec(),
        ..attribute(name, AttributeType::INTS)
    }
}

/// A float attribute.
pub(crate) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto {
        f,
        ..attribute(name, AttributeType::FLOAT)
    }
}

/// A string attribute.
pub(crate) fn string(name: &str, text: &str) -> AttributeProto {
    AttributeProto {
        s: text.as_bytes().to_vec(),
        ..attribute(name, AttributeType::STRING)
    }
}

pub(super) fn graph(name: &str, graph: GraphProto) -> AttributeProto {
    AttributeProto {
        g: MessageField::some(graph),
        ..attribute(name, AttributeType::GRAPH)
    }
}

pub(super) fn tensor_attribute(name: &str, tensor: TensorProto) -> AttributeProto {
    AttributeProto {
        t: MessageField::some(tensor),
        ..attribute(name, AttributeType::TENSOR)
    }
}

fn attribute(name: &str, type_: AttributeType) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        type_: type_.into(),
        ..AttributeProto::default()
    }
}
