//! The kernels of the op on NumPy arrays, without ONNX.

use std::num::NonZero;

use half::f16;
use numpy::{
    Element, PyArrayDyn, PyArrayMethods, PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArrayMethods,
};
use prep_onnx_op::{
    Executor, ExtraMut, Images, ListedImage, OutputMut, Preprocessor, Sequential, StagedPreprocessor, Threads,
};
use prep_onnx_pipeline::plan::OutputElement;
use prep_onnx_pipeline::{
    CHANNELS, Dtype, Error, ErrorKind, Notation, OutputKind, Pipeline, Plan, Result, SourceFormat,
};
use pyo3::prelude::*;

use crate::error::OrRaise;
use crate::padded::{PADDED, Packer};

/// A pipeline made ready to run, from any number of threads.
#[pyclass(frozen, module = "prep_onnx._native")]
pub(crate) struct Engine {
    plan: Plan,
    kernels: Kernels,
    packer: Packer,
}

enum Kernels {
    /// Of a plan that version 1 has: pixels to tensor in one pass.
    One(Box<Preprocessor>),
    Staged(Box<StagedPreprocessor>),
}

/// What a plan gives beside the tensor.
enum Extra<'py> {
    Float32(PyReadwriteArrayDyn<'py, f32>),
    Int64(PyReadwriteArrayDyn<'py, i64>),
}

/// The tensor.
enum Tensor<'py> {
    Float32(PyReadwriteArrayDyn<'py, f32>),
    Float16(PyReadwriteArrayDyn<'py, f16>),
    Uint8(PyReadwriteArrayDyn<'py, u8>),
}

/// The tensor, and the further outputs by name.
type Outputs<'py> = (Bound<'py, PyAny>, Vec<(&'static str, Bound<'py, PyAny>)>);

#[pymethods]
impl Engine {
    /// Prepares a pipeline, given as JSON, with further outputs.
    #[new]
    #[pyo3(signature = (pipeline, outputs=vec![]))]
    fn new(py: Python<'_>, pipeline: &str, outputs: Vec<String>) -> PyResult<Self> {
        Self::prepare(pipeline, &outputs).or_raise(py)
    }

    /// `nchw` or `nhwc`.
    #[getter]
    fn layout(&self) -> &'static str {
        self.plan.form.layout.name()
    }

    /// The element type of the tensor.
    #[getter]
    fn dtype(&self) -> &'static str {
        self.plan.form.dtype.name()
    }

    /// The name of the format that images are handed over in.
    #[getter]
    fn source(&self) -> &'static str {
        self.plan.source.name()
    }

    /// Values of a pixel in that format.
    #[getter]
    fn channels(&self) -> usize {
        self.plan.source.source_channels()
    }

    /// Height and width of the tensor, where every image gets the same.
    #[getter]
    fn output_size(&self) -> Option<(usize, usize)> {
        self.plan.fixed_output()
    }

    /// Runs on `images`: one array [N, H, W, C] where `batch`, else arrays [H, W, C], all of uint8 and C-contiguous; those of RGB
    /// may have a fourth byte in each pixel, which is no part of it. `out` takes the tensor.
    #[pyo3(signature = (images, *, batch, threads, out=None))]
    fn run<'py>(
        &self,
        py: Python<'py>,
        images: Vec<PyReadonlyArrayDyn<'py, u8>>,
        batch: bool,
        threads: NonZero<usize>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Outputs<'py>> {
        let shapes: Vec<Vec<i64>> = (images.iter())
            .map(|image| image.shape().iter().map(|extent| *extent as i64).collect())
            .collect();
        let slices = (images.iter())
            .map(|image| image.as_slice().map_err(|_| not_contiguous()))
            .collect::<Result<Vec<_>>>()
            .or_raise(py)?;
        if let (true, Some(image), Some(shape)) = (batch, slices.first(), shapes.first()) {
            return self.on(py, &Images::Batch { shape, image }, threads, out);
        }
        let mut listed = list(&shapes, &slices).or_raise(py)?;
        let packed = self.packed(py, &listed, threads).or_raise(py)?;
        for (image, packed) in listed.iter_mut().zip(&packed) {
            if let Some(pixels) = packed {
                image.shape[2] = CHANNELS as i64;
                image.pixels = pixels;
            }
        }
        let result = self.on(py, &Images::List(&listed), threads, out);
        self.packer.keep(packed);
        result
    }

    /// Runs on images of mixed sizes, one after another: uint8 `[total]` and int64 `[N, 3]` of height, width and channels.
    #[pyo3(signature = (pixels, shapes, *, threads, out=None))]
    fn run_ragged<'py>(
        &self,
        py: Python<'py>,
        pixels: PyReadonlyArrayDyn<'py, u8>,
        shapes: PyReadonlyArrayDyn<'py, i64>,
        threads: NonZero<usize>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Outputs<'py>> {
        let extents = |shape: &[usize]| shape.iter().map(|extent| *extent as i64).collect::<Vec<_>>();
        let (pixels_shape, shapes_shape) = (extents(pixels.shape()), extents(shapes.shape()));
        let input = Images::Ragged {
            pixels_shape: &pixels_shape,
            pixels: pixels.as_slice().map_err(|_| not_contiguous()).or_raise(py)?,
            shapes_shape: &shapes_shape,
            shapes: shapes.as_slice().map_err(|_| not_contiguous()).or_raise(py)?,
        };
        self.on(py, &input, threads, out)
    }
}

