//! Between device and host: what has no kernel, and calls on host memory.

use half::f16;
use prep_onnx_pipeline::{Dtype, Error, Plan, Result};

use super::context::{Buffer, Context};
use super::driver::DeviceAddress;
use super::engine::Target;
use super::preprocessor::{DeviceImages, apart};
use crate::run::{Executor, ImageShapes, Images, OutputMut, Pixels, check_elements, grow};
use crate::staged::{ExtraMut, StagedCall, StagedPreprocessor};

/// A plan that is computed by the CPU's op, from device memory to device memory.
pub(super) struct OnHost {
    op: StagedPreprocessor,
    /// What there is no kernel for.
    what: &'static str,
}

impl OnHost {
    pub(super) fn new(plan: Plan, what: &'static str) -> Result<Self> {
        Ok(Self {
            op: StagedPreprocessor::new(plan)?,
            what,
        })
    }

    /// # Safety
    /// As for `cuda::StagedPreprocessor::launch`; the context of `target` is current.
    pub(super) unsafe fn run(
        &self,
        target: Target<'_>,
        images: &DeviceImages<'_>,
        call: &StagedCall,
        tensor: DeviceAddress,
        extras: &[DeviceAddress],
        executor: &dyn Executor,
    ) -> Result<()> {
        let driver = target.context.driver();
        let length = match images.shapes {
            ImageShapes::Batch { length, .. } | ImageShapes::Ragged { length, .. } => length,
            ImageShapes::List(_) => return Err(apart()),
        };
        let copied = |error: Error| self.explained(error);
        let mut pixels = Vec::new();
        grow(&mut pixels, length, 0_u8)?;
        // SAFETY: the input has this many bytes, as the caller promises, and so has the buffer.
        unsafe { driver.download(images.pixels, pixels.as_mut_ptr(), length, target.stream) }
            .map_err(copied)?;
        let images = match images.shapes {
            ImageShapes::Batch { shape, .. } => Images::Batch {
                shape,
                image: &pixels,
            },
            ImageShapes::Ragged {
                pixels_shape,
                shapes_shape,
                shapes,
                ..
            } => Images::Ragged {
                pixels_shape,
                pixels: &pixels,
                shapes_shape,
                shapes,
            },
            ImageShapes::List(_) => return Err(apart()),
        };
        let plan = self.op.plan();
        let mut elements = Elements::new(plan.form.dtype, call.shape().tensor.iter().product())?;
        let mut more = Vec::new();
        for (kind, extents) in &call.shape().extras {
            more.push(Extra::new(*kind, extents.iter().product())?);
        }
        let mut made: Vec<_> = more.iter_mut().map(Extra::output).collect();
        self.op
            .run(&images, call, elements.output(), &mut made, executor)?;
        // SAFETY: the outputs have the extents and types of `call`, as the caller promises; each copy is waited for.
        unsafe {
            driver
                .upload(elements.bytes(), tensor, target.stream)
                .map_err(copied)?;
            for (extra, address) in more.iter().zip(extras).filter(|(_, address)| **address != 0) {
                driver
                    .upload(extra.bytes(), *address, target.stream)
                    .map_err(copied)?;
            }
        }
        Ok(())
    }

    /// Why the driver is called as no kernel needs it.
    fn explained(&self, error: Error) -> Error {
        error.within(format_args!("{}, which has no CUDA kernel", self.what))
    }
}

