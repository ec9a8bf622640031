//! A model with an embedded pipeline, as the commands that run it see it.

use std::path::Path;

use prep_onnx_pipeline::{
    Accept, CHANNELS, Dtype, Error, ErrorKind, InputElement, InputTensor, Layout, OnBadImage, OutputKind,
    Pipeline, Plan, Result,
};
use prep_onnx_rewriter::after::Recorded;
use prep_onnx_rewriter::{ElementType, Lowering, Model, Quantised, Value, ValueType, inspect};

use crate::host::Provider;

/// A model that `embed` wrote.
pub(crate) struct EmbeddedModel {
    pub(crate) model: Model,
    pub(crate) pipeline: Pipeline,
    pub(crate) layout: Layout,
    pub(crate) dtype: Dtype,
    pub(crate) lowering: Lowering,
    /// The output that says which encoded images could not be read.
    pub(crate) status: Option<String>,
    /// What was assumed when the pipeline was embedded, where nobody named it.
    pub(crate) assumed: Option<String>,
    /// The bytes that a quantised model takes in the place of floats.
    pub(crate) quantised: Option<Quantised>,
    /// What comes after the model.
    pub(crate) after: Option<Recorded>,
    /// What it takes.
    pub(crate) accept: Accept,
    /// Whether the op decodes, which it does on the CPU.
    decodes: bool,
}

impl EmbeddedModel {
    /// Reads the pipeline in a model that is going to be loaded.
    ///
    /// # Errors
    /// Those of [`EmbeddedModel::open_alone`]; external data that is missing or where ONNX Runtime does not read it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let embedded = Self::open_alone(path)?;
        embedded.model.check_external_files()?;
        Ok(embedded)
    }

    /// Reads the pipeline in a model of which nothing else is needed.
    ///
    /// # Errors
    /// A model without a pipeline, or with one that this version cannot read.
    pub(crate) fn open_alone(path: &Path) -> Result<Self> {
        let model = Model::open(path)?;
        let summary = inspect(&model);
        // `embed` puts it behind the model's own, before the other ones of the preprocessing.
        let added = summary.outputs.iter().rev().take(1 + OutputKind::EXTRA.len());
        let status = added
            .map(|output| &output.name)
            .find(|name| name.starts_with(OutputKind::Status.name()))
            .cloned();
        if let Some(problem) = summary.after_problem {
            return Err(Error::new("", problem).with_kind(ErrorKind::Model));
        }
        let after = summary.after;
        let Some(embedded) = summary.embedded else {
            return Err(Error::new(path.display(), "has no embedded pipeline")
                .expected_got("a model that prep-onnx embed wrote", "a model without a pipeline")
                .with_kind(ErrorKind::Model)
                .fix(format_args!(
                    "embed one first: prep-onnx embed {}",
                    path.display()
                )));
        };
        let value = embedded.pipeline.ok_or_else(|| {
            Error::new(path.display(), "does not describe its pipeline")
                .expected_got("the metadata key `prep_onnx.pipeline`", "none")
                .fix("embed the pipeline again")
        })?;
        let pipeline = Pipeline::from_value(value)
            .map_err(|error| error.within("prep_onnx.pipeline").within(path.display()))?;
        let (layout, dtype) = pipeline.output.or_usual();
        pipeline.compile(layout, dtype)?;
        // Of flat standard ops, no name of an op says it.
        let takes = |accept: &Accept| !image_inputs(&model, *accept).is_empty();
        let accept = embedded
            .accept
            .or_else(|| Accept::ALL.iter().copied().find(takes));
        let accept = accept.unwrap_or(Accept::Batch);
        Ok(Self {
            accept,
            decodes: embedded.op.is_some() && embedded.accept.is_some_and(|accept| accept.form().decodes),
            model,
            pipeline,
            layout,
            dtype,
            lowering: embedded.lowering,
            assumed: embedded.assumed,
            quantised: embedded.quantised,
            after,
            status: status.filter(|_| embedded.on_bad_image == Some(OnBadImage::Zero)),
        })
    }

    /// The inputs of the embedded pipeline, in the order of their form; none where the model has been changed.
    pub(crate) fn image_inputs(&self) -> Vec<&Value> {
        image_inputs(&self.model, self.accept)
    }

    /// The colour that the host lays transparent pixels over; `None` where the model decodes, which drops alpha.
    pub(crate) fn background(&self) -> Option<[u8; CHANNELS]> {
        match self.accept {
            Accept::Encoded => None,
            Accept::Batch | Accept::Ragged => self.pipeline.decoded_over(),
        }
    }

    /// The plan of its pipeline, which gives what the model takes.
    ///
    /// # Errors
    /// Those of [`Pipeline::compile`].
    pub(crate) fn plan(&self) -> Result<Plan> {
        let plan = self.pipeline.compile(self.layout, self.dtype)?;
        match &self.quantised {
            Some(quantised) => quantised.plan(plan),
            None => Ok(plan),
        }
    }

    /// What to say of a pipeline that nobody named; `None` where somebody did.
    pub(crate) fn assumption(&self) -> Option<String> {
        let assumed = self.assumed.as_ref()?;
        Some(format!(
            "the pipeline was assumed when it was embedded ({assumed}): nobody said that the model was trained with it"
        ))
    }

    /// Why the fused op runs on another device than `provider`'s, in one line; `None` where it does not.
    pub(crate) fn op_elsewhere(&self, provider: Provider) -> Option<String> {
        if self.lowering == Lowering::Standard || provider == Provider::Cpu {
            return None;
        }
        let on_cpu = "the fused op runs on the CPU, with a copy to the GPU";
        if self.decodes {
            return Some(format!("{on_cpu}: it decodes, which has no CUDA form"));
        }
        if let Err(error) = prep_onnx_op::cuda::status() {
            return Some(format!("{on_cpu}: {error}"));
        }
        let what = prep_onnx_op::cuda::without_kernel(&self.plan().ok()?)?;
        Some(format!(
            "the fused op computes on the CPU, with copies from the GPU and back: there is no CUDA kernel for {what}"
        ))
    }
}

/// The neighbouring inputs that have the element types and ranks of a form.
fn image_inputs(model: &Model, accept: Accept) -> Vec<&Value> {
    let tensors = accept.form().inputs;
    let inputs: Vec<&Value> = model.inputs().collect();
    let is = |(value, tensor): (&&Value, &InputTensor)| match &value.value_type {
        ValueType::Tensor {
            element,
            shape: Some(shape),
        } => {
            let expected = match tensor.element {
                InputElement::Uint8 => ElementType::UINT8,
                InputElement::Int64 => ElementType::INT64,
            };
            *element == expected && shape.len() == tensor.extents.len()
        }
        ValueType::Tensor { shape: None, .. } | ValueType::Other { .. } => false,
    };
    let found = inputs
        .windows(tensors.len())
        .find(|window| window.iter().zip(tensors).all(is));
    found.map(<[_]>::to_vec).unwrap_or_default()
}
