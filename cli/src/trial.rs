//! Loading a model that was just written, or is about to be used, and running it once.

use std::path::Path;

use half::f16;
use ndarray::{Array1, Array2, Array4, ArrayD, IxDyn};
use prep_onnx_pipeline::{Accept, CHANNELS, Dtype, Error, ErrorKind, Layout, Plan, Result};
use prep_onnx_rewriter::{Dimension, Lowering, Model, Quantisation, Report, Value, ValueType};
use serde_json::{Value as Json, json};

use crate::answer::Outcome;
use crate::args::Global;
use crate::embedded::EmbeddedModel;
use crate::host::{Array, Feed, Provider, Session, SessionOptions};
use crate::runtime::{self, Loaded, Origin};

/// A runtime that is there without getting one, or why there is none.
pub(crate) enum AtHand {
    Yes(Loaded),
    No(String),
}

impl AtHand {
    /// Looks for a runtime; never gets one.
    ///
    /// # Errors
    /// One that was named and cannot be loaded.
    pub(crate) fn find(global: &Global, provider: Provider) -> Outcome<Self> {
        let mut search = global.search();
        search.cuda = provider == Provider::Cuda;
        let Some(found) = runtime::find(&search)? else {
            return Ok(Self::No(match provider {
                Provider::Cpu => "no runtime at hand".to_owned(),
                Provider::Cuda => "no runtime with the CUDA provider at hand".to_owned(),
            }));
        };
        match runtime::load(&found) {
            Ok(loaded) => Ok(Self::Yes(loaded)),
            Err(error) => match found.origin {
                Origin::Named | Origin::Variable => Err(error.into()),
                Origin::Executable | Origin::Cache | Origin::Python => Ok(Self::No(error.to_string())),
            },
        }
    }
}

/// What a trial showed.
pub(crate) enum Trial {
    /// It was loaded and run.
    Ran { version: String },
    /// It was loaded, and not run for a reason.
    Loaded { version: String, why_not_run: String },
    /// It was not tried for a reason.
    No(String),
}

impl Trial {
    pub(crate) fn in_words(&self) -> String {
        match self {
            Self::Ran { version } => format!("loads and runs in ONNX Runtime {version}"),
            Self::Loaded { version, why_not_run } => {
                format!("loads in ONNX Runtime {version}; not run: {why_not_run}")
            }
            Self::No(why) => format!("not loaded: {why}"),
        }
    }

    pub(crate) fn json(&self) -> Json {
        match self {
            Self::Ran { version } => json!({ "loads": true, "runs": true, "runtime": version }),
            Self::Loaded { version, why_not_run } => {
                json!({ "loads": true, "runs": null, "runtime": version, "why": why_not_run })
            }
            Self::No(why) => json!({ "loads": null, "runs": null, "runtime": null, "why": why }),
        }
    }
}

/// A model that has been written to `path` and will be called `name`.
pub(crate) struct Candidate<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
    pub(crate) original: &'a Model,
    pub(crate) report: &'a Report,
    pub(crate) accept: Accept,
    /// The height and width that nobody named.
    pub(crate) assumed_size: Option<(usize, usize)>,
    /// The only height and width of image that it takes.
    pub(crate) image_size: Option<(usize, usize)>,
}

/// Loads a model with an embedded pipeline, and runs it once on a drawn image where that takes nothing else.
///
/// # Errors
/// A model that does not load or does not run: with the reason, and what to do.
pub(crate) fn attempt(candidate: &Candidate<'_>, loaded: &Loaded) -> Result<Trial> {
    let version = loaded.version();
    let options = SessionOptions {
        fused: candidate.report.lowering == Lowering::Fused,
        ..SessionOptions::default()
    };
    let mut session = Session::open_as(loaded, candidate.path, candidate.name, options)
        .map_err(|error| candidate.does_not_load(&error, loaded, options))?;
    match candidate.drawn() {
        _ if !gives_the_bytes(candidate, loaded)? => Err(candidate.other_bytes(&version)),
        Err(why_not_run) => Ok(Trial::Loaded { version, why_not_run }),
        Ok(drawn) => {
            let outputs: Vec<usize> = (0..session.outputs().len()).collect();
            session
                .time(&drawn.feeds(&candidate.report.inputs), &outputs)
                .map_err(|error| candidate.does_not_run(&error))?;
            Ok(Trial::Ran { version })
        }
    }
}

