//! Scale and zero point of `QuantizeLinear`.

use onnx_protobuf::tensor_proto::{DataLocation, DataType};
use onnx_protobuf::{Message, NodeProto, TensorProto};
use prep_onnx_pipeline::plan::Quantize;
use prep_onnx_pipeline::{CHANNELS, Layout, Result};

use super::way::title;
use crate::model::Model;
use crate::nodes::AttributeValue;
use crate::nodes::raw::{RawGraph, RawNode, Span};

/// The longest scale that is read.
const MAX_CONSTANT: u64 = 1 << 16;
/// From this IR version on, an initializer that is listed as an input can be fed.
const OPTIONAL_INPUTS_IR_VERSION: i64 = 4;
/// From this operator set on, there are scales of an axis.
const AXIS_OPSET: i64 = 13;

/// What one `QuantizeLinear` divides by and adds.
pub(super) struct Constants {
    /// One, or one for each place on `axis`.
    pub(super) scale: Vec<f32>,
    /// As many.
    pub(super) zero_point: Vec<i32>,
    pub(super) signed: bool,
    pub(super) axis: i64,
    pub(super) half: bool,
    /// Whether the zero point has no axis.
    pub(super) is_scalar: bool,
    /// Where they are written: nodes, and initializers.
    pub(super) nodes: Vec<Span>,
    pub(super) tensors: Vec<Span>,
}

/// Reads those of `node`, or says why they do not do.
pub(super) fn constants(
    model: &Model,
    graph: &RawGraph,
    node: &RawNode,
    half: bool,
) -> Result<std::result::Result<Constants, String>> {
    let int = |name: &str| match node.attributes.get(name) {
        Some(AttributeValue::Int(value)) => *value,
        _ => 0,
    };
    let title = title(node);
    if int("block_size") != 0 {
        return Ok(Err(format!("{title} has scales of blocks")));
    }
    if !matches!(int("precision"), 0 | 1) {
        return Ok(Err(format!("{title} divides in another type than float32")));
    }
    let axis = match node.attributes.get("axis") {
        Some(AttributeValue::Int(axis)) => *axis,
        _ => 1,
    };
    let mut found = Constants {
        scale: Vec::new(),
        zero_point: Vec::new(),
        signed: false,
        axis,
        half,
        is_scalar: true,
        nodes: Vec::new(),
        tensors: Vec::new(),
    };
    let name = node.inputs.get(1).cloned().unwrap_or_default();
    let scale = match tensor(model, graph, &name, &mut found)? {
        Ok(tensor) => tensor,
        Err(why) => return Ok(Err(why)),
    };
    match floats(&scale) {
        Some(scale) => found.scale = scale,
        None => {
            return Ok(Err(format!(
                "the scale `{name}` of {title} is no list of float32 numbers"
            )));
        }
    }
    match node.inputs.get(2).filter(|name| !name.is_empty()) {
        None => {
            found.signed = match int("output_dtype") {
                0 | 2 => false,
                3 => true,
                other => return Ok(Err(format!("{title} gives the element type {other}"))),
            };
            found.zero_point = vec![0; found.scale.len()];
        }
        Some(name) => {
            let zero = match tensor(model, graph, name, &mut found)? {
                Ok(tensor) => tensor,
                Err(why) => return Ok(Err(why)),
            };
            found.is_scalar = zero.dims.is_empty();
            match bytes(&zero) {
                Some((signed, values)) => (found.signed, found.zero_point) = (signed, values),
                None => {
                    return Ok(Err(format!(
                        "the zero point `{name}` of {title} is no list of uint8 or int8 numbers"
                    )));
                }
            }
        }
    }
    let per_axis = found.scale.len() != 1;
    if per_axis && model.standard_opset().is_some_and(|opset| opset < AXIS_OPSET) && node.domain.is_empty() {
        return Ok(Err(format!(
            "{title} has several scales, which its operator set does not know"
        )));
    }
    if found.scale.len() != found.zero_point.len() {
        return Ok(Err(format!(
            "{title} has {} scales and {} zero points",
            found.scale.len(),
            found.zero_point.len()
        )));
    }
    Ok(Ok(found))
}

