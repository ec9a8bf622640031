//! The kernel of the ops for encoded images.

use std::num::NonZero;

use prep_onnx_pipeline::{Error, FusedPlan, ON_BAD_IMAGE_ATTRIBUTE, OnBadImage};

use super::api::{Context, KernelInfo, SessionThreads};
use super::outputs::output_elements;
use super::status::Failure;
use crate::encoded::{EncodedPreprocessor, Files};

/// Prepares the plan of a node with the node's choice for images that cannot be read.
pub(super) fn prepare(plan: FusedPlan, info: &KernelInfo<'_>) -> Result<EncodedPreprocessor, Failure> {
    Ok(EncodedPreprocessor::new(plan, on_bad_image(info)?)?)
}

/// The node's choice for images that cannot be read.
pub(super) fn on_bad_image(info: &KernelInfo<'_>) -> Result<OnBadImage, Failure> {
    Ok(match info.string(ON_BAD_IMAGE_ATTRIBUTE) {
        Some(name) => name
            .parse()
            .map_err(|error: Error| error.fix("write the model with `prep-onnx embed --on-bad-image`"))?,
        None if info.is_number(ON_BAD_IMAGE_ATTRIBUTE) => {
            let names = OnBadImage::ALL.iter().map(|name| name.name());
            return Err(Error::new(ON_BAD_IMAGE_ATTRIBUTE, "is not a string")
                .expected_got(
                    format_args!("one of {}", names.collect::<Vec<_>>().join(", ")),
                    "a number",
                )
                .fix("write the model with `prep-onnx embed --on-bad-image`")
                .into());
        }
        None => OnBadImage::Fail,
    })
}

pub(super) fn compute(
    preprocessor: &EncodedPreprocessor,
    threads: NonZero<usize>,
    context: Context<'_>,
) -> Result<(), Failure> {
    let bytes = context.input::<u8>(0, "bytes")?;
    let lengths = context.input::<i64>(1, "lengths")?;
    let files = Files {
        bytes_shape: bytes.extents.as_slice(),
        bytes: bytes.elements,
        lengths_shape: lengths.extents.as_slice(),
        lengths: lengths.elements,
    };
    let shape = preprocessor.output_shape(&files)?;
    let data = context.output(0, &shape.extents)?;
    let status = if context.output_count()? > 1 {
        context.output(1, &[shape.images])?.cast::<i64>()
    } else {
        std::ptr::null_mut()
    };
    if shape.images == 0 {
        return Ok(());
    }
    // SAFETY: ONNX Runtime made the output with these extents and the plan's element type.
    let output = unsafe { output_elements(data, preprocessor.plan().dtype, shape.extents.iter().product()) };
    let status = if status.is_null() {
        None
    } else {
        // SAFETY: ONNX Runtime made the output with an int64 for each image, it is aligned, and nobody else
        // has it yet; zero bytes are values of int64, and every one is written before it is read.
        Some(unsafe {
            status.write_bytes(0, shape.images);
            std::slice::from_raw_parts_mut(status, shape.images)
        })
    };
    Ok(preprocessor.run(&files, output, status, &SessionThreads { context, threads })?)
}
