//! The session: an embedded model, and what it says of images.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use ndarray::{ArrayView1, ArrayView2, ArrayView4};
use ort::environment::Environment;
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};
use prep_onnx_pipeline::{Error, Pipeline, Plan, Result};
use prep_onnx_rewriter::after::Recorded;
use prep_onnx_rewriter::inspect;

use crate::output::{Output, answers};

/// A model that `prep-onnx embed` wrote, with the fused op.
pub struct Model {
    session: Session,
    input: Input,
    plan: Arc<Plan>,
    /// What comes after the model.
    after: Option<Recorded>,
    /// Whether several images can run together: the output has a row for each, or says of which image each answer is.
    rows: bool,
}

/// The names of what the model takes.
enum Input {
    /// Images of mixed sizes: `--accept ragged`.
    Mixed { pixels: String, shapes: String },
    /// Images of one size, of which each runs alone: `--accept batch`.
    One { image: String },
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
            input(TensorElementType::Uint8, 4),
        );
        let input = match inputs {
            (2, Some(pixels), Some(shapes), _) => Input::Mixed { pixels, shapes },
            (1, None, None, Some(image)) => Input::One { image },
            _ => {
                let names: Vec<_> = session.inputs().iter().map(|input| input.name()).collect();
                return Err(Error::new(path.display(), "does not take images alone")
                    .expected_got("the inputs pixels and shapes, or image", names.join(", "))
                    .fix("embed the pipeline with --accept ragged, or batch"));
            }
        };
        let (plan, after) = read(path)?;
        let output = session.outputs().first().map(|output| output.dtype());
        let is_float = matches!(
            output,
            Some(ValueType::Tensor {
                ty: TensorElementType::Float32,
                ..
            })
        );
        if after.is_none() && !is_float {
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
        let of_images = match &input {
            Input::Mixed { shapes, .. } => shapes,
            Input::One { image } => image,
        };
        let images = first(session.inputs().iter().find(|port| port.name() == of_images));
        let rows = match (&images, first(session.outputs().first())) {
            (Some(First::Fixed(count)), _) if *count != 1 => {
                return Err(
                    Error::new(path.display(), "takes a fixed number of images at once")
                        .expected_got("any number, or one", count)
                        .fix("export the model with a batch of any size"),
                );
            }
            _ if matches!(input, Input::One { .. }) => false,
            (images, _) if after.is_some() => !matches!(images, Some(First::Fixed(_))),
            // The declaration decides: that the first extent equals the number of images can be chance.
            (Some(images), Some(rows)) => *images == rows,
            _ => false,
        };
        Ok(Self {
            session,
            input,
            rows,
            plan: Arc::new(plan),
            after,
        })
    }

    /// What is done to an image: says which sizes can be run.
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan)
    }

    /// What the model says of each of the images. Without steps after the model that is the first output: its row where the
    /// model declares its first axis as that of the images; else the images run one at a time, and each has the whole output.
    pub(crate) fn run(&mut self, images: &[Image]) -> Result<Vec<Output>> {
        if self.rows {
            return self.together(images);
        }
        let alone = images.chunks(1).map(|image| self.together(image));
        let outputs: Vec<_> = alone.collect::<Result<_>>()?;
        Ok(outputs.into_iter().flatten().collect())
    }

    fn together(&mut self, images: &[Image]) -> Result<Vec<Output>> {
        let failed = |error: ort::Error| Error::new("model", format_args!("the run failed: {error}"));
        let mut copied = Vec::new();
        let mut extents = Vec::with_capacity(images.len() * 3);
        let inputs: Vec<(Cow<'_, str>, SessionInputValue<'_>)> = match (&self.input, images) {
            (Input::One { image }, [one]) => {
                let view = ArrayView4::from_shape((1, one.height, one.width, 3), &one.pixels)
                    .map_err(|error| Error::new("image", error))?;
                let tensor = TensorRef::from_array_view(view).map_err(failed)?;
                vec![(image.as_str().into(), tensor.into())]
            }
            (Input::One { .. }, _) => {
                return Err(Error::new("model", "takes one image at a time").expected_got(1, images.len()));
            }
            (Input::Mixed { pixels, shapes }, _) => {
                copied.reserve_exact(images.iter().map(|image| image.pixels.len()).sum());
                for image in images {
                    copied.extend_from_slice(&image.pixels);
                    extents.extend([image.height as i64, image.width as i64, 3]);
                }
                let view = ArrayView2::from_shape((images.len(), 3), &extents)
                    .map_err(|error| Error::new("shapes", error))?;
                let all = TensorRef::from_array_view(ArrayView1::from(&copied)).map_err(failed)?;
                let sizes = TensorRef::from_array_view(view).map_err(failed)?;
                vec![
                    (pixels.as_str().into(), all.into()),
                    (shapes.as_str().into(), sizes.into()),
                ]
            }
        };
        let outputs = self.session.run(inputs).map_err(failed)?;
        if let Some(after) = &self.after {
            return answers(after, &outputs, images.len());
        }
        let (shape, values) = outputs[0].try_extract_tensor::<f32>().map_err(failed)?;
        let row = |values: &[f32]| Output::Row {
            output: values.to_vec(),
        };
        if !self.rows {
            return Ok(vec![row(values)]);
        }
        if shape.first().copied() != i64::try_from(images.len()).ok() {
            return Err(Error::new("model", "does not give a row for each image")
                .expected_got(images.len(), format_args!("{shape:?}")));
        }
        let length = values.len() / images.len().max(1);
        Ok(values.chunks_exact(length.max(1)).map(row).collect())
    }
}

/// The plan of the pipeline in the model, and what comes after the model.
fn read(path: &Path) -> Result<(Plan, Option<Recorded>)> {
    let summary = inspect(&prep_onnx_rewriter::Model::open(path)?);
    let pipeline = summary
        .embedded
        .and_then(|embedded| embedded.pipeline)
        .ok_or_else(|| {
            Error::new(path.display(), "does not describe its pipeline").fix("embed the pipeline again")
        })?;
    let pipeline = Pipeline::from_value(pipeline).map_err(|error| error.within(path.display()))?;
    let (layout, dtype) = pipeline.output.or_usual();
    if let Some(problem) = summary.after_problem {
        return Err(Error::new("", problem));
    }
    Ok((pipeline.compile(layout, dtype)?, summary.after))
}
