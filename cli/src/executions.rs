//! The executions of one embedded pipeline, side by side: scalar reference, portable, and what else
//! can run here.

use ndarray::{ArrayView3, Axis};
use prep_onnx_pipeline::{FusedPlan, Result};
use prep_onnx_rewriter::preprocessing;

use crate::embedded::{EmbeddedModel, image_input};
use crate::host::{Array, Feed, Session, SessionOptions};
use crate::runtime::Loaded;

/// One way to run the embedded part of a model.
struct Backend {
    name: &'static str,
    session: Session,
    input: String,
}

/// The reference of a pipeline, and every backend that runs the embedded nodes here.
pub(crate) struct Executions {
    embedded: EmbeddedModel,
    pub(crate) plan: FusedPlan,
    backends: Vec<Backend>,
}

impl Executions {
    /// Loads the embedded part of a model, alone, into each backend.
    ///
    /// # Errors
    /// A part that cannot be taken out of the model, or that ONNX Runtime refuses.
    pub(crate) fn new(embedded: EmbeddedModel, loaded: &Loaded) -> Result<Self> {
        let plan = embedded.pipeline.plan(embedded.layout, embedded.dtype)?;
        let path = embedded.model.path().to_owned();
        let part = preprocessing(&embedded.model)?;
        let portable = Session::from_bytes(
            loaded,
            &path.display().to_string(),
            &part,
            SessionOptions::default(),
        )?;
        let input = image_input(&path, &portable, None)?;
        let backends = vec![Backend {
            name: "portable",
            session: portable,
            input,
        }];
        Ok(Self {
            embedded,
            plan,
            backends,
        })
    }

    /// The names of the backends, in the order of [`Executions::run`].
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.backends.iter().map(|backend| backend.name).collect()
    }

    /// What the pipeline means for one image, [height, width, 3].
    pub(crate) fn reference(&self, image: ArrayView3<'_, u8>) -> Result<Array> {
        let EmbeddedModel {
            pipeline,
            layout,
            dtype,
            ..
        } = &self.embedded;
        pipeline.reference(image, *layout, *dtype).map(Array::from)
    }

    /// What each backend makes of one image.
    pub(crate) fn run(&mut self, image: ArrayView3<'_, u8>) -> Vec<Result<Array>> {
        let images = image.insert_axis(Axis(0));
        self.backends
            .iter_mut()
            .map(|backend| {
                let fixed = backend
                    .session
                    .inputs()
                    .iter()
                    .find(|input| input.name == backend.input);
                let batch = fixed.and_then(|input| usize::try_from(*input.shape.as_ref()?.first()?).ok());
                // A model with a fixed batch gets the image as often as it asks for.
                let repeated = batch.filter(|batch| *batch > 1).and_then(|batch| {
                    let (_, height, width, channels) = images.dim();
                    Some(
                        images
                            .broadcast((batch, height, width, channels))?
                            .as_standard_layout()
                            .into_owned(),
                    )
                });
                let images = repeated.as_ref().map_or(images, |repeated| repeated.view());
                let outputs = backend
                    .session
                    .run(&[(&backend.input, Feed::Images(images))], &[0])?;
                let row = outputs
                    .first()
                    .and_then(|output| output.row(0))
                    .map(|row| Array::stack(&[row]));
                row.unwrap_or_else(|| Err(prep_onnx_pipeline::Error::new(backend.name, "gave no output")))
            })
            .collect()
    }
}
