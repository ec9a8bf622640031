//! The kernel of the ops of version 2.

use std::ffi::c_void;
use std::num::NonZero;

use prep_onnx_pipeline::plan::OutputElement;
use prep_onnx_pipeline::{Accept, Plan};

use super::api::{Context, KernelInfo, SessionThreads};
use super::encoded::on_bad_image;
use super::entry::Entry;
use super::outputs::output_elements;
use super::status::Failure;
use crate::encoded::{Files, StagedFiles};
use crate::run::{Images, grow};
use crate::staged::{ExtraMut, StagedPreprocessor, StagedShape};

/// Pixels of images.
pub(super) struct Staged {
    accept: Accept,
    preprocessor: StagedPreprocessor,
}

/// Encoded images.
pub(super) struct StagedEncoded {
    files: StagedFiles,
}

impl Staged {
    pub(super) fn new(entry: &Entry, plan: Plan) -> Result<Self, Failure> {
        Ok(Self {
            accept: entry.signature.accept,
            preprocessor: StagedPreprocessor::new(plan)?,
        })
    }

    pub(super) fn compute(&self, threads: NonZero<usize>, context: Context<'_>) -> Result<(), Failure> {
        let pixels = context.input::<u8>(0, self.accept.form().inputs[0].name)?;
        let shapes = match self.accept {
            Accept::Ragged => Some(context.input::<i64>(1, "shapes")?),
            Accept::Batch | Accept::Encoded => None,
        };
        let images = match &shapes {
            Some(shapes) => Images::Ragged {
                pixels_shape: pixels.extents.as_slice(),
                pixels: pixels.elements,
                shapes_shape: shapes.extents.as_slice(),
                shapes: shapes.elements,
            },
            None => Images::Batch {
                shape: pixels.extents.as_slice(),
                image: pixels.elements,
            },
        };
        let call = self.preprocessor.call(&images)?;
        let plan = self.preprocessor.plan();
        let mut made = Outputs::make(context, plan, call.shape(), 1)?;
        // SAFETY: `made` holds what ONNX Runtime made for this call, and nobody else has it.
        let (tensor, mut extras) = unsafe { made.elements(plan, call.shape()) };
        let executor = SessionThreads { context, threads };
        Ok(self
            .preprocessor
            .run(&images, &call, tensor, &mut extras, &executor)?)
    }
}

impl StagedEncoded {
    pub(super) fn new(plan: Plan, info: &KernelInfo<'_>) -> Result<Self, Failure> {
        Ok(Self {
            files: StagedFiles::new(plan, on_bad_image(info)?)?,
        })
    }

    pub(super) fn compute(&self, threads: NonZero<usize>, context: Context<'_>) -> Result<(), Failure> {
        let bytes = context.input::<u8>(0, "bytes")?;
        let lengths = context.input::<i64>(1, "lengths")?;
        let files = Files {
            bytes_shape: bytes.extents.as_slice(),
            bytes: bytes.elements,
            lengths_shape: lengths.extents.as_slice(),
            lengths: lengths.elements,
        };
        let call = self.files.call(&files)?;
        let plan = self.files.plan();
        let mut made = Outputs::make(context, plan, call.shape(), 2)?;
        let status = if context.output_count()? > 1 {
            context.output(1, &[call.shape().images])?.cast::<i64>()
        } else {
            std::ptr::null_mut()
        };
        // SAFETY: `made` holds what ONNX Runtime made for this call, and nobody else has it.
        let (tensor, mut extras) = unsafe { made.elements(plan, call.shape()) };
        let status = if status.is_null() || call.shape().images == 0 {
            None
        } else {
            // SAFETY: ONNX Runtime made the output with an int64 for each image, it is aligned, and nobody else
            // has it yet; zero bytes are values of int64, and every one is written before it is read.
            Some(unsafe {
                status.write_bytes(0, call.shape().images);
                std::slice::from_raw_parts_mut(status, call.shape().images)
            })
        };
        let executor = SessionThreads { context, threads };
        Ok(self.files.run(call, tensor, &mut extras, status, &executor)?)
    }
}

/// The addresses of a call's outputs.
struct Outputs {
    tensor: *mut c_void,
    /// Null for one that nobody uses.
    extras: Vec<*mut c_void>,
    /// What stands in for those.
    spare: Vec<Vec<i64>>,
}

impl Outputs {
    /// `before` outputs come before those that the plan asks for.
    fn make(context: Context<'_>, plan: &Plan, shape: &StagedShape, before: usize) -> Result<Self, Failure> {
        let tensor = context.output(0, &shape.tensor)?;
        let present = context.output_count()?;
        let mut extras = Vec::with_capacity(plan.outputs.len());
        let mut spare = Vec::new();
        for (index, (_, extents)) in shape.extras.iter().enumerate() {
            let at = before + index;
            let made = if at < present {
                context.output(at, extents)?
            } else {
                std::ptr::null_mut()
            };
            extras.push(made);
            let mut stand_in = Vec::new();
            if made.is_null() {
                grow(&mut stand_in, extents.iter().product(), 0)?;
            }
            spare.push(stand_in);
        }
        Ok(Self {
            tensor,
            extras,
            spare,
        })
    }

    /// # Safety
    /// The outputs were made with the extents of `shape`, and nobody else has their elements while these are used.
    unsafe fn elements<'a>(
        &'a mut self,
        plan: &Plan,
        shape: &StagedShape,
    ) -> (crate::run::OutputMut<'a>, Vec<ExtraMut<'a>>) {
        let length = shape.tensor.iter().product();
        let dangling = std::ptr::NonNull::<i64>::dangling().as_ptr().cast::<c_void>();
        let address = |made: *mut c_void, length: usize| if length == 0 { dangling } else { made };
        // SAFETY: ONNX Runtime made the output with these extents and the plan's element type; of none, any aligned
        // address is one.
        let tensor = unsafe { output_elements(address(self.tensor, length), plan.form.dtype, length) };
        let mut extras = Vec::with_capacity(shape.extras.len());
        for (((kind, extents), made), spare) in (shape.extras.iter()).zip(&self.extras).zip(&mut self.spare) {
            let length: usize = extents.iter().product();
            let made = if made.is_null() {
                spare.as_mut_ptr().cast()
            } else {
                *made
            };
            let at = address(made, length);
            // SAFETY: as above, since the op has this type at this place, which `plan` compares; what stands in has an int64 for
            // each element.
            extras.push(unsafe {
                match kind.element() {
                    OutputElement::Float32 => {
                        ExtraMut::Float32(std::slice::from_raw_parts_mut(at.cast(), length))
                    }
                    OutputElement::OfPlan | OutputElement::Int64 => {
                        ExtraMut::Int64(std::slice::from_raw_parts_mut(at.cast(), length))
                    }
                }
            });
        }
        (tensor, extras)
    }
}