/// Loads a file that `embedded` becomes with steps after its model, and runs it as [`attempt`] does.
///
/// # Errors
/// A file that does not load or does not run: with the reason, and what to do.
pub(crate) fn attempt_after(
    path: &Path,
    name: &str,
    embedded: &EmbeddedModel,
    image_size: Option<(usize, usize)>,
    loaded: &Loaded,
) -> Result<Trial> {
    let version = loaded.version();
    let options = SessionOptions {
        fused: embedded.lowering == Lowering::Fused,
        ..SessionOptions::default()
    };
    let failed = |error: &Error| {
        let failed = Error::new("", format_args!("{error}; {UNWRITTEN}")).with_kind(ErrorKind::Model);
        match Session::open(loaded, embedded.model.path(), options) {
            Err(alone) => failed
                .why(format_args!("the file does not load without the steps either: {alone}"))
                .fix("embed the pipeline again, or name a runtime that loads it with --runtime PATH; --no-load writes without trying"),
            Ok(_) => failed
                .why("the file loads without the steps")
                .fix("name a newer runtime with --runtime PATH; --no-load writes without trying"),
        }
    };
    let mut session = Session::open_as(loaded, path, name, options).map_err(|error| failed(&error))?;
    let images = embedded.image_inputs();
    let other = embedded.model.inputs().find(|input| !images.contains(input));
    let counted = images.get(embedded.accept.form().counts_images);
    let batch = counted.and_then(|input| match &input.value_type {
        ValueType::Tensor { shape, .. } => shape.as_ref()?.first(),
        ValueType::Other { .. } => None,
    });
    let asked = Asked {
        other: other.map(|input| input.name.as_str()),
        plan: &embedded.plan()?,
        batch: batch.unwrap_or(&Dimension::Unknown),
        accept: embedded.accept,
        image_size,
    };
    let names: Vec<Value> = images.into_iter().cloned().collect();
    match Drawn::for_model(&asked) {
        Err(why_not_run) => Ok(Trial::Loaded { version, why_not_run }),
        Ok(drawn) => {
            let outputs: Vec<usize> = (0..session.outputs().len()).collect();
            session
                .time(&drawn.feeds(&names), &outputs)
                .map_err(|error| failed(&error))?;
            Ok(Trial::Ran { version })
        }
    }
}

/// Whether the nodes that a quantised model has lost give in this runtime the bytes of the table, for every value that there is.
fn gives_the_bytes(candidate: &Candidate<'_>, loaded: &Loaded) -> Result<bool> {
    let Some(Quantisation::Bytes {
        quantised,
        part,
        floats,
        bytes,
    }) = &candidate.report.quantised
    else {
        return Ok(true);
    };
    let options = SessionOptions::default();
    let mut session = Session::from_bytes(loaded, candidate.name, part, options)?;
    let input = &candidate.report.image_input;
    if input.shape.len() != 4 {
        // Blocks have shapes of their own; the rule is the same.
        return Ok(true);
    }
    let channels = floats.len() / 256;
    let shape = match input.layout {
        Layout::Nchw => IxDyn(&[1, channels, 16, 16]),
        Layout::Nhwc => IxDyn(&[1, 16, 16, channels]),
    };
    let array = match input.dtype {
        Dtype::Float16 => {
            let halves = floats.iter().map(|value| f16::from_f32(*value)).collect();
            ArrayD::from_shape_vec(shape, halves).map(Array::Float16)
        }
        Dtype::Float32 | Dtype::Uint8 => ArrayD::from_shape_vec(shape, floats.clone()).map(Array::Float32),
    };
    let array = array.map_err(|error| Error::new("values", error))?;
    let got = session.run(&[(quantised.input.as_str(), Feed::Array(&array))], &[0])?;
    Ok(match got.first() {
        Some(Array::Uint8(got)) => got.iter().eq(bytes),
        Some(Array::Int8(got)) => got.iter().map(|byte| *byte as u8).eq(bytes.iter().copied()),
        _ => false,
    })
}

