//! What another host does otherwise.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_loader::Source;
use prep_onnx_pipeline::fit::{self, Diagnosis};
use prep_onnx_pipeline::{Dtype, Elements, Error, ErrorKind, ImportOptions, Layout, Pipeline, Tensor};
use serde_json::{Value, json};

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::choose;
use crate::embedded::EmbeddedModel;
use crate::host::{Array, npy};
use crate::picture::write_png;
use crate::reading::read_image;
use crate::ui;

/// Name what another host does otherwise, from one dump of its tensor
///
/// Compares the tensor that a program made of a photo with the pipeline, and names what it does
/// otherwise: squash instead of crop, no antialiasing, another filter, BGR, a missing mean, pixels
/// divided by 255 twice or not at all, NHWC for NCHW, an EXIF orientation, float16. Exit code 1 when
/// the tensor is not the pipeline's, bit for bit.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx diagnose tensor.npy photo.jpg --model model.prep.onnx
  prep-onnx diagnose tensor.npy photo.jpg --pipeline clip --picture seen.png

tensor.npy holds what the other program hands to the model for this one photo: numpy.save of it, or its bytes
behind a .npy header. The picture has the pipeline's pixels, the program's, and their difference, 8 times as strong.")]
pub(crate) struct Options {
    /// The tensor of the other program, .npy
    #[arg(value_name = "TENSOR")]
    tensor: PathBuf,
    /// The photo that it was made of
    #[arg(value_name = "PHOTO")]
    photo: String,
    /// A model that `embed` wrote: its pipeline is meant
    #[arg(
        long,
        value_name = "MODEL",
        required_unless_present = "pipeline",
        conflicts_with = "pipeline"
    )]
    model: Option<PathBuf>,
    /// The pipeline that is meant: a preset, a checkpoint or a file
    #[arg(long, value_name = "NAME|FILE")]
    pipeline: Option<String>,
    /// Draw the difference into this file
    #[arg(long, value_name = "PNG")]
    picture: Option<PathBuf>,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let (pipeline, layout, dtype) = meant(options)?;
    let array = npy::read(&options.tensor)?;
    let tensor = tensor_of(&array).map_err(|error| error.within(options.tensor.display()))?;
    let (_, pixels) = read_image(Source::path(&options.photo), pipeline.decoded_over())
        .map_err(|error| error.within(&options.photo))?;
    let diagnosis = fit::diagnose(&pipeline, layout, dtype, pixels.view(), &tensor)
        .map_err(|error| error.within(options.tensor.display()))?;
    if let Some(path) = &options.picture {
        write_png(path, &diagnosis.picture)?;
    }
    let mut text = String::new();
    if diagnosis.equal {
        text.push_str(&format!(
            "{}: every bit of the tensor is the pipeline's\n",
            ui::good("equal")
        ));
    } else {
        text.push_str(&format!(
            "{}: the tensor is not the pipeline's\n",
            ui::bad("differs")
        ));
        text.push_str(&lines(&diagnosis));
    }
    if let Some(path) = &options.picture {
        text.push_str(&format!("{} {}\n", ui::good("wrote"), path.display()));
    }
    let mut json = json_of(&diagnosis);
    json["picture"] = options
        .picture
        .as_ref()
        .map(|path| path.display().to_string())
        .into();
    Ok(Answer::new(text, json).with_verdict(diagnosis.equal))
}

/// The findings, one a line, and how much they account for.
pub(crate) fn lines(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for finding in &diagnosis.findings {
        text.push_str(&format!(
            "  {}  {}\n",
            ui::bold(finding.mistake.name()),
            finding.text
        ));
    }
    let rest = format!(
        "mean {:.3}, at most {:.2} steps of the pixel value",
        diagnosis.mean, diagnosis.largest
    );
    text.push_str(&if diagnosis.explained {
        format!("  that accounts for the whole difference ({rest} are left)\n")
    } else {
        format!(
            "  {} this is the nearest that was found, and it does not account for all: {rest} are left\n",
            ui::warn("note:")
        )
    });
    text
}

pub(crate) fn json_of(diagnosis: &Diagnosis) -> Value {
    let findings: Vec<Value> = diagnosis
        .findings
        .iter()
        .map(|finding| json!({ "mistake": finding.mistake, "text": finding.text }))
        .collect();
    json!({
        "equal": diagnosis.equal,
        "findings": findings,
        "explained": diagnosis.explained,
        "left_mean_lsb": diagnosis.mean,
        "left_max_lsb": diagnosis.largest,
    })
}

/// The pipeline that is meant, and the form of its tensor.
fn meant(options: &Options) -> Outcome<(Pipeline, Layout, Dtype)> {
    if let Some(model) = &options.model {
        let embedded = EmbeddedModel::open_alone(model)?;
        return Ok((embedded.pipeline, embedded.layout, embedded.dtype));
    }
    let name = options.pipeline.as_deref().unwrap_or_default();
    let pipeline = choose::named(name, &ImportOptions::default())?.pipeline;
    let (layout, dtype) = pipeline.output.or_usual();
    Ok((pipeline, layout, dtype))
}

/// A dump as a tensor. float64 is rounded.
pub(crate) fn tensor_of(array: &Array) -> Result<Tensor, Error> {
    let shape = array.shape().to_vec();
    let elements = match array {
        Array::Float32(values) => Elements::Float32(values.iter().copied().collect()),
        Array::Float16(values) => Elements::Float16(values.iter().copied().collect()),
        Array::Uint8(values) => Elements::Uint8(values.iter().copied().collect()),
        Array::Float64(values) => Elements::Float32(values.iter().map(|value| *value as f32).collect()),
        Array::Int8(_)
        | Array::Int16(_)
        | Array::Int32(_)
        | Array::Int64(_)
        | Array::Uint16(_)
        | Array::Uint32(_)
        | Array::Uint64(_)
        | Array::Bool(_) => {
            return Err(Error::new("", format_args!("has elements of {}", array.dtype()))
                .expected_got("float32, float16, float64 or uint8", array.dtype())
                .with_kind(ErrorKind::Unsupported));
        }
    };
    Ok(Tensor { shape, elements })
}
