//! Which ONNX Runtime is used.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::runtime::{self, Runtime, VERSION};
use crate::ui;

/// Show which ONNX Runtime is used, or get one
///
/// Looked for, in this order: --runtime, ORT_DYLIB_PATH, beside the executable, the user's cache, an
/// installed Python package. `install` gets a pinned version into the cache through pip, else npm.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx runtime
  prep-onnx runtime install
  prep-onnx runtime --runtime /opt/onnxruntime/lib")]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Get the pinned version into the user's cache, unless it is there
    Install,
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    let search = global.search();
    let found = match options.action {
        Some(Action::Install) => Some(runtime::install(&search, &mut |line| global.say(line))?),
        None => runtime::find(&search)?,
    };
    let Some(found) = found else {
        let text = format!(
            "{} was found; commands that need one get version {VERSION} when they run\n  {}\n",
            ui::bold("no ONNX Runtime"),
            ui::dim("get it now: prep-onnx runtime install"),
        );
        let json = json!({ "path": null, "origin": null, "version": null, "pinned": VERSION });
        return Ok(Answer::new(text, json).with_verdict(false));
    };
    let loaded = runtime::load(&found)?;
    let Runtime { path, origin } = &found;
    let version = loaded.version();
    let text = format!(
        "{} {version}, {origin}\n  {}\n",
        ui::bold("ONNX Runtime"),
        path.display()
    );
    let json = json!({ "path": path.display().to_string(), "origin": origin, "version": version, "pinned": VERSION });
    Ok(Answer::new(text, json))
}
