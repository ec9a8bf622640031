//! Errors of the crates as exceptions of the package, in the same words.

use prep_onnx_pipeline::Error;
use pyo3::prelude::*;

/// The exception of an error: `prep_onnx._errors` has a class for each kind.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let made = py.import("prep_onnx._errors").and_then(|module| {
        let words = (
            error.kind().as_str(),
            error.to_string(),
            error.reason(),
            error.help(),
        );
        module.call_method1("exception", words)
    });
    match made {
        Ok(made) => PyErr::from_value(made),
        Err(error) => error,
    }
}

/// Gives a result of the crates to Python.
pub(crate) trait OrRaise<T> {
    /// # Errors
    /// The exception of the error.
    fn or_raise(self, py: Python<'_>) -> PyResult<T>;
}

impl<T> OrRaise<T> for Result<T, Error> {
    fn or_raise(self, py: Python<'_>) -> PyResult<T> {
        self.map_err(|error| exception(py, &error))
    }
}
