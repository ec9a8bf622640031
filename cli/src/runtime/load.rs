//! Loading the library into this process, once.

use std::sync::Mutex;

use prep_onnx_pipeline::{Error, ErrorKind, Result};

use super::Runtime;

/// ONNX Runtime in this process.
#[derive(Clone)]
pub struct Loaded {
    runtime: Runtime,
    environment: ort::environment::Environment,
}

impl Loaded {
    /// The library.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// What sessions are made from.
    pub fn environment(&self) -> &ort::environment::Environment {
        &self.environment
    }

    /// The version as the library reports it, else `unknown`.
    pub fn version(&self) -> String {
        prep_onnx_op::host::runtime_version(&self.runtime.path).unwrap_or_else(|| "unknown".to_owned())
    }
}

/// What to do where a runtime cannot be loaded. A program that holds its C library loads no other one.
const ANOTHER: &str = if cfg!(all(target_env = "musl", target_feature = "crt-static")) {
    "this program is linked statically and loads no libraries: take the one for glibc, or the Python package"
} else {
    "name another one with --runtime PATH, or get one: prep-onnx runtime install"
};

/// Loads `runtime`. Later calls return the one that was loaded first.
///
/// # Errors
/// A file that is no library of ONNX Runtime 1.17 or newer; another library is loaded already.
pub fn load(runtime: &Runtime) -> Result<Loaded> {
    static LOADED: Mutex<Option<Loaded>> = Mutex::new(None);
    let mut slot = LOADED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(loaded) = slot.as_ref() {
        if loaded.runtime.path == runtime.path {
            return Ok(loaded.clone());
        }
        return Err(
            Error::new(runtime.path.display(), "another ONNX Runtime is loaded already")
                .expected_got(loaded.runtime.path.display(), runtime.path.display())
                .with_kind(ErrorKind::Runtime),
        );
    }
    let failed = |error: String| {
        Error::new(
            runtime.path.display(),
            format!("cannot be loaded as ONNX Runtime ({}): {error}", runtime.origin),
        )
        .with_kind(ErrorKind::Runtime)
        .why("it takes the shared library of ONNX Runtime 1.17 or newer, built for this platform")
        .fix(ANOTHER)
    };
    let environment = ort::init_from(&runtime.path)
        .map_err(|error| failed(error.to_string()))?
        .with_name("prep-onnx")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    let loaded = Loaded {
        runtime: runtime.clone(),
        environment,
    };
    *slot = Some(loaded.clone());
    Ok(loaded)
}