impl Engine {
    fn prepare(pipeline: &str, outputs: &[String]) -> Result<Self> {
        let pipeline = Pipeline::parse(pipeline, Notation::Json)?;
        let (layout, dtype) = pipeline.output.or_usual();
        let kinds = outputs
            .iter()
            .map(|name| name.parse())
            .collect::<Result<Vec<OutputKind>>>()?;
        if let Some(kind) = kinds.iter().find(|kind| !OutputKind::EXTRA.contains(kind)) {
            let known: Vec<_> = OutputKind::EXTRA.iter().map(|kind| kind.name()).collect();
            return Err(Error::new("outputs", "is no further output of a pipeline")
                .expected_got(known.join(", "), kind)
                .with_kind(ErrorKind::Usage));
        }
        let plan = pipeline.compile(layout, dtype)?.with_outputs(&kinds)?;
        let kernels = match plan.to_v1() {
            Ok(one) => Kernels::One(Box::new(Preprocessor::new(one)?)),
            Err(_) => Kernels::Staged(Box::new(StagedPreprocessor::new(plan.clone())?)),
        };
        Ok(Self {
            plan,
            kernels,
            packer: Packer::default(),
        })
    }

    /// The pixels of images that have a fourth byte in each, without it.
    fn packed(
        &self,
        py: Python<'_>,
        images: &[ListedImage<'_>],
        threads: NonZero<usize>,
    ) -> Result<Vec<Option<Vec<u8>>>> {
        let is_rgb = matches!(self.plan.source, SourceFormat::Rgb);
        let pixels: Vec<_> = (images.iter())
            .map(|image| (image.pixels, is_rgb && image.shape[2] == PADDED as i64))
            .collect();
        py.detach(|| self.packer.pack(&pixels, &Threads(threads)))
    }

    fn on<'py>(
        &self,
        py: Python<'py>,
        images: &Images<'_>,
        threads: NonZero<usize>,
        out: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Outputs<'py>> {
        let sequential = Sequential;
        let started = Threads(threads);
        let executor: &(dyn Executor + Sync) = match threads.get() {
            1 => &sequential,
            _ => &started,
        };
        let dtype = self.plan.form.dtype;
        match &self.kernels {
            Kernels::One(preprocessor) => {
                let shape = preprocessor
                    .output_shape(images)
                    .map_err(of_images)
                    .or_raise(py)?;
                let tensor = tensor(py, dtype, &shape.extents, out)?;
                let mut elements = Tensor::of(&tensor, dtype)?;
                let output = elements.output()?;
                py.detach(|| preprocessor.run(images, output, executor))
                    .map_err(of_images)
                    .or_raise(py)?;
                Ok((tensor, Vec::new()))
            }
            Kernels::Staged(preprocessor) => {
                let call = preprocessor.call(images).map_err(of_images).or_raise(py)?;
                let shape = call.shape();
                let tensor = tensor(py, dtype, &shape.tensor, out)?;
                let mut elements = Tensor::of(&tensor, dtype)?;
                let output = elements.output()?;
                let mut named = Vec::new();
                let mut arrays = Vec::new();
                for (kind, extents) in &shape.extras {
                    let array = empty(py, extra_dtype(*kind), extents)?;
                    arrays.push(Extra::of(&array, *kind)?);
                    named.push((kind.name(), array));
                }
                let mut extras = arrays
                    .iter_mut()
                    .map(Extra::output)
                    .collect::<PyResult<Vec<_>>>()?;
                py.detach(|| preprocessor.run(images, &call, output, &mut extras, executor))
                    .map_err(of_images)
                    .or_raise(py)?;
                Ok((tensor, named))
            }
        }
    }
}

