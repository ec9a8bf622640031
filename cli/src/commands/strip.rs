//! Taking a pipeline out of a model.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_rewriter::{Model, strip};
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::ui;

/// Restore the model that a pipeline was embedded into, byte for byte
#[derive(Debug, Args)]
#[command(after_help = "Example:
  prep-onnx strip model.prep.onnx -o model.onnx")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// The file to write
    #[arg(short = 'o', long = "out", value_name = "OUT")]
    output: PathBuf,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let model = Model::open(&options.model)?;
    let written = strip(&model)?.write(&options.output)?;
    let text = format!(
        "{} {} ({}), the original byte for byte\n",
        ui::good("wrote"),
        written.path.display(),
        ui::bytes(written.bytes)
    );
    let json = json!({ "output": written.path, "bytes": written.bytes });
    Ok(Answer::new(text, json))
}
