//! The original pipeline, run now by the Python of this machine.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::files::{Files, ORIGINAL_MODULE};
use crate::runtime;

/// Prints the versions and the digest of each image's tensor: module, its folder, images.
const SCRIPT: &str = "import hashlib, importlib, json, pathlib, sys
sys.path.insert(0, sys.argv[2])
sys.dont_write_bytecode = True
original = importlib.import_module(sys.argv[1])
digest = lambda path: hashlib.sha256(original.preprocess(path).astype('<f4').tobytes()).hexdigest()
images = {pathlib.Path(path).name: digest(path) for path in sys.argv[3:]}
print(json.dumps({'pillow': original.PIL.__version__, 'numpy': original.np.__version__, 'images': images}))";

/// What the Pillow and numpy of this machine make of the images.
#[derive(Debug, Deserialize)]
pub(super) struct Live {
    pub(super) pillow: String,
    pub(super) numpy: String,
    pub(super) images: BTreeMap<String, String>,
}

impl Live {
    /// Whether this Pillow resizes as the recorded one: before 13 it had another order of passes.
    pub(super) fn is_comparable(&self) -> bool {
        let major = self
            .pillow
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok());
        major.is_some_and(|major| major >= 13)
    }
}

/// Runs it; `None` where Python, Pillow or numpy are absent.
pub(super) fn run(files: &Files) -> Option<Live> {
    let output = Command::new(runtime::python()?)
        .args(["-c", SCRIPT, ORIGINAL_MODULE])
        .arg(&files.folder)
        .args(&files.images)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    serde_json::from_slice(&output.stdout).ok()
}
