//! What a node computes with on the CPU.

use std::num::NonZero;

use prep_onnx_pipeline::{Accept, Plan, Version};

use super::api::{Context, KernelInfo, SessionThreads};
use super::encoded;
use super::entry::Entry;
use super::kernel::Work;
use super::outputs::output_elements;
use super::staged::{Staged, StagedEncoded};
use super::status::Failure;
use crate::encoded::EncodedPreprocessor;
use crate::run::{Images, Preprocessor};

pub(super) struct Cpu {
    threads: NonZero<usize>,
    input: Input,
}

enum Input {
    Batch(Preprocessor),
    Ragged(Preprocessor),
    Files(EncodedPreprocessor),
    Staged(Staged),
    StagedFiles(StagedEncoded),
}

impl Work for Cpu {
    fn new(entry: &Entry, plan: Plan, info: &KernelInfo<'_>) -> Result<Self, Failure> {
        let input = match (entry.signature.version, entry.signature.accept) {
            (Version::V1, Accept::Batch) => Input::Batch(Preprocessor::new(plan.to_v1()?)?),
            (Version::V1, Accept::Ragged) => Input::Ragged(Preprocessor::new(plan.to_v1()?)?),
            (Version::V1, Accept::Encoded) => Input::Files(encoded::prepare(plan.to_v1()?, info)?),
            (Version::V2, Accept::Batch | Accept::Ragged) => Input::Staged(Staged::new(entry, plan)?),
            (Version::V2, Accept::Encoded) => Input::StagedFiles(StagedEncoded::new(plan, info)?),
        };
        Ok(Self {
            threads: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            input,
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
            Input::Staged(staged) => staged.compute(self.threads, context),
            Input::StagedFiles(staged) => staged.compute(self.threads, context),
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
