//! The session: an embedded model that takes images of mixed sizes.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayView1, ArrayView2};
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use prep_onnx_pipeline::{Error, FusedPlan, Pipeline, Result};
use prep_onnx_rewriter::inspect;

/// A model that `prep-onnx embed --accept ragged` wrote, with the fused op.
pub struct Model {
    session: Session,
    pixels: String,
    shapes: String,
    plan: Arc<FusedPlan>,
    /// Whether the output has a row for each image. One without a batch axis is no image's alone.
    rows: bool,
}

/// The first extent of a declared shape.
#[derive(PartialEq)]
enum First {
    Fixed(i64),
    Named(String),
}

impl First {
    /// `None` where the shape says nothing of use.
    fn of(value: &ValueType) -> Option<Self> {
        let ValueType::Tensor {
            shape,
            dimension_symbols,
            ..
        } = value
        else {
            return None;
        };
        match (*shape.first()?, dimension_symbols.first()) {
            (extent, _) if extent >= 0 => Some(Self::Fixed(extent)),
            (_, Some(name)) if !name.is_empty() => Some(Self::Named(name.clone())),
            _ => None,
        }
    }
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
        let first = |port: Option<&Outlet>| port.and_then(|port| First::of(port.dtype()));
        let images = first(session.inputs().iter().find(|port| port.name() == shapes));
        let rows = match (&images, first(session.outputs().first())) {
            (Some(First::Fixed(count)), _) if *count != 1 => {
                return Err(
                    Error::new(path.display(), "takes a fixed number of images at once")
                        .expected_got("any number, or one", count)
                        .fix("export the model with a batch of any size"),
                );
            }
            // The declaration decides: that the first extent equals the number of images can be chance.
            (Some(images), Some(rows)) => *images == rows,
            _ => false,
        };
        Ok(Self {
            session,
            pixels,
            shapes,
            rows,
            plan: Arc::new(plan(path)?),
        })
    }

    /// What is done to an image: says which sizes can be run.
    pub(crate) fn plan(&self) -> Arc<FusedPlan> {
        Arc::clone(&self.plan)
    }

    /// The first output for each of the images: its row where the model declares its first axis as that of the
    /// images; else the images run one at a time, and each has the whole output.
    pub(crate) fn run(&mut self, images: &[Image]) -> Result<Vec<Vec<f32>>> {
        if self.rows {
            return self.together(images);
        }
        let alone = images.chunks(1).map(|image| self.together(image));
        let outputs: Vec<_> = alone.collect::<Result<_>>()?;
        Ok(outputs.into_iter().flatten().collect())
    }

    fn together(&mut self, images: &[Image]) -> Result<Vec<Vec<f32>>> {
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
        if !self.rows {
            return Ok(vec![values.to_vec()]);
        }
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