/// Copies images to the GPU, lets `run` work there, and copies the outputs back.
///
/// # Errors
/// When an output does not fit, and those of `run` and of the driver.
pub(super) fn through_device(
    images: &Images<'_>,
    call: &StagedCall,
    plan: &Plan,
    mut tensor: OutputMut<'_>,
    extras: &mut [ExtraMut<'_>],
    run: impl FnOnce(&DeviceImages<'_>, DeviceAddress, &[DeviceAddress]) -> Result<()>,
) -> Result<()> {
    let Pixels::Joined(joined) = images.pixels() else {
        return Err(apart());
    };
    let shape = call.shape();
    check_elements(plan.form.dtype, &shape.tensor, &mut tensor)?;
    shape.check_extras(extras)?;
    let stream = std::ptr::null_mut();
    // SAFETY: the null stream needs nothing.
    let context = unsafe { Context::current(stream) }?;
    // SAFETY: the context is current.
    let pixels = unsafe { Buffer::with_bytes(&context, joined, stream) }?;
    let (elements, length) = tensor.elements();
    let mut outputs = vec![(elements, length * crate::run::element_size(plan.form.dtype))];
    for extra in extras.iter_mut() {
        outputs.push(match extra {
            ExtraMut::Float32(elements) => (elements.as_mut_ptr().cast(), size_of_val(*elements)),
            ExtraMut::Int64(elements) => (elements.as_mut_ptr().cast(), size_of_val(*elements)),
        });
    }
    let buffers = (outputs.iter())
        .map(|(_, bytes)| Buffer::new(&context, *bytes))
        .collect::<Result<Vec<_>>>()?;
    let addresses: Vec<DeviceAddress> = buffers.iter().map(Buffer::address).collect();
    let on_device = DeviceImages {
        pixels: pixels.address(),
        shapes: images.shapes(),
    };
    run(&on_device, addresses[0], &addresses[1..])?;
    for ((to, bytes), from) in outputs.into_iter().zip(addresses) {
        if bytes > 0 {
            // SAFETY: the output has this many bytes, and the buffer was allocated with them.
            unsafe { context.driver().download(from, to, bytes, stream) }?;
        }
    }
    Ok(())
}

/// Elements of a tensor in host memory.
enum Elements {
    Float32(Vec<f32>),
    Float16(Vec<f16>),
    Uint8(Vec<u8>),
}

impl Elements {
    fn new(dtype: Dtype, length: usize) -> Result<Self> {
        Ok(match dtype {
            Dtype::Float32 => Self::Float32(zeros(length, 0.0)?),
            Dtype::Float16 => Self::Float16(zeros(length, f16::ZERO)?),
            Dtype::Uint8 => Self::Uint8(zeros(length, 0)?),
        })
    }

    fn output(&mut self) -> OutputMut<'_> {
        match self {
            Self::Float32(elements) => OutputMut::Float32(elements),
            Self::Float16(elements) => OutputMut::Float16(elements),
            Self::Uint8(elements) => OutputMut::Uint8(elements),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            // SAFETY: numbers without padding.
            Self::Float32(elements) => unsafe { bytes(elements) },
            // SAFETY: as above.
            Self::Float16(elements) => unsafe { bytes(elements) },
            Self::Uint8(elements) => elements,
        }
    }
}

/// Elements of another output in host memory.
enum Extra {
    Float32(Vec<f32>),
    Int64(Vec<i64>),
}

impl Extra {
    fn new(kind: prep_onnx_pipeline::OutputKind, length: usize) -> Result<Self> {
        use prep_onnx_pipeline::plan::OutputElement;
        Ok(match kind.element() {
            OutputElement::Float32 => Self::Float32(zeros(length, 0.0)?),
            OutputElement::OfPlan | OutputElement::Int64 => Self::Int64(zeros(length, 0)?),
        })
    }

    fn output(&mut self) -> ExtraMut<'_> {
        match self {
            Self::Float32(elements) => ExtraMut::Float32(elements),
            Self::Int64(elements) => ExtraMut::Int64(elements),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            // SAFETY: numbers without padding.
            Self::Float32(elements) => unsafe { bytes(elements) },
            // SAFETY: as above.
            Self::Int64(elements) => unsafe { bytes(elements) },
        }
    }
}

fn zeros<T: Copy>(length: usize, zero: T) -> Result<Vec<T>> {
    let mut values = Vec::new();
    grow(&mut values, length, zero)?;
    Ok(values)
}

/// # Safety
/// `T` has no padding.
unsafe fn bytes<T>(elements: &[T]) -> &[u8] {
    // SAFETY: the elements are initialised, and every byte of them is part of a number.
    unsafe { std::slice::from_raw_parts(elements.as_ptr().cast(), size_of_val(elements)) }
}