fn list<'a>(shapes: &[Vec<i64>], slices: &[&'a [u8]]) -> Result<Vec<ListedImage<'a>>> {
    let image = |(index, (shape, pixels)): (usize, (&Vec<i64>, &&'a [u8]))| {
        let shape = <[i64; 3]>::try_from(shape.as_slice()).map_err(|_| {
            Error::new(format_args!("images[{index}]"), "has another rank")
                .expected_got("[height, width, channels]", format_args!("a shape of {shape:?}"))
                .with_kind(ErrorKind::Image)
        })?;
        Ok(ListedImage { shape, pixels })
    };
    shapes.iter().zip(slices).enumerate().map(image).collect()
}

/// The engine's errors without a kind are about what it was given.
fn of_images(error: Error) -> Error {
    error.or_kind(ErrorKind::Image)
}

fn not_contiguous() -> Error {
    Error::new("image", "does not lie in C order")
        .fix("hand over numpy.ascontiguousarray(image)")
        .with_kind(ErrorKind::Usage)
}

/// What NumPy calls the element type of an output.
fn extra_dtype(kind: OutputKind) -> &'static str {
    match kind.element() {
        OutputElement::Float32 => "float32",
        OutputElement::Int64 | OutputElement::OfPlan => "int64",
    }
}

/// An array whose elements are all going to be written.
fn empty<'py>(py: Python<'py>, dtype: &str, extents: &[usize]) -> PyResult<Bound<'py, PyAny>> {
    py.import("numpy")?
        .call_method1("empty", (extents.to_vec(), dtype))
}

/// The array for the tensor: a new one, or the one given for it.
fn tensor<'py>(
    py: Python<'py>,
    dtype: Dtype,
    extents: &[usize],
    out: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(out) = out else {
        return empty(py, dtype.name(), extents);
    };
    let shape: Vec<usize> = out.getattr("shape")?.extract()?;
    let given: String = out.getattr("dtype")?.getattr("name")?.extract()?;
    let contiguous: bool = out.getattr("flags")?.getattr("c_contiguous")?.extract()?;
    if shape == extents && given == dtype.name() && contiguous {
        return Ok(out);
    }
    let order = if contiguous { "" } else { ", not in C order" };
    let error = Error::new("out", "does not fit the tensor").expected_got(
        format_args!("{dtype} {extents:?} in C order"),
        format_args!("{given} {shape:?}{order}"),
    );
    Err(crate::error::exception(py, &error.with_kind(ErrorKind::Usage)))
}

fn writable<'py, T: Element>(array: &Bound<'py, PyAny>) -> PyResult<PyReadwriteArrayDyn<'py, T>> {
    let array = array.cast::<PyArrayDyn<T>>()?;
    Ok(array.try_readwrite()?)
}

impl<'py> Tensor<'py> {
    fn of(array: &Bound<'py, PyAny>, dtype: Dtype) -> PyResult<Self> {
        Ok(match dtype {
            Dtype::Float32 => Self::Float32(writable(array)?),
            Dtype::Float16 => Self::Float16(writable(array)?),
            Dtype::Uint8 => Self::Uint8(writable(array)?),
        })
    }

    fn output(&mut self) -> PyResult<OutputMut<'_>> {
        Ok(match self {
            Self::Float32(array) => OutputMut::Float32(array.as_slice_mut()?),
            Self::Float16(array) => OutputMut::Float16(array.as_slice_mut()?),
            Self::Uint8(array) => OutputMut::Uint8(array.as_slice_mut()?),
        })
    }
}

impl<'py> Extra<'py> {
    fn of(array: &Bound<'py, PyAny>, kind: OutputKind) -> PyResult<Self> {
        Ok(match kind.element() {
            OutputElement::Float32 => Self::Float32(writable(array)?),
            OutputElement::Int64 | OutputElement::OfPlan => Self::Int64(writable(array)?),
        })
    }

    fn output(&mut self) -> PyResult<ExtraMut<'_>> {
        Ok(match self {
            Self::Float32(array) => ExtraMut::Float32(array.as_slice_mut()?),
            Self::Int64(array) => ExtraMut::Int64(array.as_slice_mut()?),
        })
    }
}
