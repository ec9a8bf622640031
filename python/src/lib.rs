//! The extension module `prep_onnx._native`: the crates as Python calls them. The package around it, in `prep_onnx/`, has the
//! names that users see.
// The macros of PyO3 write `unsafe` code: none of it is written here by hand.
#![deny(unsafe_code)]

mod configs;
mod diagnosing;
mod engine;
mod error;
mod learning;
mod loader;
mod padded;
mod program;
mod tensors;

use pyo3::prelude::*;

/// The crates of prep-onnx.
// Its classes are frozen, and what changes in them is behind locks: no part of it needs the GIL.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::configs::{presets, read_config, read_named, to_toml};
    #[pymodule_export]
    use crate::diagnosing::diagnose;
    #[pymodule_export]
    use crate::engine::Engine;
    #[pymodule_export]
    use crate::learning::learn;
    #[pymodule_export]
    use crate::loader::Loader;
    #[pymodule_export]
    use crate::program::{call, install, main};

    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "the name that Python's modules give it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");
}
