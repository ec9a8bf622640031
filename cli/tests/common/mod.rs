//! What the tests of `run` share: the program, pictures, and whether ONNX Runtime is there.

#![allow(dead_code, reason = "each test binary takes what it needs")]

#[path = "../../../rewriter/tests/common/build.rs"]
pub(crate) mod build;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whether ONNX Runtime is there; gets it where that is possible.
pub(crate) fn has_runtime() -> bool {
    use prep_onnx::runtime::{Search, ensure};
    let Err(error) = ensure(&Search::from_env(), &mut |line| eprintln!("{line}")) else {
        return true;
    };
    let required = std::env::var("PREP_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|name| name == "runtime"), "{error:?}");
    eprintln!("skipped: {error}");
    false
}

/// The program in a folder.
pub(crate) fn program<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_prep-onnx"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command
}

/// What the program printed, and its exit code.
pub(crate) struct Printed {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) code: Option<i32>,
}

impl From<Output> for Printed {
    fn from(output: Output) -> Self {
        Self {
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code(),
        }
    }
}

pub(crate) fn run<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Printed {
    program(folder, arguments).output().unwrap().into()
}

/// A PNG of one colour.
pub(crate) fn picture(path: &Path, (height, width): (u32, u32), colour: [u8; 3]) {
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_image_data(&colour.repeat((height * width) as usize))
        .unwrap();
    writer.finish().unwrap();
}

/// The shipped classifier with its usual pipeline, as `model.onnx`.
pub(crate) fn classifier(folder: &Path) {
    let zoo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/zoo");
    std::fs::copy(zoo.join("shapes-cnn.onnx"), folder.join("shapes-cnn.onnx")).unwrap();
    std::fs::copy(zoo.join("labels.txt"), folder.join("labels.txt")).unwrap();
    let embedded = run(folder, ["embed", "shapes-cnn.onnx", "-o", "model.onnx"]);
    assert_eq!(embedded.code, Some(0), "{}", embedded.err);
}
