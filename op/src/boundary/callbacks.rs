//! Every function that ONNX Runtime calls.

use std::ffi::{c_char, c_int, c_void};
use std::num::NonZero;

use half::f16;
use ort_sys::{
    ONNXTensorElementDataType, OrtApi, OrtCustomOp, OrtCustomOpInputOutputCharacteristic, OrtKernelContext,
    OrtKernelInfo, OrtMemType, OrtShapeInferContext, OrtStatusPtr,
};
use prep_onnx_pipeline::{Accept, DOMAIN_VERSION, Dtype, Error, FusedPlan, Layout, PLAN_ATTRIBUTE};

use super::api::{Context, KernelInfo, SessionThreads, ShapeContext};
use super::encoded;
use super::registration::{Entry, Provider};
use super::status::{Failure, guarded};
use crate::encoded::EncodedPreprocessor;
use crate::run::{Images, OutputMut, Preprocessor};

/// The kernel of one node. Sessions run it from several threads at once: it is never changed.
struct Kernel {
    api: &'static OrtApi,
    title: String,
    accept: Accept,
    threads: NonZero<usize>,
    work: Work,
}

enum Work {
    Pixels(Preprocessor),
    Files(EncodedPreprocessor),
}

pub(super) unsafe extern "system" fn get_name(op: *const OrtCustomOp) -> *const c_char {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    unsafe { Entry::of(op) }.name_pointer()
}

pub(super) unsafe extern "system" fn get_execution_provider(op: *const OrtCustomOp) -> *const c_char {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    unsafe { Entry::of(op) }.provider.name().as_ptr()
}

pub(super) unsafe extern "system" fn get_input_type(
    _: *const OrtCustomOp,
    index: usize,
) -> ONNXTensorElementDataType {
    match index {
        0 => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
        _ => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    }
}

pub(super) unsafe extern "system" fn get_input_count(op: *const OrtCustomOp) -> usize {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    match unsafe { Entry::of(op) }.accept {
        Accept::Batch => 1,
        Accept::Ragged | Accept::Encoded => 2,
    }
}

pub(super) unsafe extern "system" fn get_output_type(
    op: *const OrtCustomOp,
    index: usize,
) -> ONNXTensorElementDataType {
    match index {
        // SAFETY: ONNX Runtime hands back the entry that was registered.
        0 => element_type(unsafe { Entry::of(op) }.dtype),
        _ => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
    }
}

pub(super) unsafe extern "system" fn get_output_count(op: *const OrtCustomOp) -> usize {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    match unsafe { Entry::of(op) }.accept {
        Accept::Batch | Accept::Ragged => 1,
        // The status of each image.
        Accept::Encoded => 2,
    }
}

pub(super) unsafe extern "system" fn get_output_characteristic(
    _: *const OrtCustomOp,
    index: usize,
) -> OrtCustomOpInputOutputCharacteristic {
    match index {
        0 => OrtCustomOpInputOutputCharacteristic::INPUT_OUTPUT_REQUIRED,
        _ => OrtCustomOpInputOutputCharacteristic::INPUT_OUTPUT_OPTIONAL,
    }
}

pub(super) unsafe extern "system" fn get_characteristic(
    _: *const OrtCustomOp,
    _: usize,
) -> OrtCustomOpInputOutputCharacteristic {
    OrtCustomOpInputOutputCharacteristic::INPUT_OUTPUT_REQUIRED
}

pub(super) unsafe extern "system" fn get_memory_type(op: *const OrtCustomOp, index: usize) -> OrtMemType {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    match (unsafe { Entry::of(op) }.provider, index) {
        (Provider::Cpu, _) | (_, 0) => OrtMemType::OrtMemTypeDefault,
        // The shapes decide about the launch: they must be in host memory.
        (Provider::Cuda | Provider::CudaPlugin, _) => OrtMemType::OrtMemTypeCPUInput,
    }
}

pub(super) unsafe extern "system" fn get_arity(_: *const OrtCustomOp) -> c_int {
    1
}

pub(super) unsafe extern "system" fn get_homogeneity(_: *const OrtCustomOp) -> c_int {
    0
}

pub(super) unsafe extern "system" fn get_version(_: *const OrtCustomOp) -> c_int {
    DOMAIN_VERSION as c_int
}

fn element_type(dtype: Dtype) -> ONNXTensorElementDataType {
    match dtype {
        Dtype::Float32 => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        Dtype::Float16 => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        Dtype::Uint8 => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8,
    }
}

