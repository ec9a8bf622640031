//! An embedded model as other systems take it.

mod triton;

use clap::{Args, Subcommand};

use crate::answer::Outcome;
use crate::args::Global;

/// Write an embedded model as another system takes it
#[derive(Debug, Args)]
#[command(after_help = "Example:
  prep-onnx export triton model.prep.onnx -o model_repository")]
pub(crate) struct Options {
    #[command(subcommand)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Target {
    Triton(triton::Options),
}

pub(crate) fn run(options: &Options, global: &Global) -> Outcome {
    match &options.target {
        Target::Triton(options) => triton::run(options, global),
    }
}
