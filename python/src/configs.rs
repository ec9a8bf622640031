//! Reading pipelines from texts and names. A pipeline is its canonical JSON on the side of Python.

use prep_onnx_pipeline::{
    Error, Import, ImportOptions, Notation, PRESETS, Pipeline, Resampler, checkpoint, import_with, preset,
};
use pyo3::prelude::*;

use crate::error::OrRaise;

/// The JSON of a pipeline, and what was assumed on the way.
type Read = (String, Vec<String>);

fn read(import: Import) -> Read {
    (import.pipeline.to_json(), import.notes)
}

fn options<'a>(
    resampler: Option<&str>,
    size: Option<[usize; 2]>,
    model_config: Option<&'a str>,
) -> Result<ImportOptions<'a>, Error> {
    let resampler = resampler.map(str::parse::<Resampler>).transpose()?;
    Ok(ImportOptions {
        resampler,
        size,
        model_config,
    })
}

/// Reads the text of a config: of another library, or a pipeline in JSON or, with `toml`, in TOML.
#[pyfunction]
#[pyo3(signature = (text, *, toml=false, resampler=None, size=None, model_config=None))]
pub(crate) fn read_config(
    py: Python<'_>,
    text: &str,
    toml: bool,
    resampler: Option<&str>,
    size: Option<[usize; 2]>,
    model_config: Option<&str>,
) -> PyResult<Read> {
    let notation = if toml { Notation::Toml } else { Notation::Json };
    let import = options(resampler, size, model_config).and_then(|asked| import_with(text, notation, &asked));
    import.map(read).or_raise(py)
}

/// Reads a preset, a checkpoint's id, or `timm:`, `torchvision:` or `open_clip:` with the name of a pretrained model.
#[pyfunction]
#[pyo3(signature = (name, *, resampler=None, size=None))]
pub(crate) fn read_named(
    py: Python<'_>,
    name: &str,
    resampler: Option<&str>,
    size: Option<[usize; 2]>,
) -> PyResult<Read> {
    let import = options(resampler, size, None).and_then(|asked| match (preset(name), checkpoint(name)) {
        (Ok(preset), _) => preset.import_with(&asked),
        (Err(_), Some(found)) => found?.import_with(&asked),
        (Err(unknown), None) => Err(unknown),
    });
    import.map(read).or_raise(py)
}

/// The names of the presets.
#[pyfunction]
pub(crate) fn presets() -> Vec<&'static str> {
    PRESETS.iter().map(|preset| preset.name).collect()
}

/// The JSON of a pipeline as TOML.
#[pyfunction]
pub(crate) fn to_toml(py: Python<'_>, pipeline: &str) -> PyResult<String> {
    let pipeline = Pipeline::parse(pipeline, Notation::Json).or_raise(py)?;
    Ok(pipeline.to_toml())
}
