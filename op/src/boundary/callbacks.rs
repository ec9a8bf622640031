//! What ONNX Runtime asks of an entry: names, types, counts, and the output's shape.

use std::ffi::{c_char, c_int};

use ort_sys::{
    ONNXTensorElementDataType, OrtCustomOp, OrtCustomOpInputOutputCharacteristic, OrtMemType,
    OrtShapeInferContext, OrtStatusPtr,
};
use prep_onnx_pipeline::plan::OutputElement;
use prep_onnx_pipeline::{Accept, DOMAIN_VERSION, Dtype, PLAN_ATTRIBUTE, Plan, Signature};

use super::api::{IMAGES, ShapeContext};
use super::entry::{Entry, Provider};
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
    match unsafe { Entry::of(op) }.signature.accept {
        Accept::Batch => 1,
        Accept::Ragged | Accept::Encoded => 2,
    }
}

pub(super) unsafe extern "system" fn get_output_type(
    op: *const OrtCustomOp,
    index: usize,
) -> ONNXTensorElementDataType {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    let signature = unsafe { Entry::of(op) }.signature;
    match index.checked_sub(required_outputs(signature)) {
        None if index == 0 => element_type(signature),
        // The status of each image.
        None => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64,
        Some(extra) => match signature.extras().get(extra) {
            Some(OutputElement::Float32) => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
            Some(OutputElement::OfPlan) => element_type(signature),
            Some(OutputElement::Int64) | None => {
                ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64
            }
        },
    }
}

pub(super) unsafe extern "system" fn get_output_count(op: *const OrtCustomOp) -> usize {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    let signature = unsafe { Entry::of(op) }.signature;
    required_outputs(signature) + signature.extras().len()
}

/// The outputs before those that a plan can ask for: the tensor and, of encoded images, the status.
fn required_outputs(signature: Signature) -> usize {
    match signature.accept {
        Accept::Batch | Accept::Ragged => 1,
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

fn element_type(signature: Signature) -> ONNXTensorElementDataType {
    match signature.dtype {
        Dtype::Float32 => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT,
        Dtype::Float16 => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT16,
        Dtype::Uint8 if signature.signed => ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT8,
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
            .and_then(|text| Plan::from_json(&text).ok());
        let Some(plan) = plan else { return Ok(()) };
        if Signature::of(&plan, entry.signature.accept) != entry.signature {
            return Ok(());
        }
        // The tensor alone: ONNX Runtime does not say how many outputs the node has, and writes where it is told.
        let images_from = entry.signature.accept.form().counts_images;
        context.set_output(element_type(entry.signature), images_from, &tensor_extents(&plan))
    })
}

/// The extents of the tensor; -1 for those that follow from the images, [`IMAGES`] for their number.
fn tensor_extents(plan: &Plan) -> Vec<i64> {
    let (rows, columns) = plan.form.blocks.map_or((1, 1), |blocks| blocks.unit());
    let (size, other) = match plan.fixed_output() {
        Some(size) => (size, size),
        // What changes with the size is not known.
        None => ((rows, columns), (2 * rows, 2 * columns)),
    };
    let one = plan.output_shape(1, size);
    let more = plan.output_shape(2, other);
    let extents = one.iter().zip(&more).enumerate();
    extents
        .map(|(axis, (one, more))| match (axis, *one, *more) {
            (0, 1, 2) => IMAGES,
            (_, one, more) if one == more => one as i64,
            _ => -1,
        })
        .collect()
}
