//! Learning the pipeline of a callable.

use half::f16;
use ndarray::ArrayView3;
use numpy::{Element, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods, ToPyArray};
use prep_onnx_pipeline::fit;
use prep_onnx_pipeline::{Elements, Error, ErrorKind, Result, Tensor};
use pyo3::prelude::*;

use crate::error::exception;

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
    let read = elements::<f32>(&answer)
        .map(|(shape, values)| (shape, Elements::Float32(values)))
        .or_else(|| elements::<f16>(&answer).map(|(shape, values)| (shape, Elements::Float16(values))))
        .or_else(|| elements::<u8>(&answer).map(|(shape, values)| (shape, Elements::Uint8(values))));
    match read {
        Some((shape, elements)) => Ok(Tensor { shape, elements }),
        None => {
            let got = answer
                .get_type()
                .name()
                .map_or_else(|_| "something else".to_owned(), |name| name.to_string());
            let got = answer.getattr("dtype").map_or(got, |dtype| dtype.to_string());
            Err(Failed::Unreadable(
                Error::new("the callable", "gives no array that can be read")
                    .expected_got("an array of float32, float16 or uint8", got)
                    .with_kind(ErrorKind::Usage),
            ))
        }
    }
}

fn elements<T: Element + Copy>(answer: &Bound<'_, PyAny>) -> Option<(Vec<usize>, Vec<T>)> {
    let array = answer.cast::<PyArrayDyn<T>>().ok()?;
    let values = array.try_readonly().ok()?.as_array().iter().copied().collect();
    Some((array.shape().to_vec(), values))
}
