//! Models that hand their input on, of any element type and shape.

use std::path::Path;

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{GraphProto, Message};
use prep_onnx_pipeline::{Dtype, Plan};

use crate::protos::{self, info, node};

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
    let extents: Vec<i64> = one
        .iter()
        .zip(&other)
        .map(|(one, other)| if one == other { *one as i64 } else { -1 })
        .collect();
    let graph = GraphProto {
        name: "identity".to_owned(),
        node: vec![node("Identity", &["x"], "y")],
        input: vec![info("x", data_type, &extents)],
        output: vec![info("y", data_type, &extents)],
        ..GraphProto::default()
    };
    let model = protos::model(graph, 8, opset);
    let bytes = model.write_to_bytes().expect("a small message");
    std::fs::write(path, bytes).expect("a writable folder");
}
