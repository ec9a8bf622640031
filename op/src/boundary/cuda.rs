//! What a node computes with on CUDA.

use std::num::NonZero;

use prep_onnx_pipeline::{Accept, Error, Plan, Version};

use super::api::{Context, Extents, Input, KernelInfo, RawInput, SessionThreads};
use super::entry::Entry;
use super::kernel::Work;
use super::status::Failure;
use crate::cuda::{DeviceImages, Preprocessor, StagedPreprocessor, Stream};
use crate::run::ImageShapes;

pub(super) struct Cuda {
    accept: Accept,
    plan: Prepared,
}

enum Prepared {
    Fused(Preprocessor),
    Staged(Box<StagedPreprocessor>),
}

impl Work for Cuda {
    fn new(entry: &Entry, plan: Plan, _: &KernelInfo<'_>) -> Result<Self, Failure> {
        Ok(Self {
            accept: entry.signature.accept,
            plan: match entry.signature.version {
                Version::V1 => Prepared::Fused(Preprocessor::new(plan.to_v1()?)?),
                Version::V2 => Prepared::Staged(Box::new(StagedPreprocessor::new(plan)?)),
            },
        })
    }

    fn compute(&self, context: Context<'_>) -> Result<(), Failure> {
        let inputs = Inputs::of(self.accept, context)?;
        let images = inputs.images();
        let stream = Stream(context.gpu_stream()?);
        match &self.plan {
            Prepared::Fused(preprocessor) => {
                let shape = preprocessor.output_shape(&images.shapes)?;
                let output = context.output(0, &shape.extents)?;
                // SAFETY: ONNX Runtime gives a node of the CUDA execution provider its inputs and outputs in device
                // memory, with the elements and types that it says and that `plan` compares, and keeps them until the
                // work that was put on its stream is done.
                unsafe { preprocessor.launch(&images, output.addr() as u64, stream) }?;
            }
            Prepared::Staged(preprocessor) => {
                let call = preprocessor.call(&images.shapes)?;
                let tensor = context.output(0, &call.shape().tensor)?;
                let present = context.output_count()?;
                let mut extras = Vec::with_capacity(call.shape().extras.len());
                for (index, (_, extents)) in call.shape().extras.iter().enumerate() {
                    let made = if index + 1 < present {
                        context.output(index + 1, extents)?
                    } else {
                        std::ptr::null_mut()
                    };
                    extras.push(made.addr() as u64);
                }
                let executor = SessionThreads {
                    context,
                    threads: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
                };
                // SAFETY: as above; the outputs have the extents of `call`, which was made of the same shapes.
                unsafe {
                    preprocessor.launch(&images, &call, tensor.addr() as u64, &extras, stream, &executor)
                }?;
            }
        }
        Ok(())
    }
}

/// The inputs of a call: pixels in device memory, shapes in that of the host.
struct Inputs<'a> {
    pixels: RawInput,
    shapes: Option<Input<'a, i64>>,
}

impl<'a> Inputs<'a> {
    fn of(accept: Accept, context: Context<'a>) -> Result<Self, Failure> {
        if accept.form().decodes {
            return Err(Error::new("bytes", "files are not decoded on a GPU").into());
        }
        Ok(Self {
            pixels: context.raw_input::<u8>(0, accept.form().inputs[0].name)?,
            shapes: match accept {
                Accept::Ragged => Some(context.input::<i64>(1, "shapes")?),
                Accept::Batch | Accept::Encoded => None,
            },
        })
    }

    fn images(&self) -> DeviceImages<'_> {
        let extents: &Extents = &self.pixels.extents;
        DeviceImages {
            pixels: self.pixels.address.addr() as u64,
            shapes: match &self.shapes {
                None => ImageShapes::Batch {
                    shape: extents.as_slice(),
                    length: self.pixels.count,
                },
                Some(shapes) => ImageShapes::Ragged {
                    pixels_shape: extents.as_slice(),
                    length: self.pixels.count,
                    shapes_shape: shapes.extents.as_slice(),
                    shapes: shapes.elements,
                },
            },
        }
    }
}
