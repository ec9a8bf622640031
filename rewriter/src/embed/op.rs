//! The preprocessing op: a node, and what stands in for it.

use onnx_protobuf::attribute_proto::AttributeType;
use onnx_protobuf::{AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto};
use prep_onnx_pipeline::{
    DOMAIN, ON_BAD_IMAGE_ATTRIBUTE, OnBadImage, OutputKind, PLAN_ATTRIBUTE, Plan, Result,
};

use super::options::EmbedOptions;
use crate::lowering::Lowering;
use crate::portable::{self, End, Form, Values};

/// The preprocessing op.
pub(super) struct Op<'a> {
    pub(super) name: String,
    pub(super) plan: &'a Plan,
    /// Whether the model rounds to 16 bits inside.
    pub(super) rounds_to_half: bool,
    pub(super) opset: i64,
    pub(super) options: &'a EmbedOptions,
}

impl Op<'_> {
    /// Standard ops from `inputs` to `outputs`.
    pub(super) fn body(&self, prefix: &str, inputs: &[String], outputs: &[String]) -> Result<Vec<NodeProto>> {
        let EmbedOptions {
            portable,
            accept,
            image_size,
            lowering,
            ..
        } = *self.options;
        let form = Form {
            portable,
            accept,
            opset: self.opset,
            image_size,
            // Flat ops are for other runtimes, whose compilers compute with constants in their own way.
            values: match lowering {
                Lowering::Standard if image_size.is_some() => Values::Table,
                Lowering::OneFile | Lowering::Standard | Lowering::Fused => Values::Arithmetic,
            },
        };
        let end = if self.rounds_to_half {
            End::Apart
        } else {
            End::Joined
        };
        portable::lower_to(self.plan, form, prefix, inputs, outputs, end)
    }

    pub(super) fn node(&self, name: String, inputs: Vec<String>, outputs: Vec<String>) -> NodeProto {
        let mut node = NodeProto::new();
        node.name = name;
        node.op_type.clone_from(&self.name);
        node.domain = DOMAIN.to_owned();
        node.input = inputs;
        node.output = outputs;
        node.attribute = vec![string(PLAN_ATTRIBUTE, self.plan.to_json())];
        if self.options.on_bad_image != OnBadImage::Fail {
            let choice = self.options.on_bad_image.name().to_owned();
            node.attribute.push(string(ON_BAD_IMAGE_ATTRIBUTE, choice));
        }
        node
    }

    /// The function that stands in for the op where the library is not loaded.
    pub(super) fn function(&self) -> Result<FunctionProto> {
        let mut standard = OperatorSetIdProto::new();
        // ONNX Runtime reads the body at the model's own operator set whatever stands here.
        standard.version = self.opset;
        let mut function = FunctionProto::new();
        function.name.clone_from(&self.name);
        function.domain = DOMAIN.to_owned();
        let inputs = self.options.accept.form().inputs.iter();
        function.input = inputs.map(|input| input.name.to_owned()).collect();
        let outputs = [OutputKind::Tensor].iter().chain(&self.plan.outputs);
        function.output = outputs.map(|kind| kind.name().to_owned()).collect();
        function.attribute = vec![PLAN_ATTRIBUTE.to_owned()];
        function.node = self.body("", &function.input, &function.output)?;
        function.opset_import = vec![standard];
        Ok(function)
    }
}

fn string(name: &str, text: String) -> AttributeProto {
    let mut attribute = AttributeProto::new();
    attribute.name = name.to_owned();
    attribute.s = text.into_bytes();
    attribute.type_ = AttributeType::STRING.into();
    attribute
}
