//! The executions of one embedded pipeline, side by side: scalar reference, portable, and what else
//! can run here.

use ndarray::{ArrayD, ArrayView3, IxDyn};
use prep_onnx_pipeline::plan::Blocks;
use prep_onnx_pipeline::{Error, Layout, Plan, Result};
use prep_onnx_rewriter::{Lowering, preprocessing};

use crate::embedded::EmbeddedModel;
use crate::host::{Array, Provider, Session, SessionOptions};
use crate::inference::{Inference, Picture};
use crate::runtime::Loaded;
use crate::source::as_source;

/// One way to run the embedded part of a model.
struct Backend {
    name: &'static str,
    inference: Inference,
}

/// The reference of a pipeline, and every backend that runs the embedded nodes here.
pub(crate) struct Executions {
    pub(crate) embedded: EmbeddedModel,
    pub(crate) plan: Plan,
    backends: Vec<Backend>,
}

impl Executions {
    /// Loads the embedded part of a model, alone, into each backend.
    ///
    /// # Errors
    /// A part that cannot be taken out of the model, or that ONNX Runtime refuses.
    pub(crate) fn new(embedded: EmbeddedModel, loaded: &Loaded, provider: Provider) -> Result<Self> {
        let plan = embedded.plan()?;
        let path = embedded.model.path().to_owned();
        let part = preprocessing(&embedded.model)?;
        let name = path.display().to_string();
        let backend = |backend: &'static str, fused: bool| -> Result<Backend> {
            let options = SessionOptions {
                fused,
                provider,
                ..SessionOptions::default()
            };
            let session = Session::from_bytes(loaded, &name, &part, options)?;
            Ok(Backend {
                name: backend,
                inference: Inference::new(&path, session, None, None, None, Vec::new())?.with_plan(&plan),
            })
        };
        let mut backends = Vec::new();
        if embedded.lowering != Lowering::Fused {
            backends.push(backend("portable", false)?);
        }
        if embedded.lowering != Lowering::Standard {
            backends.push(backend("fused", true)?);
        }
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

    /// What the model takes of one image, [height, width, 3]: of a quantised model the bytes of what the pipeline means.
    ///
    /// # Errors
    /// An image that the pipeline does not take.
    pub(crate) fn reference(&self, image: ArrayView3<'_, u8>) -> Result<Array> {
        self.taken(self.values(image)?)
    }

    /// What the model takes in the place of `values`, those of a pipeline or of a library: of a quantised model bytes, each worked
    /// out on its own and not by the table that the backends have.
    ///
    /// # Errors
    /// Values of another form than the pipeline's.
    pub(crate) fn taken(&self, values: Array) -> Result<Array> {
        let Some(quantised) = &self.embedded.quantised else {
            return Ok(values);
        };
        let floats = match values {
            Array::Float32(values) => values,
            Array::Float16(values) => values.mapv(f32::from),
            other => {
                return Err(Error::new("values", "are not what is quantised")
                    .expected_got("float32 or float16", other.dtype()));
            }
        };
        let floats = match (floats.ndim(), self.embedded.layout, quantised.layout) {
            (4, Layout::Nchw, Layout::Nhwc) => floats.permuted_axes(vec![0, 2, 3, 1]),
            (4, Layout::Nhwc, Layout::Nchw) => floats.permuted_axes(vec![0, 3, 1, 2]),
            _ => floats,
        };
        let shape = IxDyn(floats.shape());
        let stride = self.plan.channel_stride(floats.shape());
        let channels = self.plan.channels();
        let values = floats.iter().enumerate();
        let bytes = values.map(|(index, value)| quantised.quantize.byte(*value, index / stride % channels));
        let array = if quantised.quantize.signed {
            let signed = bytes.map(|byte| byte as i8).collect();
            ArrayD::from_shape_vec(shape, signed).map(Array::Int8)
        } else {
            ArrayD::from_shape_vec(shape, bytes.collect()).map(Array::Uint8)
        };
        array.map_err(|error| Error::new("reference", error))
    }

    /// What the pipeline means for one image, [height, width, 3].
    ///
    /// # Errors
    /// An image that the pipeline does not take.
    pub(crate) fn values(&self, image: ArrayView3<'_, u8>) -> Result<Array> {
        let EmbeddedModel {
            pipeline,
            layout,
            dtype,
            ..
        } = &self.embedded;
        let image = as_source(image, pipeline.input)?;
        pipeline.reference(image.view(), *layout, *dtype).map(Array::from)
    }

    /// What each backend makes of one image.
    pub(crate) fn run(&mut self, picture: &Picture<'_>) -> Vec<Result<Array>> {
        // Blocks on one axis: the first extent is not that of the images.
        let joined = self.plan.form.blocks.is_some_and(Blocks::is_joined);
        let run = |backend: &mut Backend| match joined {
            true => backend.inference.run_whole(picture),
            false => backend.inference.run_one(picture),
        };
        self.backends.iter_mut().map(run).collect()
    }
}
