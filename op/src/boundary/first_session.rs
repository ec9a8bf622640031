//! The first session that knows a domain, which must be created alone.
//!
//! ONNX Runtime (1.17 to 1.32) enters a custom domain into a table of the process when the first session that
//! has it is created, and looks and enters without a lock. Of two first sessions at the same time, one fails
//! with "Trying to add a domain to DomainToVersion map, but the domain is already exist".

use std::ptr;

use ort_sys::{OrtApi, OrtCustomOpDomain, OrtEnv, OrtLoggingLevel, OrtSession, OrtSessionOptions};

use super::status::{Failure, check};

/// A model of one Identity node, of opset 13.
const IDENTITY: &[u8] = b"\x08\x07\x3a\x2f\
    \x0a\x10\x0a\x01x\x12\x01y\x22\x08Identity\
    \x12\x01g\
    \x5a\x0b\x0a\x01x\x12\x06\x0a\x04\x08\x01\x12\x00\
    \x62\x0b\x0a\x01y\x12\x06\x0a\x04\x08\x01\x12\x00\
    \x42\x02\x10\x0d";

/// Creates a session that has `domain`, and releases it.
///
/// A runtime that cannot, such as a build that loads no `.onnx` files, is left as it is: its sessions then
/// have to be created one after another.
///
/// # Safety
/// `domain` is one that `api` made.
pub(super) unsafe fn open(api: &OrtApi, domain: *mut OrtCustomOpDomain) {
    let mut made = Made {
        api,
        environment: ptr::null_mut(),
        options: ptr::null_mut(),
        session: ptr::null_mut(),
    };
    // SAFETY: `domain` is live, as the caller promises.
    if let Err(Failure::Status(status)) = unsafe { made.session(domain) } {
        // SAFETY: a status of this runtime, released once.
        unsafe { (api.ReleaseStatus)(status.0) };
    }
}

/// What is released at the end; null where it was not made.
struct Made<'a> {
    api: &'a OrtApi,
    environment: *mut OrtEnv,
    options: *mut OrtSessionOptions,
    session: *mut OrtSession,
}

impl Made<'_> {
    /// # Safety
    /// `domain` is one that the runtime made.
    unsafe fn session(&mut self, domain: *mut OrtCustomOpDomain) -> Result<(), Failure> {
        let (api, level) = (self.api, OrtLoggingLevel::ORT_LOGGING_LEVEL_FATAL);
        let (model, length) = (IDENTITY.as_ptr().cast(), IDENTITY.len());
        // SAFETY: ONNX Runtime has one environment and counts its users; each call gets what the ones before
        // it made, and the name and the bytes outlive the calls.
        unsafe {
            check((api.CreateEnv)(
                level,
                c"prep.onnx".as_ptr(),
                &mut self.environment,
            ))?;
            check((api.CreateSessionOptions)(&mut self.options))?;
            check((api.SetIntraOpNumThreads)(self.options, 1))?;
            check((api.AddCustomOpDomain)(self.options, domain))?;
            let (environment, options) = (self.environment, self.options);
            check((api.CreateSessionFromArray)(
                environment,
                model,
                length,
                options,
                &mut self.session,
            ))
        }
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        // SAFETY: each was made by this runtime or is null, and is released once.
        unsafe {
            if !self.session.is_null() {
                (self.api.ReleaseSession)(self.session);
            }
            if !self.options.is_null() {
                (self.api.ReleaseSessionOptions)(self.options);
            }
            if !self.environment.is_null() {
                (self.api.ReleaseEnv)(self.environment);
            }
        }
    }
}
