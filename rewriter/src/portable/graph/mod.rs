//! Builds a list of nodes. Names follow from positions: equal plans give equal bytes.

mod attributes;
mod control;
mod split;

use std::collections::{HashMap, HashSet};

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::{AttributeProto, NodeProto, TensorProto};

use attributes::tensor_attribute;
pub(crate) use attributes::{float, int, ints, string};
use control::needed;

/// What the names of nodes begin with that multiply float32 matrices without losing a bit, whatever the provider.
pub const EXACT_PRODUCT: &str = "MatMul_of_digits";

/// What the names of Reshapes begin with that are not joined with others.
const PINNED: &str = "Reshape_pinned";

/// The name of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Value(String);

impl Value {
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Nodes under construction.
#[derive(Default)]
pub(crate) struct Graph {
    /// The standard operator set that the nodes are written for.
    pub(crate) opset: i64,
    prefix: String,
    nodes: Vec<NodeProto>,
    constants: Vec<(TensorProto, Value)>,
    count: usize,
}

impl Graph {
    /// A graph at `opset` whose node and tensor names begin with `prefix`.
    pub(crate) fn new(prefix: &str, opset: i64) -> Self {
        Self {
            opset,
            prefix: prefix.to_owned(),
            nodes: Vec::new(),
            constants: Vec::new(),
            count: 0,
        }
    }

    /// Adds a node with one output; an equal node is used again.
    pub(crate) fn op(&mut self, op_type: &str, inputs: &[&Value]) -> Value {
        self.op_with(op_type, inputs, Vec::new())
    }

    /// Adds a node with attributes and one output.
    pub(crate) fn op_with(
        &mut self,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        self.labelled(op_type, op_type, inputs, attributes)
    }

    /// Adds a product of float32 matrices that is exact also where factors are rounded to 11 bits: its name says so to those who
    /// look for products that are not.
    pub(crate) fn exact_product(&mut self, weights: &Value, pixels: &Value) -> Value {
        self.labelled(EXACT_PRODUCT, "MatMul", &[weights, pixels], Vec::new())
    }

    /// A Reshape that stays one of its own.
    pub(crate) fn pinned_reshape(&mut self, value: &Value, shape: &Value) -> Value {
        self.labelled(PINNED, "Reshape", &[value, shape], Vec::new())
    }

