//! What another program does otherwise with an image.

use numpy::{IntoPyArray, PyArray3, PyReadonlyArray3};
use prep_onnx_pipeline::fit;
use prep_onnx_pipeline::{Error, ErrorKind, Notation, Pipeline};
use pyo3::prelude::*;

use crate::error::OrRaise;
use crate::tensors;

/// A mistake and its text.
type Finding = (&'static str, String);

/// Whether it is equal, what is otherwise, whether that accounts for all, the mean and the largest distance left, and the picture.
type Diagnosed<'py> = (bool, Vec<Finding>, bool, f64, f64, Bound<'py, PyArray3<u8>>);

/// Compares `tensor`, which a program made of `image` (uint8 [height, width, 3], RGB), with the pipeline, given as JSON.
#[pyfunction]
pub(crate) fn diagnose<'py>(
    py: Python<'py>,
    pipeline: &str,
    image: PyReadonlyArray3<'py, u8>,
    tensor: &Bound<'py, PyAny>,
) -> PyResult<Diagnosed<'py>> {
    let pipeline = Pipeline::parse(pipeline, Notation::Json).or_raise(py)?;
    let (layout, dtype) = pipeline.output.or_usual();
    let given = tensors::read(tensor)
        .ok_or_else(|| {
            Error::new("tensor", "is no array that can be read")
                .expected_got(tensors::EXPECTED, tensors::kind(tensor))
                .with_kind(ErrorKind::Usage)
        })
        .or_raise(py)?;
    let photo = image.as_array();
    let found = py
        .detach(|| fit::diagnose(&pipeline, layout, dtype, photo, &given))
        .or_raise(py)?;
    let findings = found
        .findings
        .into_iter()
        .map(|finding| (finding.mistake.name(), finding.text));
    let picture = found.picture.into_pyarray(py);
    Ok((
        found.equal,
        findings.collect(),
        found.explained,
        found.mean,
        found.largest,
        picture,
    ))
}