const UNWRITTEN: &str = "nothing was written";

impl Candidate<'_> {
    fn drawn(&self) -> Result<Drawn, String> {
        let report = self.report;
        Drawn::for_model(&Asked {
            other: report.other_inputs.first().map(|input| input.name.as_str()),
            plan: &report.plan,
            batch: report.image_input.batch(),
            accept: self.accept,
            image_size: self.image_size,
        })
    }

    fn leaves_size_open(&self) -> bool {
        let (height, width) = self.report.image_input.size();
        height.fixed().is_none() || width.fixed().is_none()
    }

    fn does_not_load(&self, error: &Error, loaded: &Loaded, options: SessionOptions) -> Error {
        let failed = Error::new("", format_args!("{error}; {UNWRITTEN}")).with_kind(ErrorKind::Model);
        let original = self.original.path();
        if let Err(alone) = Session::open(loaded, original, SessionOptions::default()) {
            return failed
                .why(format_args!("the model does not load without the pipeline either: {alone}"))
                .fix(
                    "repair or export the model again, or name a runtime that loads it with --runtime PATH; --no-load \
                     writes without trying, for example where the model needs custom ops",
                );
        }
        if !lacks_an_op(error) {
            return self.wrong_size(failed);
        }
        let failed = failed.why(format_args!(
            "the model loads without the pipeline: this runtime lacks something that the pipeline's standard ops need at \
             opset {}",
            self.report.opset
        ));
        let fused = SessionOptions {
            fused: true,
            ..options
        };
        let with_library = self.report.lowering == Lowering::OneFile
            && Session::open_as(loaded, self.path, self.name, fused).is_ok();
        failed.fix(if with_library {
            "it loads with the op library: add --lower fused, which needs the library where the model runs; or name a \
             newer runtime with --runtime PATH, or export the model at a lower opset"
        } else {
            "name a newer runtime with --runtime PATH, or export the model at a lower opset; --no-load writes without trying"
        })
    }

    fn other_bytes(&self, version: &str) -> Error {
        Error::new(
            "",
            format_args!("QuantizeLinear gives other bytes in ONNX Runtime {version}; {UNWRITTEN}"),
        )
        .expected_got("the bytes of the table", "others")
        .fix("keep it and its floats: --keep-quantize")
        .with_kind(ErrorKind::Model)
    }

    fn does_not_run(&self, error: &Error) -> Error {
        self.wrong_size(Error::new("", format_args!("{error}; {UNWRITTEN}")).with_kind(ErrorKind::Model))
    }

    /// `failed`, of a model that does not take what the pipeline makes.
    fn wrong_size(&self, failed: Error) -> Error {
        match (self.assumed_size, self.report.plan.fixed_output()) {
            (Some((height, width)), _) => failed
                .why(format_args!(
                    "the model leaves height and width open, and does not take the {height} x {width} that was assumed"
                ))
                .fix("say the size that the model was trained with: --size HxW, or --pipeline PRESET|FILE"),
            (None, Some((height, width))) if self.leaves_size_open() => failed
                .why(format_args!(
                    "the model leaves height and width open, and does not take the {height} x {width} that the pipeline makes"
                ))
                .fix("say the size that the model was trained with: --size HxW, or another --pipeline PRESET|FILE"),
            _ => failed
                .why("the model loads without the pipeline, and fails on what the pipeline makes of an image")
                .fix(
                    "check size and pipeline (--pipeline PRESET|FILE), and that the original runs on a tensor of that \
                     size; --no-load writes without trying",
                ),
        }
    }
}

/// Whether ONNX Runtime says that it has no kernel, op or operator set.
fn lacks_an_op(error: &Error) -> bool {
    const SAID: [&str; 6] = [
        "Could not find an implementation",
        "not a registered function/op",
        "No Op registered",
        "no kernel",
        "under development",
        "opset",
    ];
    let said = error.to_string();
    SAID.iter().any(|words| said.contains(words))
}

