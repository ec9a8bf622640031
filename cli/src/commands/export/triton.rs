//! A model of a repository of the Triton Inference Server.

use std::path::{Path, PathBuf};

use clap::Args;
use prep_onnx_pipeline::Error;
use prep_onnx_rewriter::Lowering;
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::commands::library;
use crate::embedded::EmbeddedModel;
use crate::triton::{Entry, Settings, entry, write};
use crate::ui;

/// Write an embedded model as a model of a repository of the Triton Inference Server
///
/// REPO/NAME gets config.pbtxt, the version folder 1 with the model and its external data, the op library, what the
/// server warms up with, and client.py, which sends images. The inputs are those that the model was embedded with:
/// images of one size (batch), of mixed sizes (ragged), or encoded files. The server puts requests together
/// (dynamic batching) where every output has a row for each image by its declaration. What is written has been
/// parsed with Triton's own schema; it was not run in a server.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx export triton model.prep.onnx -o model_repository
  prep-onnx export triton model.prep.onnx -o repo --max-batch-size 0
  docker run --rm -p8001:8001 -v ./model_repository:/models \\
    nvcr.io/nvidia/tritonserver:26.10-py3 tritonserver --model-repository=/models")]
pub(crate) struct Options {
    /// A model that `embed` wrote
    model: PathBuf,
    /// The repository; the model's folder is made in it
    #[arg(short = 'o', long = "out", value_name = "REPO")]
    output: PathBuf,
    /// The name of the model there [default: that of the file, without .prep.onnx]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The most images that the server puts together; 0 leaves requests alone
    #[arg(long, value_name = "N", default_value_t = 32)]
    max_batch_size: u32,
    /// How long the server waits for more requests
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 500)]
    delay_us: u32,
    /// Instances of the model
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    instances: u32,
    /// Where the server sees the repository
    #[arg(long, value_name = "FOLDER", default_value = "/models")]
    container: String,
    /// The op library for the server's system [default: that of `prep-onnx library`]
    #[arg(long, value_name = "FILE")]
    library: Option<PathBuf>,
    /// Without the op library: the portable functions
    #[arg(long, conflicts_with = "library")]
    portable: bool,
}

pub(super) fn run(options: &Options, global: &Global) -> Outcome {
    let embedded = EmbeddedModel::open(&options.model)?;
    let name = match &options.name {
        Some(name) => name.clone(),
        None => name_of(&options.model),
    };
    check_name(&name)?;
    if options.portable && embedded.lowering == Lowering::Fused {
        return Err(Failure::usage(
            Error::new("--portable", "is not possible with this model")
                .expected_got("a model with standard ops", "one that needs the op library")
                .fix("leave --portable out, or embed with --lower one-file"),
        ));
    }
    let library = match (&options.library, options.portable, embedded.lowering) {
        (_, true, _) | (_, _, Lowering::Standard) => None,
        (Some(path), ..) => Some(path.clone()),
        (None, ..) => Some(library::path(global)?),
    };
    let settings = Settings {
        name: name.clone(),
        max_batch_size: options.max_batch_size,
        delay_us: options.delay_us,
        instances: options.instances,
        container: options.container.trim_end_matches('/').to_owned(),
        library,
    };
    let entry = entry(&embedded, &settings)?;
    let files = write(&embedded.model, &entry, &settings, &options.output)?;
    Ok(Answer::report(
        text(&entry, &settings, options, &files),
        json!({
            "output": options.output.join(&name).display().to_string(),
            "name": name,
            "files": files,
            "max_batch_size": entry.max_batch_size,
            "accept": entry.accept,
            "notes": entry.notes,
        }),
    ))
}

fn text(entry: &Entry, settings: &Settings, options: &Options, files: &[String]) -> String {
    let mut table = ui::Table::new(&[]);
    for (index, input) in entry.inputs.iter().enumerate() {
        let key = if index == 0 { "inputs" } else { "" };
        table.row([ui::bold(key), input.in_words()]);
    }
    for (index, output) in entry.outputs.iter().enumerate() {
        let key = if index == 0 { "outputs" } else { "" };
        table.row([ui::bold(key), output.in_words()]);
    }
    for note in &entry.notes {
        table.row([ui::bold("note"), note.clone()]);
    }
    format!(
        "{table}{} {} ({}); not run in a server\n",
        ui::good("wrote"),
        options.output.join(&settings.name).display(),
        files.join(", ")
    )
}

/// `model.prep.onnx` becomes `model`.
fn name_of(model: &Path) -> String {
    let name = model.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let stem = name.strip_suffix(".onnx").unwrap_or(&name);
    stem.strip_suffix(".prep").unwrap_or(stem).to_owned()
}

fn check_name(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !name.is_empty() && name.chars().all(plain) && !name.starts_with('.') {
        return Ok(());
    }
    Err(Failure::usage(
        Error::new("--name", "is no name of a model of a repository").expected_got(
            "letters, digits, `_`, `-` and `.`, not at the start",
            format_args!("{name:?}"),
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_the_name_of_its_file() {
        for (path, name) in [
            ("a/clip.prep.onnx", "clip"),
            ("clip.onnx", "clip"),
            ("v1.2.onnx", "v1.2"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
        assert!(check_name("a/b").is_err() && check_name("").is_err() && check_name("..").is_err());
        assert!(check_name("clip-v1.2").is_ok());
    }
}
