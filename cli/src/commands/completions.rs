//! Shell completions.

use std::str::FromStr;

use clap::Args;
use clap_complete::env::Shells;
use prep_onnx_pipeline::Error;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::Global;

/// The variable by which the script of a shell asks the program what may come next.
pub(crate) const VARIABLE: &str = "PREP_ONNX_COMPLETE";

/// Print the completions for a shell
///
/// They go to stdout; put them where the shell looks for them. They ask the program, so they know the presets and
/// the options of the version that is installed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  # bash: into the folder ~/.local/share/bash-completion/completions
  prep-onnx completions bash > prep-onnx
  # zsh: into a folder of $fpath
  prep-onnx completions zsh > _prep-onnx
  # fish: into the folder ~/.config/fish/completions
  prep-onnx completions fish > prep-onnx.fish")]
pub(crate) struct Options {
    /// The shell: bash, elvish, fish, powershell or zsh
    shell: Shell,
}

/// The name of a shell that completions are made for.
#[derive(Clone, Debug)]
struct Shell(String);

impl FromStr for Shell {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let shells = Shells::builtins();
        match shells.completer(name) {
            Some(_) => Ok(Self(name.to_owned())),
            None => Err(format!(
                "one of {}",
                shells.names().collect::<Vec<_>>().join(", ")
            )),
        }
    }
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let Shell(name) = &options.shell;
    let mut script = Vec::new();
    let failed = |error: &dyn std::fmt::Display| Error::new(name, error);
    let shells = Shells::builtins();
    let shell = shells.completer(name).ok_or_else(|| failed(&"is not known"))?;
    shell
        .write_registration(VARIABLE, "prep-onnx", "prep-onnx", "prep-onnx", &mut script)
        .map_err(|error| failed(&error))?;
    let script = String::from_utf8_lossy(&script).into_owned();
    let json = json!({ "shell": name, "script": script });
    Ok(Answer::new(script, json))
}
