//! Where the shared library of the fused op is.

use std::path::PathBuf;

use clap::Args;
use prep_onnx_pipeline::Error;
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::Global;

/// Print the path of the op library, for hosts that load custom ops
///
/// This command line has the ops built in; Python, C, C#, Java and other hosts load the library. It is
/// looked for beside the executable, and in `lib` beside its folder.
#[derive(Debug, Args)]
#[command(after_help = "Example, in Python:
  options = onnxruntime.SessionOptions()
  options.register_custom_ops_library(subprocess.check_output([\"prep-onnx\", \"library\"], text=True).strip())")]
pub(crate) struct Options {}

pub(crate) fn run(_: &Options, _: &Global) -> Outcome {
    let name = format!(
        "{}prep_onnx_op{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let places: Vec<PathBuf> = std::env::current_exe()
        .ok()
        .and_then(|executable| {
            let folder = executable.parent()?.to_owned();
            let lib = folder.parent().map(|parent| parent.join("lib"));
            Some(
                std::iter::once(folder)
                    .chain(lib)
                    .map(|folder| folder.join(&name))
                    .collect(),
            )
        })
        .unwrap_or_default();
    match places.iter().find(|place| place.is_file()) {
        Some(path) => Ok(Answer::new(
            format!("{}\n", path.display()),
            json!({ "path": path }),
        )),
        None => {
            let looked: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            Err(Error::new(name, "was not found")
                .expected_got(format_args!("one of {}", looked.join(", ")), "none of them")
                .fix("build it in a checkout: cargo build --release -p prep-onnx-op")
                .into())
        }
    }
}
