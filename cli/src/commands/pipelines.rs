//! The presets.

use clap::Args;
use prep_onnx_pipeline::{Import, ImportOptions, PRESETS, checkpoint, preset};
use serde_json::json;

use crate::answer::{Answer, Failure, Outcome};
use crate::args::Global;
use crate::size::parse_size;
use crate::ui;

/// List the presets, or show one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx pipelines
  prep-onnx pipelines clip
  # The preset of a checkpoint
  prep-onnx pipelines google/vit-base-patch16-224
  # A pretrained model of timm, torchvision or open_clip
  prep-onnx pipelines torchvision:ResNet50_Weights.IMAGENET1K_V2
  # A start for a pipeline of your own
  prep-onnx pipelines clip --toml > p.toml")]
pub(crate) struct Options {
    /// A preset, a checkpoint that one is for, or `timm:NAME.TAG`, `torchvision:WEIGHTS`, `open_clip:MODEL/TAG`
    #[arg(add = crate::complete::preset())]
    name: Option<String>,
    /// Show it with the arithmetic of this library
    #[arg(long, value_name = "LIBRARY", requires = "name", add = crate::complete::resampler())]
    resampler: Option<String>,
    /// Show it with results of this size, where it can have another one
    #[arg(long, value_name = "HxW|N", requires = "name")]
    size: Option<String>,
    /// Print the steps as a file that --pipeline takes
    #[arg(long, requires = "name")]
    toml: bool,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    match &options.name {
        None => Ok(list()),
        Some(name) => show(name, options),
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
        .map(|preset| {
            let ids: Vec<_> = preset.ids().collect();
            json!({ "name": preset.name, "description": preset.description(), "ids": ids })
        })
        .collect();
    Answer::new(text, json!({ "presets": presets }))
}

fn show(name: &str, options: &Options) -> Outcome {
    let resampler = options.resampler.as_deref().map(str::parse).transpose();
    let size = options.size.as_deref().map(parse_size).transpose();
    let asked = ImportOptions {
        resampler: resampler.map_err(Failure::usage)?,
        size: size.map_err(Failure::usage)?,
        ..ImportOptions::default()
    };
    let preset = match (preset(name), checkpoint(name)) {
        (Ok(preset), _) => preset,
        (Err(_), Some(found)) => {
            let import = found.map_err(Failure::usage)?.import_with(&asked)?;
            return Ok(show_checkpoint(name, &import, options));
        }
        (Err(unknown), None) => return Err(Failure::usage(unknown)),
    };
    let import = preset.import_with(&asked)?;
    // An answer with a pipeline in it is a pipeline file too: it can be written to disk, changed, and given to --pipeline.
    let json = json!({
        "name": preset.name,
        "description": preset.description(),
        "notes": import.notes,
        "pipeline": import.pipeline.to_value(),
    });
    if options.toml {
        return Ok(Answer::new(import.pipeline.to_toml(), json));
    }
    let mut text = format!("{}  {}\n", ui::bold(preset.name), preset.description());
    for line in ui::pipeline_lines(&import.pipeline) {
        text.push_str(&format!("  {line}\n"));
    }
    for note in &import.notes {
        text.push_str(&format!("  {} {note}\n", ui::dim("note:")));
    }
    if let Some(ids) = also(preset.ids().collect()) {
        text.push_str(&format!("  {} {ids}\n", ui::dim("also:")));
    }
    text.push_str(&format!(
        "\n{}\n{}",
        ui::dim("models/presets, TOML:"),
        preset.text
    ));
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(Answer::new(text, json))
}

/// A pretrained model of a library.
fn show_checkpoint(name: &str, import: &Import, options: &Options) -> Answer {
    let json = json!({ "name": name, "notes": import.notes, "pipeline": import.pipeline.to_value() });
    if options.toml {
        return Answer::new(import.pipeline.to_toml(), json);
    }
    let mut text = format!("{}\n", ui::bold(name));
    for line in ui::pipeline_lines(&import.pipeline) {
        text.push_str(&format!("  {line}\n"));
    }
    for note in &import.notes {
        text.push_str(&format!("  {} {note}\n", ui::dim("note:")));
    }
    Answer::new(text, json)
}

/// What else a preset is called, a few of the names where there are many.
fn also(ids: Vec<&str>) -> Option<String> {
    /// As many as fit on a line.
    const SHOWN: usize = 3;
    let shown = ids.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match ids.len() {
        0 => None,
        count if count <= SHOWN => Some(shown),
        count => Some(format!(
            "{shown} and {} more (prep-onnx pipelines --json)",
            count - SHOWN
        )),
    }
}
