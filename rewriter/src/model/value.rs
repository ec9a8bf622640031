//! Graph inputs and outputs: names, element types and shapes.

use std::fmt;

use onnx_protobuf::tensor_proto::DataType;
use onnx_protobuf::tensor_shape_proto::dimension::Value as DimensionValue;
use onnx_protobuf::{TypeProto, ValueInfoProto, type_proto};
use protobuf::Enum;
use serde::{Serialize, Serializer};

/// One dimension of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dimension {
    /// A number of elements.
    Fixed(i64),
    /// A named dimension (`dim_param`), whose size a run decides.
    Symbolic(String),
    /// A dimension of which the file says nothing, or a negative number.
    Unknown,
}

impl Dimension {
    /// The number of elements where it is fixed.
    pub fn fixed(&self) -> Option<i64> {
        match self {
            Self::Fixed(size) => Some(*size),
            _ => None,
        }
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => size.fmt(f),
            Self::Symbolic(name) => f.write_str(name),
            Self::Unknown => f.write_str("?"),
        }
    }
}

impl Serialize for Dimension {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fixed(size) => serializer.serialize_i64(*size),
            Self::Symbolic(name) => serializer.serialize_str(name),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// The element type of a tensor, as numbered by `TensorProto.DataType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementType(pub i32);

impl ElementType {
    /// `float32`.
    pub const FLOAT32: Self = Self(DataType::FLOAT as i32);
    /// `float16`.
    pub const FLOAT16: Self = Self(DataType::FLOAT16 as i32);
    /// `int64`.
    pub const INT64: Self = Self(DataType::INT64 as i32);
    /// `int8`.
    pub const INT8: Self = Self(DataType::INT8 as i32);
    /// `uint8`.
    pub const UINT8: Self = Self(DataType::UINT8 as i32);
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match DataType::from_i32(self.0) {
            Some(DataType::FLOAT) => f.write_str("float32"),
            Some(DataType::DOUBLE) => f.write_str("float64"),
            Some(DataType::UNDEFINED) => f.write_str("an undefined element type"),
            Some(named) => f.write_str(&format!("{named:?}").to_ascii_lowercase()),
            None => write!(f, "element type {}", self.0),
        }
    }
}

impl Serialize for ElementType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The type of a graph input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ValueType {
    /// A dense tensor.
    Tensor {
        /// Its element type.
        element: ElementType,
        /// Its shape; `None` where not even the rank is known.
        shape: Option<Vec<Dimension>>,
    },
    /// A sequence, map, optional or sparse tensor, or no type at all.
    Other {
        /// Which of them.
        name: &'static str,
    },
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor {
                element,
                shape: Some(shape),
            } => {
                write!(f, "{element} [")?;
                for (index, dimension) in shape.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{dimension}")?;
                }
                f.write_str("]")
            }
            Self::Tensor { element, shape: None } => write!(f, "{element} of unknown rank"),
            Self::Other { name } => f.write_str(name),
        }
    }
}

/// A graph input or output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Value {
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(flatten)]
    pub value_type: ValueType,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value_type)
    }
}

impl From<&ValueInfoProto> for Value {
    fn from(info: &ValueInfoProto) -> Self {
        Self {
            name: info.name.clone(),
            value_type: value_type(&info.type_),
        }
    }
}

fn value_type(proto: &TypeProto) -> ValueType {
    let other = |name| ValueType::Other { name };
    match &proto.value {
        Some(type_proto::Value::TensorType(tensor)) => ValueType::Tensor {
            element: ElementType(tensor.elem_type),
            shape: tensor.shape.as_ref().map(|shape| {
                shape
                    .dim
                    .iter()
                    .map(|dim| dimension(dim.value.as_ref()))
                    .collect()
            }),
        },
        Some(type_proto::Value::SequenceType(_)) => other("sequence"),
        Some(type_proto::Value::MapType(_)) => other("map"),
        Some(type_proto::Value::OptionalType(_)) => other("optional"),
        Some(type_proto::Value::SparseTensorType(_)) => other("sparse tensor"),
        Some(_) => other("unknown type"),
        None => other("no type"),
    }
}

fn dimension(value: Option<&DimensionValue>) -> Dimension {
    match value {
        Some(DimensionValue::DimValue(size)) if *size >= 0 => Dimension::Fixed(*size),
        Some(DimensionValue::DimParam(name)) if !name.is_empty() => Dimension::Symbolic(name.clone()),
        _ => Dimension::Unknown,
    }
}
