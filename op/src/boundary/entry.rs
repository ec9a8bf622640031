//! An op of the domain, as ONNX Runtime holds it.

use std::ffi::{CStr, CString, c_char};

use ort_sys::{OrtApi, OrtCustomOp};
use prep_onnx_pipeline::{DOMAIN, Signature};

use crate::cuda;

/// An op of the domain. ONNX Runtime holds the address of `op`, the first field, and hands it back to
/// the callbacks.
#[repr(C)]
pub(crate) struct Entry {
    pub(super) op: OrtCustomOp,
    pub(crate) api: &'static OrtApi,
    pub(crate) provider: Provider,
    pub(crate) signature: Signature,
    pub(crate) name: CString,
}

/// Where an entry runs. ONNX Runtime takes the entry of the execution provider that it gives the node to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Provider {
    Cpu,
    Cuda,
    /// CUDA as a plugin library.
    CudaPlugin,
}

impl Provider {
    pub(crate) fn name(self) -> &'static CStr {
        match self {
            Self::Cpu => c"CPUExecutionProvider",
            Self::Cuda => c"CUDAExecutionProvider",
            Self::CudaPlugin => c"CudaPluginExecutionProvider",
        }
    }

    /// Whether there is such an op. Files are decoded on the CPU, whatever runs the model. ONNX Runtime gives a node by the name of
    /// its op, before there is a plan to look at: one without kernels is CUDA's too, and is computed on the CPU inside of it.
    pub(super) fn has(self, signature: Signature) -> bool {
        match self {
            Self::Cpu => true,
            Self::Cuda | Self::CudaPlugin => !signature.accept.form().decodes,
        }
    }

    /// Those that nodes can be given to here. Without a driver that the kernel needs the entries of CUDA are
    /// left out, and ONNX Runtime takes the CPU's.
    pub(super) fn usable() -> &'static [Self] {
        match cuda::driver_version() {
            Ok(_) => &[Self::Cpu, Self::Cuda, Self::CudaPlugin],
            Err(_) => &[Self::Cpu],
        }
    }
}

impl Entry {
    /// # Safety
    /// `op` is the address that the domain registered, or comes from it.
    pub(crate) unsafe fn of<'a>(op: *const OrtCustomOp) -> &'a Self {
        // SAFETY: `op` is the first field of a leaked `repr(C)` entry, taken from a pointer to all of it.
        unsafe { &*op.cast::<Self>() }
    }

    pub(crate) fn name_pointer(&self) -> *const c_char {
        self.name.as_ptr()
    }

    /// What messages call the op.
    pub(crate) fn title(&self) -> String {
        format!("{DOMAIN}::{}", self.name.to_string_lossy())
    }
}
