//! Models that hand their input on, of any element type and shape.

use std::path::Path;

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::tensor_shape_proto::{Dimension, dimension};
use onnx_protobuf::{
    GraphProto, Message, ModelProto, NodeProto, OperatorSetIdProto, TensorShapeProto, TypeProto,
    ValueInfoProto, type_proto,
};
use prep_onnx_pipeline::{Dtype, Plan};
use protobuf::MessageField;

/// Writes a model to `path` that takes what `plan` makes and gives it back as `y`: every extent but that of the channels is
/// open.
///
/// # Panics
/// Where the file cannot be written.
pub fn write_identity(path: &Path, plan: &Plan, opset: i64) {
    let data_type = match plan.form.dtype {
        Dtype::Float32 => DataType::FLOAT,
        Dtype::Float16 => DataType::FLOAT16,
        Dtype::Uint8 => DataType::UINT8,
    };
    // What is the same for two sizes is fixed.
    let unit = plan.form.blocks.map_or((1, 1), |blocks| blocks.unit());
    let [one, other] = [1, 3].map(|times| plan.output_shape(times, (times * unit.0, times * unit.1)));
    let extents: Vec<Option<i64>> = one
        .iter()
        .zip(&other)
        .map(|(one, other)| (one == other).then_some(*one as i64))
        .collect();
    let mut node = NodeProto::new();
    node.op_type = "Identity".to_owned();
    node.name = "identity".to_owned();
    node.input = vec!["x".to_owned()];
    node.output = vec!["y".to_owned()];
    let mut graph = GraphProto::new();
    graph.name = "identity".to_owned();
    graph.node = vec![node];
    graph.input = vec![info("x", data_type, &extents)];
    graph.output = vec![info("y", data_type, &extents)];
    let mut set = OperatorSetIdProto::new();
    set.version = opset;
    let mut model = ModelProto::new();
    model.ir_version = 8;
    model.graph = MessageField::some(graph);
    model.opset_import = vec![set];
    let bytes = model.write_to_bytes().expect("a small message");
    std::fs::write(path, bytes).expect("a writable folder");
}

fn info(name: &str, data_type: DataType, extents: &[Option<i64>]) -> ValueInfoProto {
    let mut shape = TensorShapeProto::new();
    shape.dim = extents
        .iter()
        .map(|extent| {
            let mut dimension = Dimension::new();
            dimension.value = extent.map(dimension::Value::DimValue);
            dimension
        })
        .collect();
    let mut tensor = type_proto::Tensor::new();
    tensor.elem_type = data_type as i32;
    tensor.shape = MessageField::some(shape);
    let mut value_type = TypeProto::new();
    value_type.value = Some(type_proto::Value::TensorType(tensor));
    let mut info = ValueInfoProto::new();
    info.name = name.to_owned();
    info.type_ = MessageField::some(value_type);
    info
}
