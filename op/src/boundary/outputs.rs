//! The elements of outputs.

use std::ffi::c_void;

use half::f16;
use prep_onnx_pipeline::Dtype;

use crate::run::OutputMut;

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
