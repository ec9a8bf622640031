//! Whether a model rounds to 16 bits inside.

use onnx_protobuf::tensor_proto::DataType;

use crate::model::Model;
use crate::nodes::nodes;

/// Whether `model` converts to a float of 16 bits somewhere.
///
/// ONNX Runtime drops such a Cast where its result is cast back, as float16 operators on the CPU do, and moves
/// transposes out of the way for that: what stands before the first node of the model decides whether its
/// values are rounded. A model whose nodes cannot be read may be one.
pub(crate) fn rounds_to_half(model: &Model) -> bool {
    let halves = [DataType::FLOAT16, DataType::BFLOAT16].map(|half| half as i64);
    nodes(model).map_or(true, |nodes| {
        nodes.iter().any(|node| match node.op_type.as_str() {
            "Cast" => node.int("to").is_none_or(|to| halves.contains(&to)),
            // Converts to the element type of an input, which is not always known.
            "CastLike" => true,
            _ => false,
        })
    })
}
