//! A tensor in `config.pbtxt`.

use prep_onnx_pipeline::{Error, Result};
use prep_onnx_rewriter::{Dimension, Value, ValueType};

/// An input or output as the server is told.
#[derive(Debug)]
pub(crate) struct Tensor {
    pub(crate) name: String,
    /// A constant of `DataType` in Triton's schema.
    pub(crate) data_type: &'static str,
    /// -1 for any extent; without the axis of images where requests are put together.
    pub(crate) dims: Vec<i64>,
    /// Whether the model's tensor lacks what `dims` have: an axis that the server needs.
    pub(crate) drops_axis: bool,
    pub(crate) ragged: bool,
}

/// Of the types of ONNX, those that the server has.
const TYPES: &[(&str, &str, usize)] = &[
    ("bool", "TYPE_BOOL", 1),
    ("uint8", "TYPE_UINT8", 1),
    ("uint16", "TYPE_UINT16", 2),
    ("uint32", "TYPE_UINT32", 4),
    ("uint64", "TYPE_UINT64", 8),
    ("int8", "TYPE_INT8", 1),
    ("int16", "TYPE_INT16", 2),
    ("int32", "TYPE_INT32", 4),
    ("int64", "TYPE_INT64", 8),
    ("float16", "TYPE_FP16", 2),
    ("float32", "TYPE_FP32", 4),
    ("float64", "TYPE_FP64", 8),
    ("bfloat16", "TYPE_BF16", 2),
    ("string", "TYPE_STRING", 0),
];

impl Tensor {
    /// # Errors
    /// A tensor of another type, or of unknown rank.
    pub(super) fn of(value: &Value, batched: bool, ragged: bool) -> Result<Self> {
        let (element, shape) = match &value.value_type {
            ValueType::Tensor {
                element,
                shape: Some(shape),
            } => (element.to_string(), shape),
            ValueType::Tensor { shape: None, .. } => {
                return Err(Error::new(format_args!("`{}`", value.name), "is of unknown rank")
                    .why("the server is told all shapes")
                    .fix("write the shape into the model: onnx.shape_inference.infer_shapes"));
            }
            ValueType::Other { name } => {
                return Err(
                    Error::new(format_args!("`{}`", value.name), "is nothing that the server has")
                        .expected_got("a tensor", name),
                );
            }
        };
        let data_type = TYPES.iter().find(|(name, ..)| *name == element);
        let (_, data_type, _) = data_type.ok_or_else(|| {
            Error::new(
                format_args!("`{}`", value.name),
                "has a type that the server has not",
            )
            .expected_got(
                TYPES
                    .iter()
                    .map(|(name, ..)| *name)
                    .collect::<Vec<_>>()
                    .join(", "),
                &element,
            )
        })?;
        let extent = |dimension: &Dimension| dimension.fixed().unwrap_or(-1);
        // Of a ragged batch the first axis is no axis of images, and a request has one more.
        let own = if batched && !ragged {
            shape.get(1..).unwrap_or_default()
        } else {
            shape
        };
        let mut dims: Vec<i64> = own.iter().map(extent).collect();
        let drops_axis = dims.is_empty();
        if drops_axis {
            dims.push(1);
        }
        Ok(Self {
            name: value.name.clone(),
            data_type,
            dims,
            drops_axis,
            ragged: batched && ragged,
        })
    }

    pub(crate) fn in_words(&self) -> String {
        let ragged = if self.ragged { ", ragged" } else { "" };
        format!("{}: {} {:?}{ragged}", self.name, self.data_type, self.dims)
    }
}
