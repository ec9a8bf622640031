//! Short constructors for protobuf messages.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto,
    TensorProto, TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};
use protobuf::MessageField;

pub(crate) const FLOAT: i32 = 1;
pub(crate) const UINT8: i32 = 2;
pub(crate) const INT32: i32 = 6;
pub(crate) const INT64: i32 = 7;
pub(crate) const BOOL: i32 = 9;
pub(crate) const FLOAT16: i32 = 10;
pub(crate) const DOUBLE: i32 = 11;

pub(crate) fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let mut node = NodeProto::new();
    node.op_type = op.into();
    node.name = format!("{op}_{}", outputs[0]);
    node.input = inputs.iter().map(|name| (*name).to_owned()).collect();
    node.output = outputs.iter().map(|name| (*name).to_owned()).collect();
    node
}

pub(crate) fn int(name: &str, value: i64) -> AttributeProto {
    let mut attribute = AttributeProto::new();
    attribute.name = name.into();
    attribute.i = value;
    attribute.type_ = AttributeType::INT.into();
    attribute
}

pub(crate) fn ints(name: &str, values: &[i64]) -> AttributeProto {
    let mut attribute = AttributeProto::new();
    attribute.name = name.into();
    attribute.ints = values.to_vec();
    attribute.type_ = AttributeType::INTS.into();
    attribute
}

pub(crate) fn tensor_attribute(name: &str, value: TensorProto) -> AttributeProto {
    let mut attribute = AttributeProto::new();
    attribute.name = name.into();
    attribute.t = MessageField::some(value);
    attribute.type_ = AttributeType::TENSOR.into();
    attribute
}

pub(crate) fn graph_attribute(name: &str, value: GraphProto) -> AttributeProto {
    let mut attribute = AttributeProto::new();
    attribute.name = name.into();
    attribute.g = MessageField::some(value);
    attribute.type_ = AttributeType::GRAPH.into();
    attribute
}

/// A dimension for each text: a number, a name, or `?` for none.
pub(crate) fn shape(dimensions: &[&str]) -> TensorShapeProto {
    let dimension = |text: &&str| {
        let mut dimension = Dimension::new();
        dimension.value = match text.parse() {
            Ok(size) => Some(dimension::Value::DimValue(size)),
            Err(_) if *text == "?" => None,
            Err(_) => Some(dimension::Value::DimParam((*text).to_owned())),
        };
        dimension
    };
    let mut shape = TensorShapeProto::new();
    shape.dim = dimensions.iter().map(dimension).collect();
    shape
}

pub(crate) fn tensor_type(element: i32, dimensions: &[&str]) -> TypeProto {
    let mut tensor = type_proto::Tensor::new();
    tensor.elem_type = element;
    tensor.shape = MessageField::some(shape(dimensions));
    let mut value_type = TypeProto::new();
    value_type.value = Some(type_proto::Value::TensorType(tensor));
    value_type
}

pub(crate) fn tensor_info(name: &str, element: i32, dimensions: &[&str]) -> ValueInfoProto {
    info(name, tensor_type(element, dimensions))
}

pub(crate) fn info(name: &str, value_type: TypeProto) -> ValueInfoProto {
    let mut info = ValueInfoProto::new();
    info.name = name.into();
    info.type_ = MessageField::some(value_type);
    info
}

pub(crate) fn sequence_type(element: TypeProto) -> TypeProto {
    let mut sequence = type_proto::Sequence::new();
    sequence.elem_type = MessageField::some(element);
    let mut value_type = TypeProto::new();
    value_type.value = Some(type_proto::Value::SequenceType(sequence));
    value_type
}

pub(crate) fn opset(domain: &str, version: i64) -> OperatorSetIdProto {
    let mut opset = OperatorSetIdProto::new();
    opset.domain = domain.into();
    opset.version = version;
    opset
}

pub(crate) fn entry(key: &str, value: &str) -> StringStringEntryProto {
    let mut entry = StringStringEntryProto::new();
    entry.key = key.into();
    entry.value = value.into();
    entry
}

/// A tensor of raw zeros.
pub(crate) fn zeros(name: &str, element: i32, dims: &[i64]) -> TensorProto {
    let size = match element {
        UINT8 | BOOL => 1,
        FLOAT16 => 2,
        FLOAT | INT32 => 4,
        _ => 8,
    };
    let mut tensor = TensorProto::new();
    tensor.name = name.into();
    tensor.data_type = element;
    tensor.dims = dims.to_vec();
    tensor.raw_data = vec![0; usize::try_from(dims.iter().product::<i64>()).unwrap() * size];
    tensor
}

/// A model with a convolution that reads the image input `input`.
pub(crate) fn cnn(
    ir_version: i64,
    opset_version: i64,
    input: &str,
    element: i32,
    dimensions: &[&str],
) -> ModelProto {
    let mut graph = GraphProto::new();
    graph.name = "main_graph".into();
    graph.input.push(tensor_info(input, element, dimensions));
    let mut image = input.to_owned();
    if dimensions[3] == "3" {
        let mut transpose = node("Transpose", &[input], &["nchw"]);
        transpose.attribute.push(ints("perm", &[0, 3, 1, 2]));
        graph.node.push(transpose);
        image = "nchw".into();
    }
    let weight = if element == UINT8 {
        let mut cast = node("Cast", &[&image], &["as_float"]);
        cast.attribute.push(int("to", i64::from(FLOAT)));
        graph.node.push(cast);
        image = "as_float".into();
        FLOAT
    } else {
        element
    };
    graph
        .node
        .push(node("Conv", &[&image, "conv.weight"], &["features"]));
    graph
        .node
        .push(node("GlobalAveragePool", &["features"], &["logits"]));
    graph
        .initializer
        .push(zeros("conv.weight", weight, &[4, 3, 3, 3]));
    graph
        .output
        .push(tensor_info("logits", weight, &[dimensions[0], "4", "1", "1"]));
    let mut model = ModelProto::new();
    model.ir_version = ir_version;
    model.producer_name = "pytorch".into();
    model.producer_version = "2.9.0".into();
    model.opset_import.push(opset("", opset_version));
    model.graph = MessageField::some(graph);
    model
}
