//! Shell completions.

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::{Cli, Global};

/// Print the completions for a shell
///
/// They go to stdout; put them where the shell looks for them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prep-onnx completions bash > ~/.local/share/bash-completion/completions/prep-onnx
  prep-onnx completions zsh > ~/.zfunc/_prep-onnx")]
pub(crate) struct Options {
    /// The shell
    shell: Shell,
}

pub(crate) fn run(options: &Options, _: &Global) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut Cli::command(), "prep-onnx", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    let json = json!({ "shell": options.shell.to_string(), "script": script });
    Ok(Answer::new(script, json))
}
