//! Int8 bytes as the uint8 ones that ONNX Runtime makes of them where it computes with uint8.
//!
//! Its `QDQS8ToU8Transformer`, which all processors but ARM's have, makes pairs of `QuantizeLinear` and `DequantizeLinear` of int8
//! pairs of uint8, 128 higher. Without the `QuantizeLinear` there is no pair, and what is behind it is optimised otherwise. So the
//! edge is made here what it would be there.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{AttributeProto, NodeProto, TensorProto};
use prep_onnx_pipeline::Result;
use protobuf::MessageField;

use super::Bytes;
use super::constants::constants;
use super::way::{graph_uses, is_function, title, uses};
use crate::model::Model;
use crate::nodes::raw::{self, RawGraph, RawNode};
use crate::splice::encode;
use crate::wire::{Scanner, bytes_field};

/// Between int8 and the uint8 in its place.
const SHIFT: i32 = 128;
/// The largest node that is written again.
const MAX_NODE: u64 = 1 << 17;

mod field {
    pub(super) const GRAPH_NODE: u32 = 1;
    pub(super) const NODE_INPUT: u32 = 1;
}

/// Makes `bytes` of int8 those of uint8, and says why it cannot be where more than one pair would be another one.
pub(super) fn make(
    model: &Model,
    graph: &RawGraph,
    bytes: &mut Bytes,
) -> Result<std::result::Result<(), String>> {
    let value = bytes.quantised.value.clone();
    let node = match pair(model, graph, &value) {
        Ok(node) => node,
        Err(why) => return Ok(Err(why)),
    };
    let dequantised = match constants(model, graph, node, false)? {
        Ok(constants) => constants,
        Err(why) => return Ok(Err(why)),
    };
    let quantize = &mut bytes.quantised.quantize;
    let ([zero_point], [scale]) = (dequantised.zero_point.as_slice(), dequantised.scale.as_slice()) else {
        return Ok(Err(format!("{} has several zero points", title(node))));
    };
    let same_scale = f64::from(*scale) == quantize.scale[0];
    if !same_scale || quantize.scale.iter().any(|scale| *scale != quantize.scale[0]) {
        return Ok(Err(format!(
            "{} has another scale than the QuantizeLinear",
            title(node)
        )));
    }
    if !dequantised.signed || quantize.zero_point.iter().any(|other| other != zero_point) {
        return Ok(Err(format!(
            "{} has another zero point than the QuantizeLinear",
            title(node)
        )));
    }
    let name = model.free_name("prep_onnx_zero_point");
    let payload = model.range(node.span.payload, node.span.end, MAX_NODE)?;
    let mut inserted = Vec::new();
    let constant = zero(&name, *zero_point, dequantised.is_scalar);
    bytes_field(&mut inserted, field::GRAPH_NODE, &encode(&constant)?);
    bytes_field(&mut inserted, field::GRAPH_NODE, &with_input(&payload, 2, &name)?);
    quantize.signed = false;
    for zero_point in &mut quantize.zero_point {
        *zero_point += SHIFT;
    }
    bytes.quantised.from_int8 = true;
    bytes
        .folded
        .replaced
        .push((node.span.start..node.span.end, inserted));
    // What it is declared as is no longer its type.
    let declared = graph.declared.iter();
    let declared = declared.filter(|(number, name, _)| *number == raw::VALUE_INFO && *name == value);
    let gone = declared.map(|(_, _, span)| span.start..span.end);
    bytes.folded.gone.extend(gone);
    Ok(Ok(()))
}

/// The `DequantizeLinear` that alone takes `value`, and what alone takes what it gives: only such a pair becomes another one.
fn pair<'a>(model: &Model, graph: &'a RawGraph, value: &str) -> std::result::Result<&'a RawNode, String> {
    let node = only_user(model, graph, value)?;
    if node.op_type != "DequantizeLinear" || is_function(model, node) {
        return Err(format!("its int8 goes to {}", title(node)));
    }
    if node.inputs.len() != 3 || node.inputs[2].is_empty() {
        return Err(format!("{} has no zero point", title(node)));
    }
    match node.outputs.as_slice() {
        [output] => only_user(model, graph, output).map(|_| node),
        _ => Err(format!("{} has {} outputs", title(node), node.outputs.len())),
    }
}

/// The node that takes `value`, once and first where it matters.
fn only_user<'a>(
    model: &Model,
    graph: &'a RawGraph,
    value: &str,
) -> std::result::Result<&'a RawNode, String> {
    if model.outputs().iter().any(|output| output.name == value) {
        return Err(format!("`{value}` is an output of the model"));
    }
    let users: Vec<&RawNode> = graph.nodes.iter().filter(|node| uses(node, value)).collect();
    let [node] = users.as_slice() else {
        let titles: Vec<_> = users.iter().map(|node| title(node)).collect();
        return Err(format!("`{value}` goes to {}", titles.join(", ")));
    };
    let inside = node.graphs.iter().any(|graph| graph_uses(graph, value));
    let times = node.inputs.iter().filter(|name| *name == value).count();
    if inside || times != 1 {
        return Err(format!("`{value}` goes to several places of {}", title(node)));
    }
    Ok(node)
}

/// The node that holds the zero point of uint8. A constant in a node, which a model of any IR version may have.
fn zero(name: &str, zero_point: i32, is_scalar: bool) -> NodeProto {
    let mut tensor = TensorProto::new();
    tensor.dims = if is_scalar { Vec::new() } else { vec![1] };
    tensor.data_type = DataType::UINT8 as i32;
    tensor.raw_data = vec![(zero_point + SHIFT) as u8];
    let mut attribute = AttributeProto::new();
    attribute.name = "value".to_owned();
    attribute.type_ = AttributeType::TENSOR.into();
    attribute.t = MessageField::some(tensor);
    let mut node = NodeProto::new();
    node.name = name.to_owned();
    node.op_type = "Constant".to_owned();
    node.output = vec![name.to_owned()];
    node.attribute = vec![attribute];
    node
}

/// An encoded node with another name at the input `place`; the rest as it is.
fn with_input(node: &[u8], place: usize, name: &str) -> Result<Vec<u8>> {
    let (mut scanner, end) = Scanner::new(std::io::Cursor::new(node))?;
    let mut out = Vec::new();
    let mut inputs = 0;
    while let Some(field) = scanner.field(end)? {
        let is_it = field.is_bytes(field::NODE_INPUT) && inputs == place;
        inputs += usize::from(field.is_bytes(field::NODE_INPUT));
        if is_it {
            bytes_field(&mut out, field::NODE_INPUT, name.as_bytes());
        } else {
            let range = field.start as usize..field.end as usize;
            out.extend(node.get(range).unwrap_or_default());
        }
        scanner.skip(&field)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use onnx_protobuf::Message;

    use super::*;

    #[test]
    fn one_input_of_a_node_gets_another_name() {
        let mut node = NodeProto::new();
        node.op_type = "DequantizeLinear".to_owned();
        node.input = ["x", "scale", "zero", "more"].map(str::to_owned).to_vec();
        node.output = vec!["y".to_owned()];
        let mut encoded = node.write_to_bytes().unwrap();
        // A field that nobody knows stays.
        bytes_field(&mut encoded, 99, b"unknown");
        let written = with_input(&encoded, 2, "another").unwrap();
        assert!(written.ends_with(b"unknown"));
        let mut read = NodeProto::parse_from_bytes(&written).unwrap();
        assert_eq!(read.input, ["x", "scale", "another", "more"]);
        read.input.clone_from(&node.input);
        read.special_fields = node.special_fields.clone();
        assert_eq!(read, node);
    }
}
