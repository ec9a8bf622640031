//! Taking a pipeline out of a model.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_rewriter::{Model, inspect, strip};
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
    let edit = strip(&model)?;
    let written = edit.write(&options.output)?;
    let mut text = format!(
        "{} {} ({}), the original byte for byte\n",
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
