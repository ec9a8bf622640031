//! The ops in a Rust host that uses the `ort` crate, without a shared library.

use std::ffi::CStr;
use std::path::Path;
use std::ptr;

use ort::AsPointer;
use ort::session::builder::SessionBuilder;

/// Registers the ops of the domain `prep.onnx` on the session that `builder` will make.
///
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let environment = ort::init_from("libonnxruntime.so")?.build()?;
/// let mut builder = prep_onnx_op::host::register(ort::session::Session::builder(&environment)?)?;
/// let session = builder.commit_from_file("model.prep.onnx")?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// ONNX Runtime's own, such as running out of memory. Registering twice is reported when the session is made.
pub fn register(mut builder: SessionBuilder) -> ort::Result<SessionBuilder> {
    let api = ort::api();
    // SAFETY: the options are those of a live builder, of the runtime that `ort` has loaded; its function
    // table begins with that of version 17 and lives as long as the process.
    let status = unsafe { crate::register(builder.ptr_mut(), api) };
    // SAFETY: the status comes from this runtime and is given away here.
    unsafe { ort::Error::result_from_status(status) }?;
    Ok(builder)
}

/// The version of the ONNX Runtime in the library at `path`, by its own account; `None` where it is no such library.
/// One that is loaded already is asked, not loaded again.
pub fn runtime_version(path: &Path) -> Option<String> {
    // SAFETY: loading runs the initialisers of the library, which the caller names as an ONNX Runtime.
    let library = unsafe { libloading::Library::new(path) }.ok()?;
    // SAFETY: the function of this name has this signature in every ONNX Runtime.
    let base = unsafe {
        library.get::<unsafe extern "system" fn() -> *const ort_sys::OrtApiBase>(b"OrtGetApiBase\0")
    }
    .ok()?;
    // SAFETY: it takes nothing and may be called at any time.
    let base = unsafe { base().as_ref() }?;
    // SAFETY: as above.
    let version = unsafe { (base.GetVersionString)() };
    if version.is_null() {
        return None;
    }
    // SAFETY: a constant of the library that ends with NUL; it is copied before the library can go.
    let version = unsafe { CStr::from_ptr(version) }.to_string_lossy().into_owned();
    Some(version)
}

/// The execution providers that the loaded ONNX Runtime was built with, by their names, the preferred first:
/// `["CUDAExecutionProvider", "CPUExecutionProvider"]`. Whether one can start is another question.
///
/// # Errors
/// ONNX Runtime's own.
pub fn available_providers() -> ort::Result<Vec<String>> {
    let api = ort::api();
    let (mut names, mut count) = (ptr::null_mut(), 0);
    // SAFETY: writes the address and the length of a list of strings.
    let status = unsafe { (api.GetAvailableProviders)(&mut names, &mut count) };
    // SAFETY: the status comes from this runtime and is given away here.
    unsafe { ort::Error::result_from_status(status) }?;
    let length = usize::try_from(count).unwrap_or(0);
    let list = (0..length).map(|index| {
        // SAFETY: the list has `count` entries, each a string that ends with NUL, until it is released below.
        let name = unsafe { CStr::from_ptr(*names.add(index)) };
        name.to_string_lossy().into_owned()
    });
    let list = list.collect();
    // SAFETY: the list of above, released once.
    let status = unsafe { (api.ReleaseAvailableProviders)(names, count) };
    // SAFETY: the status comes from this runtime and is given away here.
    unsafe { ort::Error::result_from_status(status) }?;
    Ok(list)
}