pub(super) unsafe extern "system" fn create_kernel(
    op: *const OrtCustomOp,
    _: *const OrtApi,
    info: *const OrtKernelInfo,
    kernel: *mut *mut c_void,
) -> OrtStatusPtr {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    let entry = unsafe { Entry::of(op) };
    let title = entry.title();
    guarded(entry.api, &title, || {
        // SAFETY: `info` is that of this callback.
        let info = unsafe { KernelInfo::new(entry.api, info) };
        let made = Box::new(Kernel::new(entry, &info)?);
        // SAFETY: ONNX Runtime passes where the kernel's address goes.
        unsafe { kernel.write(Box::into_raw(made).cast()) };
        Ok(())
    })
}

/// What messages call a node.
pub(super) fn title(entry: &Entry, info: &KernelInfo<'_>) -> String {
    let node = info.node_name();
    if node.is_empty() {
        entry.title()
    } else {
        format!("{} ({node})", entry.title())
    }
}

/// The plan of a node, which the entry can run.
pub(super) fn plan(entry: &Entry, info: &KernelInfo<'_>) -> Result<FusedPlan, Failure> {
    let text = info.string(PLAN_ATTRIBUTE).ok_or_else(|| {
        Error::new(PLAN_ATTRIBUTE, "is missing")
            .expected_got("a string attribute that holds a fused plan", "none")
            .fix("write the model with `prep-onnx embed`")
    })?;
    let plan = FusedPlan::from_json(&text)?;
    if plan.dtype != entry.dtype {
        return Err(
            Error::new(PLAN_ATTRIBUTE, "gives another element type than the op")
                .expected_got(entry.dtype, plan.dtype)
                .into(),
        );
    }
    if entry.accept != Accept::Batch && plan.fixed_output().is_none() {
        return Err(
            Error::new(PLAN_ATTRIBUTE, "the size of the output depends on the image")
                .why("images of mixed sizes become one tensor, so each must give the same size")
                .fix("end the geometry with an exact resize or a center_crop, or embed with --accept batch")
                .into(),
        );
    }
    Ok(plan)
}

impl Kernel {
    fn new(entry: &'static Entry, info: &KernelInfo<'_>) -> Result<Self, Failure> {
        let plan = plan(entry, info)?;
        let work = match entry.accept {
            Accept::Batch | Accept::Ragged => Work::Pixels(Preprocessor::new(plan)?),
            Accept::Encoded => Work::Files(encoded::prepare(plan, info)?),
        };
        Ok(Self {
            api: entry.api,
            title: title(entry, info),
            accept: entry.accept,
            threads: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            work,
        })
    }

    fn compute(&self, context: Context<'_>) -> Result<(), Failure> {
        match (&self.work, self.accept) {
            (Work::Files(preprocessor), _) => encoded::compute(preprocessor, self.threads, context),
            (Work::Pixels(preprocessor), Accept::Ragged) => {
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
            (Work::Pixels(preprocessor), Accept::Batch | Accept::Encoded) => {
                let image = context.input::<u8>(0, "image")?;
                let images = Images::Batch {
                    shape: image.extents.as_slice(),
                    image: image.elements,
                };
                self.run(preprocessor, context, &images)
            }
        }
    }

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
        // SAFETY: ONNX Runtime made the output with these extents and, as `get_output_type` says and `plan`
        // compares, the plan's element type.
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
        // SAFETY: ONNX Runtime hands back what `create_kernel` made, once, after the last run. Dropping
        // frees memory and cannot panic.
        drop(unsafe { Box::from_raw(kernel.cast::<Kernel>()) });
    }
}

pub(super) unsafe extern "system" fn infer_shape(
    op: *const OrtCustomOp,
    context: *mut OrtShapeInferContext,
) -> OrtStatusPtr {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    let entry = unsafe { Entry::of(op) };
    guarded(entry.api, &entry.title(), || {
        // SAFETY: `context` is that of this callback.
        let context = unsafe { ShapeContext::new(entry.api, context) };
        // A plan that cannot be read is reported at kernel creation, with the node's name.
        let plan = context
            .string(PLAN_ATTRIBUTE)
            .and_then(|text| FusedPlan::from_json(&text).ok());
        let Some(plan) = plan else { return Ok(()) };
        let (height, width) = plan
            .fixed_output()
            .map_or((-1, -1), |(height, width)| (height as i64, width as i64));
        let extents = match plan.layout {
            Layout::Nchw => [-1, 3, height, width],
            Layout::Nhwc => [-1, height, width, 3],
        };
        let images_from = match entry.accept {
            Accept::Batch => 0,
            Accept::Ragged | Accept::Encoded => 1,
        };
        context.set_output(element_type(entry.dtype), images_from, extents)
    })
}
