//! Which ONNX Runtime is used: finding one, getting one, loading it.
//!
//! ```no_run
//! use prep_onnx::runtime::{self, Search};
//!
//! let runtime = runtime::ensure(&Search::from_env(), &mut |line| eprintln!("{line}"))?;
//! let loaded = runtime::load(&runtime)?;
//! println!("ONNX Runtime {} from {}", loaded.version(), runtime.path.display());
//! # Ok::<(), prep_onnx_pipeline::Error>(())
//! ```

mod cache;
mod cuda;
mod install;
mod library;
mod load;
mod package;
mod python;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use prep_onnx_pipeline::{Error, ErrorKind, Result};
use serde::Serialize;

pub use cache::cache_folder;
pub(crate) use cuda::preload_cuda;
pub use load::{Loaded, load};
pub use package::VERSION;
pub use python::python;

use library::library_in;

/// The environment variable that names the library, the same as for `ort` itself.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";
/// The environment variable that forbids downloads.
pub const OFFLINE_VARIABLE: &str = "PREP_ONNX_OFFLINE";

/// Takes the lines that say what goes on.
pub type Progress<'a> = &'a mut dyn FnMut(&str);

/// Where to look for ONNX Runtime.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The library, or its folder, that the user named: nothing else is tried then.
    pub named: Option<PathBuf>,
    /// The value of [`LIBRARY_VARIABLE`]: nothing else is tried then, either.
    pub variable: Option<OsString>,
    /// Never installs anything.
    pub offline: bool,
    /// Takes, of those that nobody named, only a runtime with the CUDA execution provider, and installs none.
    pub cuda: bool,
}

impl Search {
    /// What the environment variables say.
    pub fn from_env() -> Self {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            named: None,
            variable: variable(LIBRARY_VARIABLE),
            offline: variable(OFFLINE_VARIABLE).is_some_and(|value| value != "0"),
            cuda: false,
        }
    }
}

/// Where a runtime was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Named by `--runtime`.
    Named,
    /// Named by [`LIBRARY_VARIABLE`].
    Variable,
    /// Beside the executable, or in `lib` beside its folder.
    Executable,
    /// In the user's cache.
    Cache,
    /// In an installed Python package.
    Python,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named by --runtime",
            Self::Variable => "named by ORT_DYLIB_PATH",
            Self::Executable => "beside the executable",
            Self::Cache => "in the user's cache",
            Self::Python => "in an installed Python package",
        })
    }
}

/// A library of ONNX Runtime on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Runtime {
    /// The library, absolute.
    pub path: PathBuf,
    /// Where it was found.
    pub origin: Origin,
}

/// Looks for a runtime: `--runtime`, `ORT_DYLIB_PATH`, beside the executable, in the user's cache,
/// in an installed Python package. `None` where there is none.
///
/// # Errors
/// A library that was named and is not there.
pub fn find(search: &Search) -> Result<Option<Runtime>> {
    look(search).map_err(of_runtime)
}

/// Gives an error of this module its kind.
fn of_runtime(error: Error) -> Error {
    error.or_kind(ErrorKind::Runtime)
}

fn look(search: &Search) -> Result<Option<Runtime>> {
    if let Some(path) = &search.named {
        return named("--runtime", path, Origin::Named).map(Some);
    }
    if let Some(path) = &search.variable {
        return named(LIBRARY_VARIABLE, Path::new(path), Origin::Variable).map(Some);
    }
    let places = [
        (Origin::Executable, beside_executable as fn() -> Option<PathBuf>),
        (Origin::Cache, in_cache),
        (Origin::Python, in_python),
    ];
    Ok(places.into_iter().find_map(|(origin, place)| {
        let path = std::path::absolute(place()?).ok()?;
        (!search.cuda || cuda::has_provider(&path)).then_some(Runtime { path, origin })
    }))
}

/// Like [`find`]; where there is none, installs the pinned version into the user's cache through
/// the package client of the machine (pip, else npm), with a checked digest.
///
/// # Errors
/// A library that was named and is not there; none found while offline; no client could deliver it.
pub fn ensure(search: &Search, progress: Progress<'_>) -> Result<Runtime> {
    match find(search)? {
        Some(runtime) => Ok(runtime),
        None if search.cuda => Err(Error::new("--ep cuda", "no ONNX Runtime with the CUDA execution provider was found")
            .expected_got(
                "one beside the executable, in the cache or in an installed Python package",
                "none",
            )
            .why("the runtime that prep-onnx gets by itself is a build for the CPU")
            .fix("install onnxruntime-gpu for the Python that is found first, or name its library with --runtime PATH")
            .with_kind(ErrorKind::Runtime)),
        None => install(search, progress),
    }
}

/// Installs the pinned version into the user's cache, unless it is there.
///
/// # Errors
/// Offline; no client could deliver it; the cache is not writable.
pub fn install(search: &Search, progress: Progress<'_>) -> Result<Runtime> {
    if let Some(path) = in_cache() {
        return Ok(Runtime {
            path,
            origin: Origin::Cache,
        });
    }
    if search.offline {
        return Err(
            Error::new("ONNX Runtime", "none was found, and downloads are forbidden")
                .expected_got(
                    "a library beside the executable, in the cache or in a Python package",
                    "none",
                )
                .why("--offline or PREP_ONNX_OFFLINE is set")
                .fix("name the library with --runtime PATH or ORT_DYLIB_PATH, or allow the download")
                .with_kind(ErrorKind::Runtime),
        );
    }
    let path = install::install(progress).map_err(of_runtime)?;
    Ok(Runtime {
        path,
        origin: Origin::Cache,
    })
}

fn named(subject: &str, path: &Path, origin: Origin) -> Result<Runtime> {
    let subject = format!("{subject} {}", path.display());
    let error = |what: &str, got: &str| {
        Error::new(&subject, what)
            .expected_got("the shared library of ONNX Runtime, or its folder", got)
            .fix("correct the path, or leave it out: prep-onnx then finds a runtime or gets one")
    };
    let path = match std::fs::metadata(path) {
        Err(_) => return Err(error("does not exist", "nothing")),
        Ok(data) if data.is_dir() => {
            library_in(path).ok_or_else(|| error("has no ONNX Runtime in it", "a folder without it"))?
        }
        Ok(_) => path.to_owned(),
    };
    let path = std::path::absolute(&path).unwrap_or(path);
    Ok(Runtime { path, origin })
}

fn beside_executable() -> Option<PathBuf> {
    let executable = std::env::current_exe().ok()?;
    let folder = executable.parent()?;
    library_in(folder).or_else(|| library_in(&folder.parent()?.join("lib")))
}

fn in_cache() -> Option<PathBuf> {
    library_in(&cache::installed()?)
}

fn in_python() -> Option<PathBuf> {
    let folder = python::package(python()?, "onnxruntime")?;
    library_in(&folder.join("capi"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_that_is_absent_is_an_error_not_a_search() {
        for search in [
            Search {
                named: Some("no/such.so".into()),
                ..Search::default()
            },
            Search {
                variable: Some("no/such.so".into()),
                ..Search::default()
            },
        ] {
            let error = find(&search).unwrap_err();
            assert!(
                error.to_string().contains("no/such.so: does not exist"),
                "{error}"
            );
            assert!(error.help().is_some());
        }
    }

    #[test]
    fn a_folder_without_a_library_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let search = Search {
            named: Some(folder.path().to_owned()),
            ..Search::default()
        };
        let error = find(&search).unwrap_err();
        assert!(error.to_string().contains("has no ONNX Runtime in it"), "{error}");
    }
}