    fn labelled(
        &mut self,
        label: &str,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> Value {
        let mut node = self.node(op_type, inputs, attributes);
        if label == "Reshape" {
            // Of two Reshapes the second one says all. ONNX Runtime 1.30 joins them too, and then cannot load some Loops.
            let before = self.nodes.iter().find(|before| {
                before.op_type == "Reshape"
                    && before.output.first() == node.input.first()
                    && !before.name.contains(PINNED)
            });
            if let (Some(before), Some(input)) = (before, node.input.first_mut()) {
                input.clone_from(&before.input[0]);
            }
        }
        let same = |other: &&NodeProto| {
            other.op_type == node.op_type && other.input == node.input && other.attribute == node.attribute
        };
        if let Some(known) = self
            .nodes
            .iter()
            .find(same)
            .and_then(|known| known.output.first())
        {
            return Value::named(known);
        }
        let output = Value::named(format!("{}{label}_{}", self.prefix, self.count));
        self.count += 1;
        self.nodes.push(NodeProto {
            // ONNX Runtime 1.18 to 1.20 refuses two nodes without a name.
            name: output.0.clone(),
            output: vec![output.0.clone()],
            ..node
        });
        output
    }

    /// Adds a node with `count` outputs.
    pub(crate) fn op_many<const COUNT: usize>(
        &mut self,
        op_type: &str,
        inputs: &[&Value],
        attributes: Vec<AttributeProto>,
    ) -> [Value; COUNT] {
        let node = self.node(op_type, inputs, attributes);
        let number = self.count;
        self.count += 1;
        let outputs: [Value; COUNT] =
            std::array::from_fn(|index| Value(format!("{}{op_type}_{number}_{index}", self.prefix)));
        self.nodes.push(NodeProto {
            name: format!("{}{op_type}_{number}", self.prefix),
            output: outputs.iter().map(|output| output.0.clone()).collect(),
            ..node
        });
        outputs
    }

    /// Adds a node that is called `name`, for the messages of runtimes.
    pub(crate) fn named_op(&mut self, name: &str, op_type: &str, inputs: &[&Value]) -> Value {
        let output = Value(format!("{}{name}", self.prefix));
        let node = self.node(op_type, inputs, Vec::new());
        self.nodes.push(NodeProto {
            name: output.0.clone(),
            output: vec![output.0.clone()],
            ..node
        });
        output
    }

    fn node(&self, op_type: &str, inputs: &[&Value], attribute: Vec<AttributeProto>) -> NodeProto {
        NodeProto {
            op_type: op_type.to_owned(),
            input: inputs.iter().map(|input| input.0.clone()).collect(),
            attribute,
            ..NodeProto::default()
        }
    }

    /// The inputs of the node that makes `value`, where it is an `op_type`.
    pub(crate) fn inputs_of(&self, op_type: &str, value: &Value) -> Option<Vec<Value>> {
        let made = |node: &&NodeProto| node.op_type == op_type && node.output.first() == Some(&value.0);
        let node = self.nodes.iter().find(made)?;
        Some(node.input.iter().map(Value::named).collect())
    }

    /// The number of a float64 constant without axes.
    pub(crate) fn double(&self, value: &Value) -> Option<f64> {
        let (constant, _) = self.constants.iter().find(|(_, known)| known == value)?;
        let bytes = <[u8; 8]>::try_from(constant.raw_data.as_slice()).ok()?;
        let is_one = constant.data_type == DataType::DOUBLE as i32 && constant.dims.is_empty();
        is_one.then(|| f64::from_le_bytes(bytes))
    }

    /// A float64 constant.
    pub(crate) fn doubles(&mut self, shape: &[usize], values: &[f64]) -> Value {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(DataType::DOUBLE, shape, raw)
    }

    /// A float32 constant.
    pub(crate) fn floats(&mut self, shape: &[usize], values: &[f32]) -> Value {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(DataType::FLOAT, shape, raw)
    }

    /// An int64 constant of one axis.
    pub(crate) fn ints(&mut self, values: &[i64]) -> Value {
        self.int64s(&[values.len()], values)
    }

    /// An int64 constant.
    pub(crate) fn int64s(&mut self, shape: &[usize], values: &[i64]) -> Value {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(DataType::INT64, shape, raw)
    }

    /// An int32 constant.
    pub(crate) fn int32s(&mut self, shape: &[usize], values: &[i32]) -> Value {
        let raw = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(DataType::INT32, shape, raw)
    }

    /// An int64 constant without axes.
    pub(crate) fn int(&mut self, value: i64) -> Value {
        self.constant(DataType::INT64, &[], value.to_le_bytes().to_vec())
    }

    /// A uint8 constant.
    pub(crate) fn bytes(&mut self, shape: &[usize], values: &[u8]) -> Value {
        self.constant(DataType::UINT8, shape, values.to_vec())
    }

    /// An int8 constant of these bits.
    pub(crate) fn int8s(&mut self, shape: &[usize], bits: &[u8]) -> Value {
        self.constant(DataType::INT8, shape, bits.to_vec())
    }

    /// A bool constant.
    pub(crate) fn bools(&mut self, shape: &[usize], values: impl IntoIterator<Item = bool>) -> Value {
        self.constant(DataType::BOOL, shape, values.into_iter().map(u8::from).collect())
    }

    fn constant(&mut self, data_type: DataType, shape: &[usize], raw_data: Vec<u8>) -> Value {
        let tensor = TensorProto {
            dims: shape.iter().map(|extent| *extent as i64).collect(),
            data_type: data_type as i32,
            raw_data,
            ..TensorProto::default()
        };
        if let Some((_, value)) = self.constants.iter().find(|(known, _)| *known == tensor) {
            return value.clone();
        }
        let value = Value::named(format!("{}Constant_{}", self.prefix, self.constants.len()));
        self.constants.push((tensor, value.clone()));
        value
    }

    /// The nodes that the results need, each of which gets the name beside it, in topological order.
    pub(crate) fn finish(mut self, results: &[(Value, String)]) -> Vec<NodeProto> {
        let made: HashSet<String> = self.nodes.iter().flat_map(|node| node.output.clone()).collect();
        let mut renamed: HashMap<String, String> = HashMap::new();
        for (value, name) in results {
            // What no node makes, or what has a name already, needs a node for this one.
            let value = if made.contains(&value.0) && !renamed.contains_key(&value.0) {
                value.clone()
            } else {
                self.op("Identity", &[value])
            };
            renamed.insert(value.0, name.clone());
        }
        let constants = std::mem::take(&mut self.constants);
        let mut nodes: Vec<NodeProto> = constants
            .into_iter()
            .map(|(tensor, value)| NodeProto {
                name: value.0.clone(),
                output: vec![value.0],
                ..self.node("Constant", &[], vec![tensor_attribute("value", tensor)])
            })
            .collect();
        nodes.append(&mut self.nodes);
        for node in &mut nodes {
            rename(node, &renamed);
        }
        needed(nodes, renamed.into_values().collect())
    }
}

fn rename(node: &mut NodeProto, renamed: &HashMap<String, String>) {
    for name in node.input.iter_mut().chain(&mut node.output) {
        if let Some(new) = renamed.get(name) {
            name.clone_from(new);
        }
    }
    for graph in node
        .attribute
        .iter_mut()
        .filter_map(|attribute| attribute.g.as_mut())
    {
        for node in &mut graph.node {
            rename(node, renamed);
        }
    }
}
