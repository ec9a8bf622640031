//! Python as it is installed: where its packages lie, and its package client.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Prints the folder of the package whose name is the first argument, without importing it.
const LOCATE: &str = "import importlib.util as u, sys
spec = u.find_spec(sys.argv[1])
print(list(spec.submodule_search_locations)[0] if spec and spec.submodule_search_locations else '')";

/// Runs pip: the installed one, else the one that Python carries for its virtual environments.
pub(super) const PIP: &str = "import importlib.util as u, runpy, sys
if not u.find_spec('pip'):
    import ensurepip, glob, os
    wheels = glob.glob(os.path.join(os.path.dirname(ensurepip.__file__), '_bundled', 'pip-*.whl'))
    if not wheels:
        sys.exit('this Python has no pip')
    sys.path.insert(0, wheels[0])
sys.argv[0] = 'pip'
runpy.run_module('pip', run_name='__main__', alter_sys=True)";

/// Extracts one member of a zip file: archive, member, folder.
pub(super) const EXTRACT: &str = "import sys, zipfile
zipfile.ZipFile(sys.argv[1]).extract(sys.argv[2], sys.argv[3])";

/// The Python that is used: the one that runs this process, else the first of the usual names that runs as Python 3.
pub fn python() -> Option<&'static str> {
    if let Some(path) = crate::installation::python().and_then(Path::to_str) {
        return Some(path);
    }
    let names: &[&str] = if cfg!(windows) {
        &["python", "python3", "py"]
    } else {
        &["python3", "python"]
    };
    names.iter().copied().find(|name| {
        Command::new(name)
            .args(["-c", "import sys; sys.exit(sys.version_info[0] != 3)"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// The folder of an installed package.
pub(super) fn package(python: &str, name: &str) -> Option<PathBuf> {
    let output = Command::new(python)
        .args(["-c", LOCATE, name])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    let folder = folder.trim();
    (output.status.success() && !folder.is_empty()).then(|| folder.into())
}
