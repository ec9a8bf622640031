//! Models with `QuantizeLinear` behind their image, in every way there is.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{AttributeProto, GraphProto, ModelProto, TensorProto};
use prep_onnx_tests::protos::{self, info, node};
use protobuf::MessageField;

pub(crate) const EDGE: i64 = 20;

/// How a model gets from its image to bytes.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) opset: i64,
    /// The element type of the input.
    pub(crate) input: DataType,
    /// Whether the input is NHWC.
    pub(crate) nhwc: bool,
    /// Ops between the input and the quantiser: `Cast:1`, `Transpose:0,2,3,1`, `Identity`.
    pub(crate) before: Vec<&'static str>,
    pub(crate) scale: Vec<f32>,
    /// Without one, the op gives uint8.
    pub(crate) zero_point: Option<(DataType, Vec<i32>)>,
    pub(crate) attributes: Vec<(&'static str, i64)>,
    /// Whether scale and zero point are nodes instead of initializers.
    pub(crate) nodes: bool,
    /// One change more.
    pub(crate) twist: &'static str,
}

impl Way {
    pub(crate) fn new(opset: i64) -> Self {
        Self {
            opset,
            input: DataType::FLOAT,
            nhwc: false,
            before: Vec::new(),
            scale: vec![0.018_658_44],
            zero_point: Some((DataType::UINT8, vec![114])),
            attributes: Vec::new(),
            nodes: false,
            twist: "",
        }
    }

    /// Whether one `DequantizeLinear` alone takes the bytes.
    pub(crate) fn is_alone(&self) -> bool {
        self.twist.starts_with("alone")
    }

