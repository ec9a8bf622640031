//! From an error, or a panic, to an `OrtStatus`.

use std::any::Any;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use ort_sys::{OrtApi, OrtErrorCode, OrtStatusPtr};
use prep_onnx_pipeline::{Error, Result};

/// Why a callback fails.
pub(crate) enum Failure {
    /// Ours.
    Error(Error),
    /// ONNX Runtime's own status, to be handed back.
    Status(OrtStatusPtr),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Turns a returned status into a result.
pub(crate) fn check(status: OrtStatusPtr) -> Result<(), Failure> {
    if status.0.is_null() {
        Ok(())
    } else {
        Err(Failure::Status(status))
    }
}

/// Runs `callback`; an error or a panic becomes a status whose message begins with `subject`.
pub(crate) fn guarded(
    api: &OrtApi,
    subject: &str,
    callback: impl FnOnce() -> Result<(), Failure>,
) -> OrtStatusPtr {
    // Unwind safety: after a panic the callback's values are dropped or, behind the locks of caches and
    // pools, still complete.
    let failure = match catch_unwind(AssertUnwindSafe(callback)) {
        Ok(Ok(())) => return OrtStatusPtr(ptr::null_mut()),
        Ok(Err(Failure::Status(status))) => return status,
        Ok(Err(Failure::Error(error))) => error.within(subject),
        Err(panic) => panicked(panic.as_ref()).within(subject),
    };
    let mut text = failure.to_string();
    for (label, line) in [("Why", failure.reason()), ("What to do", failure.help())] {
        if let Some(line) = line {
            text = format!("{text}. {label}: {line}");
        }
    }
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // SAFETY: `api` is ONNX Runtime's function table, and the text outlives the call, which copies it.
    unsafe { (api.CreateStatus)(OrtErrorCode::ORT_INVALID_ARGUMENT, text.as_ptr()) }
}

/// The error that a panic is reported as.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Error::new("internal error", message)
        .fix("this is a bug of prep-onnx: please report it with the model and the input's shape")
}
