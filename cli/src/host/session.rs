//! A model in ONNX Runtime.

use std::borrow::Cow;
use std::path::Path;
use std::time::{Duration, Instant};

use ndarray::{ArrayView1, ArrayView2, ArrayView4};
use ort::session::builder::SessionBuilder;
use ort::session::{OutputSelector, RunOptions, SessionInputValue, SessionOutputs};
use ort::value::{TensorElementType, TensorRef, ValueType};
use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::{Array, Provider, one_line};
use crate::runtime::Loaded;

/// How a model is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionOptions {
    /// Threads of one run; 0 leaves it to ONNX Runtime: one per core.
    pub threads: usize,
    /// Registers the fused ops, which then run in the place of the model-local function.
    pub fused: bool,
    /// What runs it.
    pub provider: Provider,
    /// Threads that wait for work keep their core for a while, as ONNX Runtime's default has it: sooner back,
    /// but slower where other threads have work, such as decoding.
    pub spinning: bool,
}

/// An input or output of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: String,
    /// The name of its element type, as numpy has it; that of ONNX Runtime for what numpy lacks.
    pub dtype: String,
    /// The extent of each axis, -1 where it is open; `None` for what is no tensor.
    pub shape: Option<Vec<i64>>,
}

impl Port {
    /// Whether it takes images of one size: uint8 [N, H, W, 3], or 1 or 4 channels where its pipeline takes others than RGB.
    pub fn is_images(&self) -> bool {
        self.dtype == "uint8" && matches!(self.shape.as_deref(), Some([_, _, _, 1 | 3 | 4 | -1]))
    }

    /// Whether it takes images of mixed sizes, one after another: uint8 `[total]`.
    pub fn is_pixels(&self) -> bool {
        self.dtype == "uint8" && matches!(self.shape.as_deref(), Some([_]))
    }

    /// Whether it takes the lengths of encoded files: int64 `[N]`.
    pub fn is_file_lengths(&self) -> bool {
        self.dtype == "int64" && matches!(self.shape.as_deref(), Some([_]))
    }

    /// Whether it takes their sizes: int64 [N, 3].
    pub fn is_image_shapes(&self) -> bool {
        self.dtype == "int64" && matches!(self.shape.as_deref(), Some([_, 3]))
    }

    /// Element type and shape, for messages: `float32 [?, 3, 224, 224]`.
    pub fn form(&self) -> String {
        let Some(shape) = &self.shape else {
            return self.dtype.clone();
        };
        let extents: Vec<_> = shape
            .iter()
            .map(|extent| {
                if *extent < 0 {
                    "?".to_owned()
                } else {
                    extent.to_string()
                }
            })
            .collect();
        format!("{} [{}]", self.dtype, extents.join(", "))
    }
}

