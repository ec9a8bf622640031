//! What ONNX Runtime asks of an entry: names, types, counts, and the output's shape.

use std::ffi::{c_char, c_int};

use ort_sys::{
    ONNXTensorElementDataType, OrtCustomOp, OrtCustomOpInputOutputCharacteristic, OrtMemType,
    OrtShapeInferContext, OrtStatusPtr,
};
use prep_onnx_pipeline::{Accept, DOMAIN_VERSION, Dtype, FusedPlan, Layout, PLAN_ATTRIBUTE};

use super::api::ShapeContext;
use super::registration::{Entry, Provider};
use super::status::guarded;

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
