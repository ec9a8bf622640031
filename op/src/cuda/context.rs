//! The CUDA contexts that the kernel was loaded into, and memory in them.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, PoisonError};

use prep_onnx_pipeline::{Error, Result};

use super::driver::{DeviceAddress, Driver, Handle};

/// The kernel, compiled by `op/cuda/compile.py`.
const PTX: &str = concat!(include_str!("../../cuda/preprocess.ptx"), "\0");

/// A context with the kernel loaded.
pub(super) struct Context {
    driver: &'static Driver,
    handle: Handle,
    id: u64,
    function: Handle,
}

// SAFETY: contexts and functions of the driver may be used from any thread.
unsafe impl Send for Context {}
// SAFETY: as for `Send`.
unsafe impl Sync for Context {}

/// Every context seen. They are told apart by their numbers: a new context can have an old one's address.
static CONTEXTS: Mutex<Vec<Arc<Context>>> = Mutex::new(Vec::new());

impl Context {
    /// The context current on this thread, with the kernel. Without one, that of the stream becomes
    /// current, or for the null stream the primary context of the first device.
    ///
    /// # Safety
    /// `stream` is null or alive.
    pub(super) unsafe fn current(stream: Handle) -> Result<Arc<Self>> {
        let driver = Driver::get()?;
        let mut handle = driver.current_context()?;
        if handle.is_null() {
            handle = if stream.is_null() {
                driver.primary_context()?
            } else {
                // SAFETY: promised by the caller.
                unsafe { driver.stream_context(stream) }?
            };
            // SAFETY: the context of a live stream, or a primary one that is never released.
            unsafe { driver.set_context(handle) }?;
        }
        // SAFETY: the context is current.
        let id = unsafe { driver.context_id(handle) }?;
        let mut contexts = CONTEXTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = contexts.iter().find(|known| known.id == id) {
            return Ok(Arc::clone(known));
        }
        let image = CStr::from_bytes_until_nul(PTX.as_bytes())
            .map_err(|_| Error::new("preprocess.ptx", "does not end"))?;
        let function = driver.load_function(image, c"preprocess")?;
        let context = Arc::new(Self {
            driver,
            handle,
            id,
            function,
        });
        contexts.push(Arc::clone(&context));
        Ok(context)
    }

    pub(super) fn driver(&self) -> &'static Driver {
        self.driver
    }

    /// The number that no other context of the process has.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// The kernel, whose only parameter is a `launch::Call`.
    pub(super) fn function(&self) -> Handle {
        self.function
    }
}

/// Device memory, freed at the end.
pub(super) struct Buffer {
    context: Arc<Context>,
    address: DeviceAddress,
}

impl Buffer {
    /// Memory of `context`, which is current on this thread.
    pub(super) fn new(context: &Arc<Context>, bytes: usize) -> Result<Self> {
        Ok(Self {
            address: context.driver.allocate(bytes.max(1))?,
            context: Arc::clone(context),
        })
    }

    /// Memory of `context`, which is current on this thread, with these bytes, copied before the return.
    ///
    /// # Safety
    /// `stream` is null or alive in `context`.
    pub(super) unsafe fn with_bytes(context: &Arc<Context>, bytes: &[u8], stream: Handle) -> Result<Self> {
        let buffer = Self::new(context, bytes.len())?;
        if !bytes.is_empty() {
            // SAFETY: the memory was just allocated with this length; the rest is promised by the caller.
            unsafe { context.driver.upload(bytes, buffer.address, stream) }?;
        }
        Ok(buffer)
    }

    pub(super) fn address(&self) -> DeviceAddress {
        self.address
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let driver = self.context.driver;
        let Ok(before) = driver.current_context() else {
            return;
        };
        // The failures that are possible here mean that the context, and with it the memory, is gone.
        // SAFETY: the driver refuses the handle of a destroyed context; primary contexts, which ONNX
        // Runtime and this module use, are not destroyed but reset.
        if unsafe { driver.set_context(self.context.handle) }.is_ok() {
            // SAFETY: allocated in this context, which is current; the last owner has made its last call.
            let _ = unsafe { driver.free(self.address) };
            // SAFETY: it was current on this thread a moment ago.
            let _ = unsafe { driver.set_context(before) };
        }
    }
}