/// What an input gets.
#[derive(Clone, Copy, Debug)]
pub enum Feed<'a> {
    /// An array.
    Array(&'a Array),
    /// Images: uint8 [N, H, W, 3], contiguous, handed over without a copy.
    Images(ArrayView4<'a, u8>),
    /// Images of mixed sizes, or encoded files, one after another: uint8 `[total]`, contiguous.
    Pixels(ArrayView1<'a, u8>),
    /// Their sizes: int64 [N, 3] of height, width and 3, contiguous.
    Shapes(ArrayView2<'a, i64>),
    /// The lengths of encoded files that lie one after another in [`Feed::Pixels`]: int64 `[N]`, contiguous.
    Lengths(ArrayView1<'a, i64>),
}

impl<'a> Feed<'a> {
    fn dtype(&self) -> &'static str {
        match self {
            Self::Array(array) => array.dtype(),
            Self::Images(_) | Self::Pixels(_) => "uint8",
            Self::Shapes(_) | Self::Lengths(_) => "int64",
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Self::Array(array) => array.shape(),
            Self::Images(images) => images.shape(),
            Self::Pixels(pixels) => pixels.shape(),
            Self::Shapes(shapes) => shapes.shape(),
            Self::Lengths(lengths) => lengths.shape(),
        }
    }

    fn as_input(&self) -> ort::Result<SessionInputValue<'a>> {
        match self {
            Self::Array(array) => array.as_input(),
            Self::Images(images) => Ok(TensorRef::from_array_view(*images)?.into()),
            Self::Pixels(pixels) => Ok(TensorRef::from_array_view(*pixels)?.into()),
            Self::Shapes(shapes) => Ok(TensorRef::from_array_view(*shapes)?.into()),
            Self::Lengths(lengths) => Ok(TensorRef::from_array_view(*lengths)?.into()),
        }
    }
}

/// A model that is loaded and ready to run.
pub struct Session {
    name: String,
    session: ort::session::Session,
    inputs: Vec<Port>,
    /// Inputs that have a default.
    optional: Vec<Port>,
    outputs: Vec<Port>,
    provider: Provider,
}

impl Session {
    /// Loads the model in a file.
    ///
    /// # Errors
    /// What ONNX Runtime says about the file.
    pub fn open(loaded: &Loaded, path: &Path, options: SessionOptions) -> Result<Self> {
        Self::open_as(loaded, path, &path.display().to_string(), options)
    }

    /// Loads the model in a file; `name` stands for it in messages.
    ///
    /// # Errors
    /// What ONNX Runtime says about the file.
    pub fn open_as(loaded: &Loaded, path: &Path, name: &str, options: SessionOptions) -> Result<Self> {
        builder(loaded, name, options)?
            .commit_from_file(path)
            .map(|session| Self::new(name.to_owned(), session, options.provider))
            .map_err(|error| {
                options
                    .provider
                    .advise(cannot_load(name, loaded, &error), error.message())
            })
    }

    /// Loads a model from its bytes; `name` stands for it in messages.
    ///
    /// # Errors
    /// What ONNX Runtime says about the model.
    pub fn from_bytes(loaded: &Loaded, name: &str, model: &[u8], options: SessionOptions) -> Result<Self> {
        builder(loaded, name, options)?
            .commit_from_memory(model)
            .map(|session| Self::new(name.to_owned(), session, options.provider))
            .map_err(|error| {
                options
                    .provider
                    .advise(cannot_load(name, loaded, &error), error.message())
            })
    }

    fn new(name: String, session: ort::session::Session, provider: Provider) -> Self {
        let ports = |outlets: &[ort::value::Outlet]| outlets.iter().map(port).collect();
        let (inputs, outputs) = (ports(session.inputs()), ports(session.outputs()));
        let optional = session.overridable_initializers();
        let optional = optional.iter().map(|input| port_of(input.name(), input.dtype()));
        let optional = optional.collect();
        Self {
            name,
            session,
            inputs,
            optional,
            outputs,
            provider,
        }
    }

    /// The same session under another name in messages.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// The inputs.
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The outputs.
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The position of the output that `name` names, of the first one without a name.
    ///
    /// # Errors
    /// No output of that name.
    pub fn output_index(&self, name: Option<&str>) -> Result<usize> {
        let Some(name) = name else { return Ok(0) };
        self.outputs
            .iter()
            .position(|output| output.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.outputs.iter().map(|output| output.name.as_str()).collect();
                Error::new(&self.name, "there is no such output")
                    .expected_got(format_args!("one of {}", names.join(", ")), name)
            })
    }

    /// Checks that every input is fed, by an array of its element type and rank.
    ///
    /// # Errors
    /// Names the input, its element type and shape.
    pub fn check_feeds(&self, feeds: &[(&str, Feed<'_>)]) -> Result<()> {
        let mut missing: Vec<&Port> = self.inputs.iter().collect();
        for (name, array) in feeds {
            let name = *name;
            let mut inputs = self.inputs.iter().chain(&self.optional);
            let Some(port) = inputs.find(|input| input.name == name) else {
                let inputs = self.inputs.iter().chain(&self.optional);
                let names: Vec<_> = inputs.map(|input| input.name.as_str()).collect();
                return Err(Error::new(&self.name, "there is no such input")
                    .expected_got(format_args!("one of {}", names.join(", ")), name));
            };
            missing.retain(|input| input.name != name);
            let fits = |extents: &[i64]| {
                extents.len() == array.shape().len()
                    && extents
                        .iter()
                        .zip(array.shape())
                        .all(|(extent, got)| *extent < 0 || usize::try_from(*extent) == Ok(*got))
            };
            if port.dtype != array.dtype() || !port.shape.as_deref().is_some_and(fits) {
                return Err(Error::new(
                    format_args!("{}: input `{name}`", self.name),
                    "does not take this array",
                )
                .expected_got(port.form(), format_args!("{} {:?}", array.dtype(), array.shape())));
            }
        }
        match missing.as_slice() {
            [] => Ok(()),
            [port, ..] => Err(
                Error::new(format_args!("{}: input `{}`", self.name, port.name), "is not fed")
                    .expected_got(port.form(), "nothing")
                    .why("the model has inputs beside the image")
                    .fix(format_args!(
                        "give it a file written by numpy.save: --feed {}=FILE.npy",
                        port.name
                    )),
            ),
        }
    }

    /// Runs the model and returns the outputs at the positions `outputs`.
    ///
    /// # Errors
    /// An input that is missing or does not fit; what ONNX Runtime says about the run.
    pub fn run(&mut self, feeds: &[(&str, Feed<'_>)], outputs: &[usize]) -> Result<Vec<Array>> {
        let names = self.names(outputs);
        self.call(feeds, &names, |mut results| {
            names
                .iter()
                .map(|name| match results.remove(name) {
                    Some(value) => Array::from_value(name, &value),
                    None => Err(Error::new(format_args!("output `{name}`"), "was not computed")),
                })
                .collect()
        })
    }

    /// Runs the model as [`Session::run`] does, leaves its outputs where they are, and returns the time.
    ///
    /// # Errors
    /// Those of [`Session::run`].
    pub fn time(&mut self, feeds: &[(&str, Feed<'_>)], outputs: &[usize]) -> Result<Duration> {
        let names = self.names(outputs);
        let started = Instant::now();
        self.call(feeds, &names, |_| Ok(started.elapsed()))
    }

    fn names(&self, outputs: &[usize]) -> Vec<String> {
        let found = outputs.iter().filter_map(|index| self.outputs.get(*index));
        found.map(|output| output.name.clone()).collect()
    }

    fn call<T>(
        &mut self,
        feeds: &[(&str, Feed<'_>)],
        outputs: &[String],
        take: impl FnOnce(SessionOutputs<'_>) -> Result<T>,
    ) -> Result<T> {
        self.check_feeds(feeds)?;
        let name = &self.name;
        let provider = self.provider;
        let failed = |error: ort::Error| {
            let said = one_line(error.message());
            provider.advise(
                Error::new(name, format_args!("ONNX Runtime failed: {said}")).with_kind(ErrorKind::Runtime),
                &said,
            )
        };
        let selector = outputs
            .iter()
            .fold(OutputSelector::no_default(), |selector, name| selector.with(name));
        let options = RunOptions::new().map_err(failed)?.with_outputs(selector);
        let inputs = feeds
            .iter()
            .map(|(name, array)| Ok((Cow::Borrowed(*name), array.as_input()?)))
            .collect::<Result<Vec<(Cow<'_, str>, SessionInputValue<'_>)>, ort::Error>>()
            .map_err(failed)?;
        take(self.session.run_with_options(inputs, &options).map_err(failed)?)
    }
}

fn builder(loaded: &Loaded, name: &str, options: SessionOptions) -> Result<SessionBuilder> {
    let SessionOptions {
        threads,
        fused,
        provider,
        spinning,
    } = options;
    let start = || {
        let mut builder = ort::session::Session::builder(loaded.environment())?
            // Errors come back from the calls and are reported once.
            .with_log_level(ort::logging::LogLevel::Fatal)?
            .with_intra_op_spinning(spinning)?;
        if threads > 0 {
            builder = builder.with_intra_threads(threads)?;
        }
        if fused {
            builder = prep_onnx_op::host::register(builder)?
                // The op runs in the place of our function, so none is left to inline. Where a model has one at all,
                // ONNX Runtime expands other ops too (HardSwish), before it fuses quantised ones: twice the time.
                .with_config_entry("session.disable_aot_function_inlining", "1")?;
        }
        Ok(builder)
    };
    let builder = start().map_err(|error: ort::Error| cannot_load(name, loaded, &error))?;
    provider.register(loaded, builder)
}

fn cannot_load(name: &str, loaded: &Loaded, error: &ort::Error) -> Error {
    let said = one_line(error.message());
    // The path, which may be that of a file with another name.
    let said = said
        .strip_prefix("Load model from ")
        .and_then(|rest| Some(rest.split_once(" failed:")?.1))
        .unwrap_or(&said);
    let lacks_op = said.contains("is not a registered function/op");
    Error::new(
        name,
        format_args!("ONNX Runtime {} cannot load it: {said}", loaded.version()),
    )
    .with_kind(ErrorKind::Runtime)
    .fix(if lacks_op && said.contains("ImageEncoded") {
        "run it with the op library: no standard op decodes images"
    } else if lacks_op && said.contains(&format!("{}:", prep_onnx_pipeline::DOMAIN)) {
        "run it with the op library, or embed with --lower one-file so that it runs without"
    } else if lacks_op {
        "the model needs ops that this ONNX Runtime lacks: a newer one with --runtime PATH has them if they are standard ops; \
         of other custom ops prep-onnx loads no library"
    } else {
        "check the model with onnx.checker, or name a newer runtime with --runtime PATH"
    })
}

fn port(outlet: &ort::value::Outlet) -> Port {
    port_of(outlet.name(), outlet.dtype())
}

fn port_of(name: &str, value_type: &ValueType) -> Port {
    let name = name.to_owned();
    match value_type {
        ValueType::Tensor { ty, shape, .. } => Port {
            name,
            dtype: numpy_name(*ty),
            shape: Some(shape.to_vec()),
        },
        other => Port {
            name,
            dtype: other.to_string(),
            shape: None,
        },
    }
}

fn numpy_name(element: TensorElementType) -> String {
    match element {
        TensorElementType::Float32 => "float32",
        TensorElementType::Float64 => "float64",
        TensorElementType::Float16 => "float16",
        TensorElementType::Int8 => "int8",
        TensorElementType::Int16 => "int16",
        TensorElementType::Int32 => "int32",
        TensorElementType::Int64 => "int64",
        TensorElementType::Uint8 => "uint8",
        TensorElementType::Uint16 => "uint16",
        TensorElementType::Uint32 => "uint32",
        TensorElementType::Uint64 => "uint64",
        TensorElementType::Bool => "bool",
        other => return other.to_string(),
    }
    .to_owned()
}