    pub(crate) fn model(&self) -> ModelProto {
        let mut graph = GraphProto {
            name: "quantised".to_owned(),
            ..GraphProto::default()
        };
        let image = if self.nhwc {
            [-1, EDGE, EDGE, 3]
        } else {
            [-1, 3, EDGE, EDGE]
        };
        graph.input.push(info("x", self.input, &image));
        let mut value = "x".to_owned();
        for (index, op) in self.before.iter().enumerate() {
            let (op, operand) = op.split_once(':').unwrap_or((op, ""));
            let output = format!("between_{index}");
            let mut node = node(op, &[&value], &output);
            match op {
                "Cast" => node.attribute.push(int("to", operand.parse().unwrap())),
                "Transpose" if !operand.is_empty() => {
                    let axes = operand.split(',').map(|axis| axis.parse().unwrap()).collect();
                    node.attribute.push(AttributeProto {
                        name: "perm".to_owned(),
                        ints: axes,
                        type_: AttributeType::INTS.into(),
                        ..AttributeProto::default()
                    });
                }
                _ => {}
            }
            graph.node.push(node);
            value = output;
        }
        let (zero_type, zeros) = self.zero_point.clone().unwrap_or((DataType::UINT8, vec![0]));
        let constants = [
            (
                "scale",
                DataType::FLOAT,
                self.scale.len(),
                self.scale.iter().flat_map(|scale| scale.to_le_bytes()).collect(),
            ),
            (
                "zero",
                zero_type,
                zeros.len(),
                zeros.iter().map(|zero| *zero as u8).collect::<Vec<u8>>(),
            ),
        ];
        for (name, element, length, raw) in constants {
            let tensor = TensorProto {
                name: name.to_owned(),
                data_type: element as i32,
                dims: if length == 1 {
                    Vec::new()
                } else {
                    vec![length as i64]
                },
                raw_data: raw,
                ..TensorProto::default()
            };
            if self.nodes {
                let mut constant = node("Constant", &[], name);
                constant.attribute.push(AttributeProto {
                    name: "value".to_owned(),
                    t: MessageField::some(tensor),
                    type_: AttributeType::TENSOR.into(),
                    ..AttributeProto::default()
                });
                graph.node.push(constant);
            } else {
                graph.initializer.push(tensor);
            }
        }
        let with_zero = self.zero_point.is_some();
        let inputs: &[&str] = if with_zero {
            &[&value, "scale", "zero"]
        } else {
            &[&value, "scale"]
        };
        let mut quantiser = node("QuantizeLinear", inputs, "q");
        quantiser
            .attribute
            .extend(self.attributes.iter().map(|(name, value)| int(name, *value)));
        graph.node.push(quantiser);
        let inputs: &[&str] = if with_zero {
            &["q", "scale", "zero"]
        } else {
            &["q", "scale"]
        };
        let mut back = node("DequantizeLinear", inputs, "y");
        let axis = self.attributes.iter().filter(|(name, _)| *name == "axis");
        back.attribute.extend(axis.map(|(name, value)| int(name, *value)));
        graph.node.push(back);
        graph.output.push(info("y", DataType::FLOAT, &[-1; 4]));
        graph.output.push(info(
            "q",
            if with_zero { zero_type } else { DataType::UINT8 },
            &[-1; 4],
        ));
        if !self.before.is_empty() {
            let of = if self.before[0] == "Identity" {
                self.input
            } else {
                DataType::FLOAT
            };
            graph.value_info.push(info("between_0", of, &[-1; 4]));
        }
        if self.is_alone() {
            // Nothing but the pair sees the bytes, and what is behind it is quantised again.
            let mut pool = node("MaxPool", &["y"], "pooled");
            pool.attribute.push(AttributeProto {
                name: "kernel_shape".to_owned(),
                ints: vec![2, 2],
                type_: AttributeType::INTS.into(),
                ..AttributeProto::default()
            });
            graph.node.push(pool);
            graph
                .node
                .push(node("QuantizeLinear", &["pooled", "scale", "zero"], "q2"));
            graph
                .node
                .push(node("DequantizeLinear", &["q2", "scale", "zero"], "z"));
            graph.output = vec![info("z", DataType::FLOAT, &[-1; 4])];
            graph.value_info.push(info("q", zero_type, &[-1; 4]));
        }
        match self.twist {
            "alone, bytes also to another" => {
                graph
                    .node
                    .push(node("DequantizeLinear", &["q", "scale", "zero"], "again"));
                graph.output.push(info("again", DataType::FLOAT, &[-1; 4]));
            }
            "alone, values also to another" => {
                graph.node.push(node("Abs", &["y"], "magnitude"));
                graph.output.push(info("magnitude", DataType::FLOAT, &[-1; 4]));
            }
            "alone, values twice" => {
                graph.node.push(node("Mul", &["y", "y"], "square"));
                graph.node.retain(|node| node.op_type != "MaxPool");
                for node in &mut graph.node {
                    for input in &mut node.input {
                        if input == "pooled" {
                            "square".clone_into(input);
                        }
                    }
                }
            }
            "alone, bytes also an output" => graph.output.push(info("q", zero_type, &[-1; 4])),
            "alone, another zero point" => {
                graph.initializer.push(TensorProto {
                    name: "other".to_owned(),
                    data_type: zero_type as i32,
                    raw_data: vec![3],
                    ..TensorProto::default()
                });
                for node in &mut graph.node {
                    if node.output.iter().any(|output| output == "y") {
                        "other".clone_into(&mut node.input[2]);
                    }
                }
            }
            "also a node" => {
                graph.node.push(node("Abs", &["x"], "magnitude"));
                graph.output.push(info("magnitude", self.input, &[-1; 4]));
            }
            "also an output" => graph.output.push(info("between_0", DataType::FLOAT, &[-1; 4])),
            "fed" => graph.input.push(info("scale", DataType::FLOAT, &[])),
            "not constant" => {
                graph.initializer.retain(|tensor| tensor.name != "scale");
                graph.initializer.push(TensorProto {
                    name: "half_scale".to_owned(),
                    data_type: DataType::FLOAT as i32,
                    raw_data: (self.scale[0] / 2.0).to_le_bytes().to_vec(),
                    ..TensorProto::default()
                });
                graph
                    .node
                    .insert(0, node("Add", &["half_scale", "half_scale"], "scale"));
            }
            _ => {}
        }
        protos::model(graph, 8, self.opset)
    }
}

fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.to_owned(),
        i: value,
        type_: AttributeType::INT.into(),
        ..AttributeProto::default()
    }
}
