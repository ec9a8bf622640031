//! What this crate is installed as, where it is no executable of its own: a part of a package that knows where its files are.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The files around the crate in a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// The shared library of the fused op.
    pub op_library: PathBuf,
    /// The Python that runs this process, whose packages are asked for ONNX Runtime first.
    pub python: Option<PathBuf>,
}

static INSTALLED: OnceLock<Installation> = OnceLock::new();

impl Installation {
    /// Says once for this process where the files are; later calls change nothing.
    pub fn set(self) {
        // The first one stays.
        let _ = INSTALLED.set(self);
    }
}

/// The shared library of the fused op in the package.
pub(crate) fn op_library() -> Option<&'static Path> {
    INSTALLED.get().map(|installed| installed.op_library.as_path())
}

/// The Python that runs this process.
pub(crate) fn python() -> Option<&'static Path> {
    INSTALLED.get()?.python.as_deref()
}
