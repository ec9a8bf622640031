//! A model with an embedded pipeline, as the commands that run it see it.

use std::path::Path;

use prep_onnx_pipeline::{Dtype, Error, Layout, Pipeline, Result};
use prep_onnx_rewriter::{Lowering, Model, inspect};

/// A model that `embed` wrote.
pub(crate) struct EmbeddedModel {
    pub(crate) model: Model,
    pub(crate) pipeline: Pipeline,
    pub(crate) layout: Layout,
    pub(crate) dtype: Dtype,
    pub(crate) lowering: Lowering,
}

impl EmbeddedModel {
    /// Reads the pipeline in a model.
    ///
    /// # Errors
    /// A model without a pipeline, or with one that this version cannot read.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let model = Model::open(path)?;
        let Some(embedded) = inspect(&model).embedded else {
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
        })
    }
}
