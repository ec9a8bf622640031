//! A model with an embedded pipeline, as the commands that run it see it.

use std::path::Path;

use prep_onnx_pipeline::{Dtype, Error, Layout, OnBadImage, Pipeline, Result};
use prep_onnx_rewriter::{Lowering, Model, inspect};

/// A model that `embed` wrote.
pub(crate) struct EmbeddedModel {
    pub(crate) model: Model,
    pub(crate) pipeline: Pipeline,
    pub(crate) layout: Layout,
    pub(crate) dtype: Dtype,
    pub(crate) lowering: Lowering,
    /// The output that says which encoded images could not be read.
    pub(crate) status: Option<String>,
}

impl EmbeddedModel {
    /// Reads the pipeline in a model.
    ///
    /// # Errors
    /// A model without a pipeline, or with one that this version cannot read.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let model = Model::open(path)?;
        let summary = inspect(&model);
        // `embed` puts it behind the model's own.
        let last_output = summary.outputs.last().map(|output| output.name.clone());
        let Some(embedded) = summary.embedded else {
            return Err(Error::new(path.display(), "has no embedded pipeline")
                .expected_got("a model that prep-onnx embed wrote", "a model without a pipeline")
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
        Ok(Self {
            model,
            pipeline,
            layout,
            dtype,
            lowering: embedded.lowering,
            status: last_output.filter(|_| embedded.on_bad_image == Some(OnBadImage::Zero)),
        })
    }
}
