//! Where the shared library of the fused op is.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use prep_onnx_pipeline::{Error, Result};
use serde_json::json;

use crate::answer::{Answer, Outcome};
use crate::args::Global;
use crate::installation;

/// The command that builds the library as it is shipped, into the folder `shipped` of the target folder.
const BUILD: &str = "cargo rustc --profile shipped -p prep-onnx-op --lib --crate-type cdylib";

/// Print the path of the op library, for hosts that load custom ops
///
/// This command line has the ops built in; Python, C, C#, Java and other hosts load the library. An
/// executable that cargo built in a checkout builds it there; else it lies beside the executable, or in
/// `lib` beside its folder.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  # What Python gives to SessionOptions.register_custom_ops_library
  prep-onnx library")]
pub(crate) struct Options {}

pub(crate) fn run(_: &Options, global: &Global) -> Outcome {
    let path = path(global)?;
    Ok(Answer::new(
        format!("{}\n", path.display()),
        json!({ "path": path.display().to_string() }),
    ))
}

/// The library; in a checkout it is built.
///
/// # Errors
/// Where it is not, or cannot be built.
pub(crate) fn path(global: &Global) -> Result<PathBuf> {
    let name = format!(
        "{}prep_onnx_op{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let executable = std::env::current_exe()
        .map_err(|error| Error::new("the executable", format_args!("cannot be found: {error}")))?;
    match (installation::op_library(), Checkout::of(&executable)) {
        (Some(path), _) => Ok(path.to_owned()),
        (None, Some(checkout)) => checkout.build(&name, global),
        (None, None) => beside(&executable, &name),
    }
}

/// The library of an installation.
fn beside(executable: &Path, name: &str) -> Result<PathBuf> {
    let folder = executable.parent();
    let lib = folder.and_then(Path::parent).map(|parent| parent.join("lib"));
    let places: Vec<PathBuf> = folder
        .map(Path::to_owned)
        .into_iter()
        .chain(lib)
        .map(|folder| folder.join(name))
        .collect();
    places
        .iter()
        .find(|place| place.is_file())
        .cloned()
        .ok_or_else(|| {
            let looked: Vec<_> = places.iter().map(|place| place.display().to_string()).collect();
            Error::new(name, "was not found")
                .expected_got(format_args!("one of {}", looked.join(", ")), "none of them")
                .fix(format_args!("build it in a checkout: {BUILD}"))
        })
}

/// A source tree, and the target folder that the executable is in.
#[derive(Debug, PartialEq, Eq)]
struct Checkout {
    manifest: PathBuf,
    target: PathBuf,
}

impl Checkout {
    /// The source tree around `TARGET/PROFILE/prep-onnx`.
    fn of(executable: &Path) -> Option<Self> {
        let target = executable.parent()?.parent()?;
        let root = target.parent()?;
        let manifest = root.join("Cargo.toml");
        (manifest.is_file() && root.join("op/Cargo.toml").is_file()).then(|| Self {
            manifest,
            target: target.to_owned(),
        })
    }

    /// Builds the library, which takes no time where it is built.
    fn build(&self, name: &str, global: &Global) -> Result<PathBuf> {
        let path = self.target.join("shipped").join(name);
        if !path.is_file() {
            global.say(&format!("building {name} with cargo, once for this checkout"));
        }
        let mut cargo = Command::new("cargo");
        cargo
            .args(["rustc", "--quiet", "--profile", "shipped", "-p", "prep-onnx-op"])
            .args(["--lib", "--crate-type", "cdylib", "--manifest-path"])
            .arg(&self.manifest)
            .arg("--target-dir")
            .arg(&self.target)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if global.search().offline {
            cargo.arg("--offline");
        }
        let command = BUILD;
        match cargo.status() {
            Ok(status) if status.success() && path.is_file() => Ok(path),
            Ok(status) => Err(Error::new(name, format_args!("could not be built: {status}"))
                .fix(format_args!("see what {command} says"))),
            // An older library is better than none where there is no cargo.
            Err(_) if path.is_file() => Ok(path),
            Err(error) => Err(
                Error::new(name, format_args!("could not be built: cargo: {error}"))
                    .fix(format_args!("install Rust, then: {command}")),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_known_by_its_sources() {
        let folder = tempfile::tempdir().unwrap();
        let executable = folder.path().join("target/debug/prep-onnx");
        assert_eq!(Checkout::of(&executable), None);
        std::fs::create_dir(folder.path().join("op")).unwrap();
        std::fs::write(folder.path().join("op/Cargo.toml"), "").unwrap();
        std::fs::write(folder.path().join("Cargo.toml"), "").unwrap();
        let checkout = Checkout::of(&executable).unwrap();
        assert_eq!(checkout.target, folder.path().join("target"));
        assert_eq!(Checkout::of(Path::new("prep-onnx")), None);
    }

    #[test]
    fn an_installed_library_lies_beside_the_executable_or_in_lib() {
        let folder = tempfile::tempdir().unwrap();
        let executable = folder.path().join("bin/prep-onnx");
        let error = beside(&executable, "lib.so").unwrap_err().to_string();
        assert!(
            error.contains("bin/lib.so, ") && error.contains("lib/lib.so"),
            "{error}"
        );
        std::fs::create_dir(folder.path().join("lib")).unwrap();
        std::fs::write(folder.path().join("lib/lib.so"), "").unwrap();
        assert_eq!(
            beside(&executable, "lib.so").unwrap(),
            folder.path().join("lib/lib.so")
        );
    }
}
