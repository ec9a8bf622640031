//! The kernel callbacks of the entries for CUDA. The other callbacks are those of the CPU.

use std::ffi::c_void;

use ort_sys::{OrtApi, OrtCustomOp, OrtKernelContext, OrtKernelInfo, OrtStatusPtr};
use prep_onnx_pipeline::{Accept, Error};

use super::api::{Context, KernelInfo};
use super::callbacks::{plan, title};
use super::registration::Entry;
use super::status::{Failure, guarded};
use crate::cuda::{DeviceImages, Preprocessor, Stream};
use crate::run::ImageShapes;

/// The kernel of one node. Sessions run it from several threads at once: it is never changed.
struct Kernel {
    api: &'static OrtApi,
    title: String,
    accept: Accept,
    preprocessor: Preprocessor,
}

pub(super) unsafe extern "system" fn create_kernel(
    op: *const OrtCustomOp,
    _: *const OrtApi,
    info: *const OrtKernelInfo,
    kernel: *mut *mut c_void,
) -> OrtStatusPtr {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    let entry = unsafe { Entry::of(op) };
    guarded(entry.api, &entry.title(), || {
        // SAFETY: `info` is that of this callback.
        let info = unsafe { KernelInfo::new(entry.api, info) };
        let made = Box::new(Kernel {
            api: entry.api,
            title: title(entry, &info),
            accept: entry.accept,
            preprocessor: Preprocessor::new(plan(entry, &info)?)?,
        });
        // SAFETY: ONNX Runtime passes where the kernel's address goes.
        unsafe { kernel.write(Box::into_raw(made).cast()) };
        Ok(())
    })
}

impl Kernel {
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

pub(super) unsafe extern "system" fn compute(
    kernel: *mut c_void,
    context: *mut OrtKernelContext,
) -> OrtStatusPtr {
    // SAFETY: ONNX Runtime hands back what `create_kernel` made, before `destroy_kernel`, and it is only
    // ever shared.
    let kernel = unsafe { &*kernel.cast_const().cast::<Kernel>() };
    guarded(kernel.api, &kernel.title, || {
        // SAFETY: `context` is that of this callback.
        kernel.compute(unsafe { Context::new(kernel.api, context) })
    })
}

pub(super) unsafe extern "system" fn destroy_kernel(kernel: *mut c_void) {
    if !kernel.is_null() {
        // SAFETY: ONNX Runtime hands back what `create_kernel` made, once, after the last run. Dropping frees
        // memory, also of the GPU, reports no failure of that and cannot panic.
        drop(unsafe { Box::from_raw(kernel.cast::<Kernel>()) });
    }
}
