//! The presets.

use clap::Args;
use prep_onnx_pipeline::{PRESETS, preset};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::ui;

/// List the presets, or show one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx pipelines
  prep-onnx pipelines clip
  prep-onnx pipelines clip --json > my-pipeline.json    a start for a pipeline of your own")]
pub(crate) struct Options {
    /// A preset
    name: Option<String>,
    /// Show it with the arithmetic of this library
    #[arg(long, value_name = "LIBRARY", requires = "name")]
    resampler: Option<String>,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    match &options.name {
        None => Ok(list()),
        Some(name) => show(name, options.resampler.as_deref()),
    }
}

fn list() -> Answer {
    let mut table = ui::Table::new(&["preset", "for"]);
    for preset in PRESETS {
        table.row([ui::bold(preset.name), preset.description().to_owned()]);
    }
    let text = format!(
        "{table}\n{}\n",
        ui::dim("prep-onnx pipelines NAME shows one; prep-onnx embed MODEL --pipeline NAME uses it")
    );
    let presets: Vec<_> = PRESETS
        .iter()
        .map(|preset| json!({ "name": preset.name, "description": preset.description() }))
        .collect();
    Answer::new(text, presets.into())
}

fn show(name: &str, resampler: Option<&str>) -> Outcome {
    let resampler = resampler.map(str::parse).transpose().map_err(Failure::usage)?;
    let preset = preset(name).map_err(Failure::usage)?;
    let import = preset.import(resampler)?;
    let mut text = format!("{}  {}\n", ui::bold(preset.name), preset.description());
    for line in ui::pipeline_lines(&import.pipeline) {
        text.push_str(&format!("  {line}\n"));
    }
    for note in &import.notes {
        text.push_str(&format!("  {} {note}\n", ui::dim("note:")));
    }
    text.push_str(&format!(
        "\n{}\n{}",
        ui::dim("models/presets, TOML:"),
        preset.text
    ));
    if !text.ends_with('\n') {
        text.push('\n');
    }
    // The JSON is a pipeline file: it can be written to disk, changed, and given to --pipeline.
    Ok(Answer::new(text, import.pipeline.to_value()))
}
