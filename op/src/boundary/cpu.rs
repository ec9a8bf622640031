//! What a node computes with on the CPU.

use std::ffi::c_void;
use std::num::NonZero;

use half::f16;
use prep_onnx_pipeline::{Accept, Dtype, FusedPlan};

use super::api::{Context, KernelInfo, SessionThreads};
use super::encoded;
use super::kernel::Work;
use super::registration::Entry;
use super::status::Failure;
use crate::encoded::EncodedPreprocessor;
use crate::run::{Images, OutputMut, Preprocessor};

pub(super) struct Cpu {
    threads: NonZero<usize>,
    input: Input,
}

enum Input {
    Batch(Preprocessor),
    Ragged(Preprocessor),
    Files(EncodedPreprocessor),
}

impl Work for Cpu {
    fn new(entry: &Entry, plan: FusedPlan, info: &KernelInfo<'_>) -> Result<Self, Failure> {
        Ok(Self {
            threads: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            input: match entry.accept {
                Accept::Batch => Input::Batch(Preprocessor::new(plan)?),
                Accept::Ragged => Input::Ragged(Preprocessor::new(plan)?),
                Accept::Encoded => Input::Files(encoded::prepare(plan, info)?),
            },
        })
    }

    fn compute(&self, context: Context<'_>) -> Result<(), Failure> {
        match &self.input {
            Input::Batch(preprocessor) => {
                let image = context.input::<u8>(0, "image")?;
                let images = Images::Batch {
                    shape: image.extents.as_slice(),
                    image: image.elements,
                };
                self.run(preprocessor, context, &images)
            }
            Input::Ragged(preprocessor) => {
                let pixels = context.input::<u8>(0, "pixels")?;
                let shapes = context.input::<i64>(1, "shapes")?;
                let images = Images::Ragged {
                    pixels_shape: pixels.extents.as_slice(),
                    pixels: pixels.elements,
                    shapes_shape: shapes.extents.as_slice(),
                    shapes: shapes.elements,
                };
                self.run(preprocessor, context, &images)
            }
            Input::Files(preprocessor) => encoded::compute(preprocessor, self.threads, context),
        }
    }
}

impl Cpu {
    fn run(
        &self,
        preprocessor: &Preprocessor,
        context: Context<'_>,
        images: &Images<'_>,
    ) -> Result<(), Failure> {
        let shape = preprocessor.output_shape(images)?;
        let data = context.output(0, &shape.extents)?;
        let length = shape.extents.iter().product();
        if length == 0 {
            return Ok(());
        }
        // SAFETY: ONNX Runtime made the output with these extents and, as `get_output_type` says and
        // `create_kernel` compares, the plan's element type.
        let output = unsafe { output_elements(data, preprocessor.plan().dtype, length) };
        let threads = SessionThreads {
            context,
            threads: self.threads,
        };
        Ok(preprocessor.run(images, output, &threads)?)
    }
}

/// The elements of an output that is there to be written.
///
/// # Safety
/// At `data` are `length` elements of type `dtype`, aligned, which nobody else has for the lifetime `'a`.
/// They come from ONNX Runtime's allocator, so they hold some bytes, though not known ones; every bit
/// pattern is a value of these types, and the kernel writes every element before it reads it.
pub(super) unsafe fn output_elements<'a>(data: *mut c_void, dtype: Dtype, length: usize) -> OutputMut<'a> {
    // SAFETY: promised by the caller.
    unsafe {
        match dtype {
            Dtype::Float32 => OutputMut::Float32(std::slice::from_raw_parts_mut(data.cast(), length)),
            Dtype::Float16 => OutputMut::Float16(std::slice::from_raw_parts_mut(data.cast::<f16>(), length)),
            Dtype::Uint8 => OutputMut::Uint8(std::slice::from_raw_parts_mut(data.cast(), length)),
        }
    }
}
