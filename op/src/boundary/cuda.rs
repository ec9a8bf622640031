//! What a node computes with on CUDA.

use prep_onnx_pipeline::{Accept, Error, Plan};

use super::api::{Context, KernelInfo};
use super::entry::Entry;
use super::kernel::Work;
use super::status::Failure;
use crate::cuda::{DeviceImages, Preprocessor, Stream};
use crate::run::ImageShapes;

pub(super) struct Cuda {
    accept: Accept,
    preprocessor: Preprocessor,
}

impl Work for Cuda {
    fn new(entry: &Entry, plan: Plan, _: &KernelInfo<'_>) -> Result<Self, Failure> {
        Ok(Self {
            accept: entry.signature.accept,
            preprocessor: Preprocessor::new(plan.to_v1()?)?,
        })
    }

    fn compute(&self, context: Context<'_>) -> Result<(), Failure> {
        let subject = match self.accept {
            Accept::Batch => "image",
            Accept::Ragged => "pixels",
            Accept::Encoded => {
                return Err(Error::new("bytes", "files are not decoded on a GPU").into());
            }
        };
        let pixels = context.raw_input::<u8>(0, subject)?;
        let shapes = match self.accept {
            Accept::Ragged => Some(context.input::<i64>(1, "shapes")?),
            Accept::Batch | Accept::Encoded => None,
        };
        let images = DeviceImages {
            pixels: pixels.address.addr() as u64,
            shapes: match &shapes {
                None => ImageShapes::Batch {
                    shape: pixels.extents.as_slice(),
                    length: pixels.count,
                },
                Some(shapes) => ImageShapes::Ragged {
                    pixels_shape: pixels.extents.as_slice(),
                    length: pixels.count,
                    shapes_shape: shapes.extents.as_slice(),
                    shapes: shapes.elements,
                },
            },
        };
        let shape = self.preprocessor.output_shape(&images.shapes)?;
        let output = context.output(0, &shape.extents)?;
        let stream = Stream(context.gpu_stream()?);
        // SAFETY: ONNX Runtime gives a node of the CUDA execution provider its inputs and outputs in device
        // memory, with the elements and types that it says and that `plan` compares, and keeps them until the
        // work that was put on its stream is done.
        unsafe { self.preprocessor.launch(&images, output.addr() as u64, stream) }?;
        Ok(())
    }
}
