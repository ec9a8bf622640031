//! Learning the pipeline of a callable.

use ndarray::ArrayView3;
use numpy::ToPyArray;
use prep_onnx_pipeline::fit;
use prep_onnx_pipeline::{Error, ErrorKind, Result, Tensor};
use pyo3::prelude::*;

use crate::error::exception;
use crate::tensors;

/// The JSON of the pipeline, notes, and how many probes were asked about and confirmed it.
type Learned = (String, Vec<String>, usize, usize);

/// Learns what `call` does: it gets uint8 [height, width, 3] and gives an array of float32, float16 or uint8. `on` is told what goes on.
#[pyfunction]
#[pyo3(signature = (call, probes, on=None))]
pub(crate) fn learn(
    py: Python<'_>,
    call: Py<PyAny>,
    probes: Option<usize>,
    on: Option<Py<PyAny>>,
) -> PyResult<Learned> {
    let mut raised = None;
    let result = py.detach(|| {
        let mut told = None;
        let learned = fit::learn(
            &mut |image| {
                Python::attach(|py| answer(py, &call, image)).map_err(|failed| match failed {
                    Failed::Raised(error) => {
                        let words = Error::new("the callable", format_args!("raised {error}"));
                        raised = Some(error);
                        words
                    }
                    Failed::Unreadable(error) => error,
                })
            },
            probes.unwrap_or(fit::PROBES),
            &mut |progress| {
                if let Some(on) = &on {
                    let words = (progress.asked, progress.most, progress.stage);
                    told = Python::attach(|py| on.call1(py, words).err()).or(told.take());
                }
            },
        );
        (learned, told)
    });
    let (learned, told) = result;
    // An interrupt in the callable, too.
    if let Some(error) = raised.or(told) {
        return Err(error);
    }
    match learned {
        Ok(learned) => Ok((
            learned.pipeline.to_json(),
            learned.notes,
            learned.probes,
            learned.confirmed,
        )),
        Err(refusal) => {
            let near = refusal.nearest.as_ref().map(|near| {
                let (height, width) = near.size;
                format!(
                    "the nearest pipeline differs in {:.2} % of the values of an image of {height} x {width}, by up to {} steps, {}",
                    near.differing * 100.0,
                    near.largest,
                    near.place
                )
            });
            let error = refusal.error.or_kind(ErrorKind::Unsupported);
            let error = match (error.reason(), near) {
                (None, Some(near)) => error.why(near),
                (Some(_) | None, _) => error,
            };
            Err(exception(py, &error))
        }
    }
}

enum Failed {
    Raised(PyErr),
    Unreadable(Error),
}

fn answer(py: Python<'_>, call: &Py<PyAny>, image: ArrayView3<'_, u8>) -> Result<Tensor, Failed> {
    let image = image.to_pyarray(py);
    let answer = call.bind(py).call1((image,)).map_err(Failed::Raised)?;
    tensors::read(&answer).ok_or_else(|| {
        Failed::Unreadable(
            Error::new("the callable", "gives no array that can be read")
                .expected_got(tensors::EXPECTED, tensors::kind(&answer))
                .with_kind(ErrorKind::Usage),
        )
    })
}
