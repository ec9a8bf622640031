//! Taking a pipeline out of a model.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use prep_onnx_rewriter::{Model, inspect, strip, strip_after};
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::ui;

/// Restore the model that a pipeline was embedded into, byte for byte
///
/// Of a model embedded with --single-file, the model file is restored, which refers to its data file again; the
/// data file itself is not written, and has to lie beside the restored model as it did.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  prep-onnx strip model.prep.onnx -o model.onnx
  # Only what comes after the model; the preprocessing stays
  prep-onnx strip model.prep.onnx --only after -o model.onnx")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// The file to write
    #[arg(short = 'o', long = "out", value_name = "OUT")]
    output: PathBuf,
    /// The part to take off, where the other one is to stay
    #[arg(long, value_name = "PART", value_enum)]
    only: Option<Part>,
}

/// A part of what embedding put into a model.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Part {
    /// The steps after the model
    After,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let model = Model::open(&options.model)?;
    let (edit, what) = match options.only {
        None => (strip(&model)?, "the original byte for byte"),
        Some(Part::After) => (
            strip_after(&model)?,
            "the file without steps after the model, byte for byte",
        ),
    };
    let written = edit.write(&options.output)?;
    let mut text = format!(
        "{} {} ({}), {what}\n",
        ui::good("wrote"),
        written.path.display(),
        ui::bytes(written.bytes)
    );
    let restored = Model::open(&options.output)?;
    let data = inspect(&restored).external_data;
    for file in &data {
        text.push_str(&match &file.problem {
            None => format!("it refers to {}, which lies beside it\n", file.location),
            Some(problem) => ui::warn(format_args!(
                "it refers to {} again, as the original did, and that file is not restored: {problem}\n",
                file.location
            )),
        });
    }
    let json = json!({
        "output": written.path.display().to_string(),
        "bytes": written.bytes,
        "external_data": data,
    });
    Ok(Answer::report(text, json))
}
