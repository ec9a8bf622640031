//! The command line, as a program and as a call.

use std::ffi::OsString;
use std::path::PathBuf;

use prep_onnx::installation::Installation;
use prep_onnx_pipeline::{Notation, Pipeline};
use pyo3::prelude::*;
use serde_json::Value;

use crate::error::OrRaise;

/// Runs the command line: `arguments` with the name of the program first. Its exit code.
#[pyfunction]
pub(crate) fn main(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| prep_onnx::main_with(arguments))
}

/// Runs a command: the fields of its answer to `--json` as text, and whether it ended well. `pipeline` is the JSON of one.
#[pyfunction]
#[pyo3(signature = (arguments, pipeline=None))]
pub(crate) fn call(
    py: Python<'_>,
    arguments: Vec<OsString>,
    pipeline: Option<&str>,
) -> PyResult<(String, bool)> {
    let pipeline = pipeline.map(|text| Pipeline::parse(text, Notation::Json));
    let pipeline = pipeline.transpose().or_raise(py)?;
    let called = py.detach(|| prep_onnx::call(arguments, pipeline)).or_raise(py)?;
    Ok((Value::Object(called.fields).to_string(), called.ok))
}

/// Says where the files of the package are.
#[pyfunction]
#[pyo3(signature = (op_library, python=None))]
pub(crate) fn install(op_library: PathBuf, python: Option<PathBuf>) {
    Installation { op_library, python }.set();
}
