//! The output that says which encoded images could not be read.

use onnx_protobuf::ValueInfoProto;
use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::{AttributeProto, NodeProto};
use prep_onnx_pipeline::{
    Accept, Error, ON_BAD_IMAGE_ATTRIBUTE, OnBadImage, PLAN_ATTRIBUTE, Result, STATUS_OUTPUT,
};

use crate::embed::EmbedOptions;
use crate::model::{Dimension, ElementType, Model, Value, ValueType};
use crate::new_input::proto;

/// Checks that the choice fits the form of the input.
pub(crate) fn check(options: &EmbedOptions) -> Result<()> {
    if options.on_bad_image == OnBadImage::Fail || options.accept == Accept::Encoded {
        return Ok(());
    }
    Err(Error::new(
        ON_BAD_IMAGE_ATTRIBUTE,
        "only a model that decodes images can meet one that it cannot read",
    )
    .expected_got(
        format_args!("accept {}", Accept::Encoded),
        format_args!("accept {}", options.accept),
    )
    .fix("use --accept encoded, or leave --on-bad-image out"))
}

/// The new output: int64 with one element for each of `batch` images.
pub(crate) fn status_output(
    model: &Model,
    options: &EmbedOptions,
    batch: &Dimension,
    assumptions: &mut Vec<String>,
) -> Option<(Value, ValueInfoProto)> {
    if options.on_bad_image == OnBadImage::Fail {
        return None;
    }
    let name = model.free_name(STATUS_OUTPUT);
    if name != STATUS_OUTPUT {
        assumptions.push(format!(
            "the name `{STATUS_OUTPUT}` is taken in the model: the new output is called `{name}`"
        ));
    }
    let shape = vec![batch.clone()];
    let info = proto(&name, ElementType::INT64, &shape);
    let value_type = ValueType::Tensor {
        element: ElementType::INT64,
        shape: Some(shape),
    };
    Some((Value { name, value_type }, info))
}

/// Puts a choice other than the usual one into the node.
pub(crate) fn add_to_node(node: &mut NodeProto, on_bad_image: OnBadImage, status: Option<&Value>) {
    if on_bad_image != OnBadImage::Fail {
        node.attribute
            .push(string(ON_BAD_IMAGE_ATTRIBUTE, on_bad_image.name().to_owned()));
    }
    node.output.extend(status.map(|status| status.name.clone()));
}

/// The attribute that holds a plan.
pub(crate) fn plan(json: String) -> AttributeProto {
    string(PLAN_ATTRIBUTE, json)
}

fn string(name: &str, text: String) -> AttributeProto {
    let mut attribute = AttributeProto::new();
    attribute.name = name.to_owned();
    attribute.s = text.into_bytes();
    attribute.type_ = AttributeType::STRING.into();
    attribute
}