impl Constants {
    /// Those of each channel of an image of these axes.
    ///
    /// # Errors
    /// Says which other axis they are of, or what is impossible.
    pub(super) fn of_channels(
        &self,
        layout: Layout,
        channels: usize,
    ) -> std::result::Result<Quantize, String> {
        let channel_axis = match layout {
            Layout::Nchw => 1,
            Layout::Nhwc => 3,
        };
        let axis = if self.axis < 0 { self.axis + 4 } else { self.axis };
        let count = self.scale.len();
        if count != 1 && axis != channel_axis {
            return Err(format!(
                "its scales are of axis {}, and the channels are on axis {channel_axis}",
                self.axis
            ));
        }
        if count != 1 && count != channels {
            return Err(format!("it has {count} scales for {channels} channels"));
        }
        let at = |channel: usize| channel.min(count.saturating_sub(1));
        let quantize = Quantize {
            scale: std::array::from_fn::<_, CHANNELS, _>(|channel| f64::from(self.scale[at(channel)])),
            zero_point: std::array::from_fn(|channel| self.zero_point[at(channel)]),
            signed: self.signed,
            half: self.half,
        };
        Ok(quantize)
    }
}

/// A constant of the model, or why it is none.
fn tensor(
    model: &Model,
    graph: &RawGraph,
    name: &str,
    found: &mut Constants,
) -> Result<std::result::Result<TensorProto, String>> {
    let is_listed = model.skeleton.inputs.iter().any(|input| input.value.name == name);
    if is_listed
        && model
            .ir_version()
            .is_none_or(|version| version >= OPTIONAL_INPUTS_IR_VERSION)
    {
        return Ok(Err(format!("`{name}` can be fed")));
    }
    let unreadable = || Ok(Err(format!("the constant `{name}` cannot be read")));
    let maker = graph
        .nodes
        .iter()
        .find(|node| node.outputs.iter().any(|output| output == name));
    let parsed = match (maker, graph.tensors.iter().find(|(known, _)| known == name)) {
        (Some(node), None) if node.op_type == "Constant" && node.domain.is_empty() => {
            if node.span.end - node.span.payload > MAX_CONSTANT {
                return unreadable();
            }
            let bytes = model.range(node.span.payload, node.span.end, MAX_CONSTANT)?;
            let Ok(parsed) = NodeProto::parse_from_bytes(&bytes) else {
                return unreadable();
            };
            found.nodes.push(node.span);
            constant(&parsed)
        }
        (None, Some((_, span))) => {
            if span.end - span.payload > MAX_CONSTANT {
                return unreadable();
            }
            found.tensors.push(*span);
            let bytes = model.range(span.payload, span.end, MAX_CONSTANT)?;
            TensorProto::parse_from_bytes(&bytes).ok()
        }
        _ => return Ok(Err(format!("`{name}` is no constant of the model"))),
    };
    match parsed {
        Some(tensor) if tensor.data_location.enum_value_or_default() == DataLocation::EXTERNAL => {
            Ok(Err(format!("`{name}` lies in a data file")))
        }
        Some(tensor) => Ok(Ok(tensor)),
        None => unreadable(),
    }
}

/// The tensor of a `Constant`.
fn constant(node: &NodeProto) -> Option<TensorProto> {
    let [attribute] = node.attribute.as_slice() else {
        return None;
    };
    let mut tensor = TensorProto::new();
    tensor.data_type = DataType::FLOAT as i32;
    match attribute.name.as_str() {
        "value" => return attribute.t.as_ref().cloned(),
        "value_float" => tensor.float_data = vec![attribute.f],
        "value_floats" => {
            tensor.dims = vec![attribute.floats.len() as i64];
            tensor.float_data.clone_from(&attribute.floats);
        }
        _ => return None,
    }
    Some(tensor)
}

/// The number of elements of at most one axis.
fn length(tensor: &TensorProto) -> Option<usize> {
    match tensor.dims.as_slice() {
        [] => Some(1),
        [length] => usize::try_from(*length).ok().filter(|length| *length > 0),
        _ => None,
    }
}

fn floats(tensor: &TensorProto) -> Option<Vec<f32>> {
    let length = length(tensor)?;
    if tensor.data_type != DataType::FLOAT as i32 {
        return None;
    }
    let values = if tensor.raw_data.is_empty() {
        tensor.float_data.clone()
    } else {
        let (chunks, rest) = tensor.raw_data.as_chunks::<4>();
        if !rest.is_empty() {
            return None;
        }
        chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
    };
    (values.len() == length).then_some(values)
}

/// Whether they are signed, and the numbers.
fn bytes(tensor: &TensorProto) -> Option<(bool, Vec<i32>)> {
    let length = length(tensor)?;
    let signed = if tensor.data_type == DataType::INT8 as i32 {
        true
    } else if tensor.data_type == DataType::UINT8 as i32 {
        false
    } else {
        return None;
    };
    let number = |byte: &u8| {
        if signed {
            i32::from(*byte as i8)
        } else {
            i32::from(*byte)
        }
    };
    let values: Vec<i32> = if tensor.raw_data.is_empty() {
        tensor.int32_data.clone()
    } else {
        tensor.raw_data.iter().map(number).collect()
    };
    (values.len() == length).then_some((signed, values))
}
