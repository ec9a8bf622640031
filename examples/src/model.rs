//! The session: an embedded model that takes images of mixed sizes.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayView1, ArrayView2};
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{TensorElementType, TensorRef, ValueType};
use prep_onnx_pipeline::{Error, FusedPlan, Pipeline, Result};
use prep_onnx_rewriter::inspect;

/// A model that `prep-onnx embed --accept ragged` wrote, with the fused op.
pub struct Model {
    session: Session,
    pixels: String,
    shapes: String,
    plan: Arc<FusedPlan>,
}

/// One decoded image: RGB, `height * width * 3` bytes.
#[derive(Debug)]
pub(crate) struct Image {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) pixels: Vec<u8>,
}

impl Model {
    /// Loads a model on `threads` threads; 0 for one per core.
    ///
    /// # Errors
    /// What ONNX Runtime says about the file; inputs other than `pixels` and `shapes`; a first output that is not
    /// float32.
    pub fn open(environment: &Environment, path: &Path, threads: usize) -> Result<Self> {
        let failed =
            |error: ort::Error| Error::new(path.display(), format_args!("cannot be loaded: {error}"));
        let mut builder = Session::builder(environment).map_err(failed)?;
        if threads > 0 {
            builder = builder
                .with_intra_threads(threads)
                .map_err(|error| failed(error.into()))?;
        }
        let session = prep_onnx_op::host::register(builder)
            .and_then(|mut builder| builder.commit_from_file(path))
            .map_err(failed)?;
        let input = |wanted: TensorElementType, axes: usize| {
            let port = session.inputs().iter().find(
                |input| matches!(input.dtype(), ValueType::Tensor { ty, shape, .. } if *ty == wanted && shape.len() == axes),
            );
            port.map(|port| port.name().to_owned())
        };
        let inputs = (
            session.inputs().len(),
            input(TensorElementType::Uint8, 1),
            input(TensorElementType::Int64, 2),
        );
        let (2, Some(pixels), Some(shapes)) = inputs else {
            let names: Vec<_> = session.inputs().iter().map(|input| input.name()).collect();
            return Err(
                Error::new(path.display(), "does not take images of mixed sizes alone")
                    .expected_got("the inputs pixels and shapes", names.join(", "))
                    .fix("embed the pipeline with --accept ragged"),
            );
        };
        let output = session.outputs().first().map(|output| output.dtype());
        if !matches!(
            output,
            Some(ValueType::Tensor {
                ty: TensorElementType::Float32,
                ..
            })
        ) {
            return Err(Error::new(
                path.display(),
                "has a first output that this service cannot answer with",
            )
            .expected_got(
                "a float32 tensor",
                output.map_or_else(|| "none".to_owned(), ToString::to_string),
            ));
        }
        Ok(Self {
            session,
            pixels,
            shapes,
            plan: Arc::new(plan(path)?),
        })
    }

    /// What is done to an image: says which sizes can be run.
    pub(crate) fn plan(&self) -> Arc<FusedPlan> {
        Arc::clone(&self.plan)
    }

    /// Runs images together; the row of the first output for each of them.
    pub(crate) fn run(&mut self, images: &[Image]) -> Result<Vec<Vec<f32>>> {
        let mut pixels = Vec::with_capacity(images.iter().map(|image| image.pixels.len()).sum());
        let mut shapes = Vec::with_capacity(images.len() * 3);
        for image in images {
            pixels.extend_from_slice(&image.pixels);
            shapes.extend([image.height as i64, image.width as i64, 3]);
        }
        let failed = |error: ort::Error| Error::new("model", format_args!("the run failed: {error}"));
        let shapes = ArrayView2::from_shape((images.len(), 3), &shapes)
            .map_err(|error| Error::new("shapes", error))?;
        let inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = vec![
            (
                self.pixels.as_str().into(),
                TensorRef::from_array_view(ArrayView1::from(&pixels))
                    .map_err(failed)?
                    .into(),
            ),
            (
                self.shapes.as_str().into(),
                TensorRef::from_array_view(shapes).map_err(failed)?.into(),
            ),
        ];
        let outputs = self.session.run(inputs).map_err(failed)?;
        let (shape, values) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        if shape.first().copied() != i64::try_from(images.len()).ok() {
            return Err(Error::new("model", "does not give a row for each image")
                .expected_got(images.len(), format_args!("{shape:?}")));
        }
        let length = values.len() / images.len().max(1);
        Ok(values.chunks_exact(length.max(1)).map(<[f32]>::to_vec).collect())
    }
}

/// The pipeline in the model, as the op runs it.
fn plan(path: &Path) -> Result<FusedPlan> {
    let embedded = inspect(&prep_onnx_rewriter::Model::open(path)?).embedded;
    let pipeline = embedded.and_then(|embedded| embedded.pipeline).ok_or_else(|| {
        Error::new(path.display(), "does not describe its pipeline").fix("embed the pipeline again")
    })?;
    let pipeline = Pipeline::from_value(pipeline).map_err(|error| error.within(path.display()))?;
    let (layout, dtype) = pipeline.output.or_usual();
    pipeline.plan(layout, dtype)
}
