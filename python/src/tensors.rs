//! Arrays of NumPy as tensors of another program.

use half::f16;
use numpy::{Element, PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use prep_onnx_pipeline::{Elements, Tensor};
use pyo3::prelude::*;

/// What [`read`] reads.
pub(crate) const EXPECTED: &str = "an array of float32, float16 or uint8";

/// The array as a tensor; `None` where it is none, or has other elements.
pub(crate) fn read(array: &Bound<'_, PyAny>) -> Option<Tensor> {
    let (shape, elements) = elements::<f32>(array)
        .map(|(shape, values)| (shape, Elements::Float32(values)))
        .or_else(|| elements::<f16>(array).map(|(shape, values)| (shape, Elements::Float16(values))))
        .or_else(|| elements::<u8>(array).map(|(shape, values)| (shape, Elements::Uint8(values))))?;
    Some(Tensor { shape, elements })
}

/// What it is, in a word: the element type of an array, else the type of the object.
pub(crate) fn kind(object: &Bound<'_, PyAny>) -> String {
    let type_name = object.get_type().name();
    let name = type_name.map_or_else(|_| "something else".to_owned(), |name| name.to_string());
    object.getattr("dtype").map_or(name, |dtype| dtype.to_string())
}

fn elements<T: Element + Copy>(array: &Bound<'_, PyAny>) -> Option<(Vec<usize>, Vec<T>)> {
    let array = array.cast::<PyArrayDyn<T>>().ok()?;
    let values = array.try_readonly().ok()?.as_array().iter().copied().collect();
    Some((array.shape().to_vec(), values))
}
