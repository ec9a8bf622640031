//! The inputs that take the place of the image input.

use onnx_protobuf::tensor_shape_proto::{Dimension as DimensionProto, dimension};
use onnx_protobuf::{TensorShapeProto, TypeProto, ValueInfoProto, type_proto};
use prep_onnx_pipeline::{Error, InputElement, InputExtent, Result, SourceFormat};
use protobuf::MessageField;

use super::options::EmbedOptions;
use crate::model::{Dimension, ElementType, Model, Value, ValueType};

/// The longest name of an input, in bytes.
const MAX_NAME: usize = 255;

/// The new inputs: names, element types and shapes.
pub(crate) struct NewInputs {
    inputs: Vec<(String, ElementType, Vec<Dimension>)>,
}

impl NewInputs {
    /// The inputs of `options.accept` for batches of `batch` images in the format `source`.
    ///
    /// # Errors
    /// A wanted name that is empty or too long. Whether it is free, `insert` checks.
    pub(crate) fn of(
        model: &Model,
        options: &EmbedOptions,
        source: SourceFormat,
        batch: &Dimension,
        assumptions: &mut Vec<String>,
    ) -> Result<Self> {
        let names = names(model, options, assumptions)?;
        let first = names.first().cloned().unwrap_or_default();
        let open = |what: &str| Dimension::Symbolic(free_dimension(model, &format!("{first}_{what}")));
        let number = |number: usize| Dimension::Fixed(number as i64);
        let extent = |extent: &InputExtent| match extent {
            // An unnamed batch stays unnamed: ONNX Runtime fuses more once it has a name, which moves last bits.
            InputExtent::Images => batch.clone(),
            InputExtent::Rows => match options.image_size {
                Some((height, _)) => number(source.rows(height)),
                None if source.is_planar() => open("rows"),
                None => open("height"),
            },
            InputExtent::Columns => match options.image_size {
                Some((_, width)) => number(width),
                None => open("width"),
            },
            InputExtent::SourceChannels => number(source.source_channels()),
            InputExtent::Total => open("total"),
            InputExtent::Fixed(extent) => number(*extent),
        };
        let tensors = options.accept.form().inputs;
        let inputs = names.into_iter().zip(tensors).map(|(name, tensor)| {
            let element = match tensor.element {
                InputElement::Uint8 => ElementType::UINT8,
                InputElement::Int64 => ElementType::INT64,
            };
            (name, element, tensor.extents.iter().map(extent).collect())
        });
        Ok(Self {
            inputs: inputs.collect(),
        })
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.inputs.iter().map(|(name, ..)| name.clone()).collect()
    }

    pub(crate) fn values(&self) -> Vec<Value> {
        let value = |(name, element, shape): &(String, ElementType, Vec<Dimension>)| Value {
            name: name.clone(),
            value_type: ValueType::Tensor {
                element: *element,
                shape: Some(shape.clone()),
            },
        };
        self.inputs.iter().map(value).collect()
    }

    pub(crate) fn protos(&self) -> Vec<ValueInfoProto> {
        self.inputs
            .iter()
            .map(|(name, element, shape)| proto(name, *element, shape))
            .collect()
    }
}

fn names(model: &Model, options: &EmbedOptions, assumptions: &mut Vec<String>) -> Result<Vec<String>> {
    let usual: Vec<&str> = options
        .accept
        .form()
        .inputs
        .iter()
        .map(|tensor| tensor.name)
        .collect();
    let Some(wanted) = &options.input_name else {
        let free = usual.iter().map(|usual| {
            let free = model.free_name(usual);
            if free != *usual {
                assumptions.push(format!(
                    "the name `{usual}` is taken in the model: the new input is called `{free}`"
                ));
            }
            free
        });
        return Ok(free.collect());
    };
    if wanted.is_empty() || wanted.len() > MAX_NAME {
        return Err(Error::new("input name", "has an unusable length")
            .expected_got(format!("1 to {MAX_NAME} bytes"), wanted.len())
            .fix("give another name to --input-name"));
    }
    let others = usual.iter().skip(1).map(|usual| format!("{wanted}_{usual}"));
    Ok(std::iter::once(wanted.clone()).chain(others).collect())
}

/// A name for a dimension that no input or output uses: equal names mean equal sizes.
fn free_dimension(model: &Model, wanted: &str) -> String {
    let values = model.inputs().chain(model.outputs());
    let shapes = values.filter_map(|value| match &value.value_type {
        ValueType::Tensor { shape, .. } => shape.as_ref(),
        ValueType::Other { .. } => None,
    });
    let used: Vec<_> = shapes.flatten().collect();
    let mut name = wanted.to_owned();
    while used
        .iter()
        .any(|dimension| matches!(dimension, Dimension::Symbolic(used) if *used == name))
    {
        name.push('_');
    }
    name
}

pub(crate) fn proto(name: &str, element: ElementType, shape: &[Dimension]) -> ValueInfoProto {
    let mut shape_proto = TensorShapeProto::new();
    shape_proto.dim = shape.iter().map(dimension_proto).collect();
    let mut tensor = type_proto::Tensor::new();
    tensor.elem_type = element.0;
    tensor.shape = MessageField::some(shape_proto);
    let mut value_type = TypeProto::new();
    value_type.value = Some(type_proto::Value::TensorType(tensor));
    let mut input = ValueInfoProto::new();
    input.name = name.to_owned();
    input.type_ = MessageField::some(value_type);
    input
}

fn dimension_proto(dimension: &Dimension) -> DimensionProto {
    let mut proto = DimensionProto::new();
    proto.value = match dimension {
        Dimension::Fixed(size) => Some(dimension::Value::DimValue(*size)),
        Dimension::Symbolic(name) => Some(dimension::Value::DimParam(name.clone())),
        Dimension::Unknown => None,
    };
    proto
}
