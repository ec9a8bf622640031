//! The command line.

use std::path::PathBuf;

use clap::{ArgAction, Args, ColorChoice, Parser, Subcommand};
use prep_onnx_pipeline::Pipeline;

use crate::answer::Outcome;
use crate::commands;
use crate::host::Provider;
use crate::runtime::{self, Loaded, Search};

/// Puts the preprocessing of a vision model into the model, bit for bit.
#[derive(Debug, Parser)]
#[command(
    name = "prep-onnx",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  # See it work on a shipped model
  prep-onnx demo
  # Write model.prep.onnx, which takes raw uint8 images
  prep-onnx embed model.onnx
  prep-onnx run model.prep.onnx photos/ --top-k 5
  # Compare with the scalar reference, bit for bit
  prep-onnx verify model.prep.onnx photo.jpg

Exit codes: 0 success, 1 failure or disagreement, 2 wrong command line."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Print the answer, or the error, as JSON: cli/README.md describes it
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// The shared library of ONNX Runtime, or its folder [env: ORT_DYLIB_PATH]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub(crate) runtime: Option<PathBuf>,
    /// Never download anything [env: PREP_ONNX_OFFLINE]
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) offline: bool,
    /// Print nothing but errors and what was asked for
    #[arg(long, short, global = true, action = ArgAction::SetTrue, help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// When to use colours [env: NO_COLOR]
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto, help_heading = "Global options")]
    pub(crate) color: ColorChoice,
    /// A pipeline in the place of what `--pipeline` names, of a caller in this process.
    #[arg(skip)]
    pub(crate) given: Option<Pipeline>,
}

impl Global {
    /// Where to look for ONNX Runtime.
    pub(crate) fn search(&self) -> Search {
        let mut search = Search::from_env();
        search.named = self.runtime.clone();
        search.offline |= self.offline;
        search
    }

    /// Says what goes on, on stderr.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            anstream::eprintln!("{}", crate::ui::dim(crate::ui::clean_line(line)));
        }
    }

    /// Finds or gets ONNX Runtime, and loads it.
    pub(crate) fn load_runtime(&self) -> Outcome<Loaded> {
        self.load_runtime_for(Provider::Cpu)
    }

    /// Finds or gets an ONNX Runtime that has the provider, and loads it.
    pub(crate) fn load_runtime_for(&self, provider: Provider) -> Outcome<Loaded> {
        let mut search = self.search();
        search.cuda = provider == Provider::Cuda;
        let runtime = runtime::ensure(&search, &mut |line| self.say(line))?;
        Ok(runtime::load(&runtime)?)
    }

    /// Says that a pipeline was assumed, where it was.
    pub(crate) fn warn_assumed(&self, assumption: Option<&str>) {
        if let (Some(line), false) = (assumption, self.quiet) {
            anstream::eprintln!("{} {line}", crate::ui::warn("assumed:"));
        }
    }

    /// Says why a fused op runs on another device than the rest, where it does.
    pub(crate) fn say_elsewhere(&self, why: Option<String>) {
        if let Some(line) = why {
            self.say(&line);
        }
    }
}

macro_rules! commands {
    ($($(#[$meta:meta])* $variant:ident($module:ident),)+) => {
        #[derive(Debug, Subcommand)]
        pub(crate) enum Command {
            $($(#[$meta])* $variant(commands::$module::Options),)+
        }

        impl Command {
            /// Its name, as in the field `command` of `--json`.
            pub(crate) const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($module),)+
                }
            }

            pub(crate) fn run(&self, global: &Global) -> Outcome {
                match self {
                    $(Self::$variant(options) => commands::$module::run(options, global),)+
                }
            }
        }
    };
}

commands! {
    Embed(embed),
    Strip(strip),
    Inspect(inspect),
    Verify(verify),
    Check(check),
    Run(run),
    Preview(preview),
    Bench(bench),
    Demo(demo),
    Learn(learn),
    Diagnose(diagnose),
    Pipelines(pipelines),
    Steps(steps),
    Library(library),
    Export(export),
    Runtime(runtime),
    Doctor(doctor),
    Completions(completions),
    #[command(hide = true)]
    Man(man),
}