/// An image of no meaning, as the model takes it.
enum Drawn {
    Batch(Array4<u8>),
    Ragged(Array1<u8>, Array2<i64>),
    Encoded(Array1<u8>, Array1<i64>),
}

/// What decides about images for a model.
struct Asked<'a> {
    /// An input that takes no images.
    other: Option<&'a str>,
    plan: &'a Plan,
    /// The number of images.
    batch: &'a Dimension,
    accept: Accept,
    image_size: Option<(usize, usize)>,
}

/// Small, and of two different edges.
const SIZE: (usize, usize) = (48, 64);

impl Drawn {
    /// Images for a model, or why it cannot be run on any.
    fn for_model(asked: &Asked<'_>) -> Result<Self, String> {
        if let Some(other) = asked.other {
            return Err(format!("it has other inputs, `{other}` among them"));
        }
        if asked.plan.fixed_output().is_none() {
            return Err("the size of what the model gets depends on the image".to_owned());
        }
        let count = match asked.batch {
            Dimension::Fixed(count) => usize::try_from(*count).unwrap_or(1).max(1),
            Dimension::Symbolic(_) | Dimension::Unknown => 1,
        };
        let (height, width) = asked.image_size.unwrap_or(SIZE);
        let source = asked.plan.source;
        let (rows, channels) = (source.rows(height), source.source_channels());
        Ok(match asked.accept {
            Accept::Batch => Self::Batch(Array4::from_shape_fn(
                (count, rows, width, channels),
                |(_, y, x, channel)| (y * 5 + x * 3 + channel * 40) as u8,
            )),
            Accept::Ragged => Self::Ragged(
                Array1::from_shape_fn(count * rows * width * channels, |index| (index * 7) as u8),
                Array2::from_shape_fn((count, 3), |(_, axis)| [rows, width, channels][axis] as i64),
            ),
            Accept::Encoded => {
                let file = bmp(height, width);
                Self::Encoded(
                    Array1::from(file.repeat(count)),
                    Array1::from(vec![file.len() as i64; count]),
                )
            }
        })
    }

    fn feeds<'a>(&'a self, inputs: &'a [Value]) -> Vec<(&'a str, Feed<'a>)> {
        let feeds = match self {
            Self::Batch(images) => vec![Feed::Images(images.view())],
            Self::Ragged(pixels, shapes) => vec![Feed::Pixels(pixels.view()), Feed::Shapes(shapes.view())],
            Self::Encoded(bytes, lengths) => vec![Feed::Pixels(bytes.view()), Feed::Lengths(lengths.view())],
        };
        inputs
            .iter()
            .map(|input| input.name.as_str())
            .zip(feeds)
            .collect()
    }
}

/// A BMP file of 24 bits: the smallest format to write by hand.
pub(crate) fn bmp(height: usize, width: usize) -> Vec<u8> {
    const HEADERS: u32 = 54;
    let pixels = (height * (width * CHANNELS).next_multiple_of(4)) as u32;
    let mut file = b"BM".to_vec();
    for value in [
        HEADERS + pixels,
        0,
        HEADERS,
        40,
        width as u32,
        height as u32,
        1 | 24 << 16,
        0,
        pixels,
        0,
        0,
        0,
        0,
    ] {
        file.extend(value.to_le_bytes());
    }
    file.extend((0..pixels).map(|index| (index * 7) as u8));
    file
}

/// What `run` needs for the other inputs of a model.
pub(crate) fn feed_line(input: &Value) -> String {
    format!("{input}; with run: --feed {}=FILE.npy", input.name)
}

/// Name, element type and shape of inputs, for JSON.
pub(crate) fn needs_json(inputs: &[Value]) -> Json {
    let entry = |input: &Value| {
        let (element, shape) = match &input.value_type {
            ValueType::Tensor { element, shape } => (element.to_string(), json!(shape)),
            ValueType::Other { name } => ((*name).to_owned(), Json::Null),
        };
        json!({ "name": input.name, "type": element, "shape": shape, "feed": format!("--feed {}=FILE.npy", input.name) })
    };
    inputs.iter().map(entry).collect()
}
