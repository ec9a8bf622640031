//! The CUDA contexts that the kernels were loaded into, and memory in them.

use std::ffi::CStr;
use std::sync::{Arc, Mutex, PoisonError};

use prep_onnx_pipeline::{Error, Result};

use super::driver::{DeviceAddress, Driver, Handle};

/// The kernels, compiled by `op/cuda/compile.py`, in zlib's format: as text they are five times as long.
const PTX: &[u8] = include_bytes!("../../cuda/preprocess.ptx.zz");

/// A kernel of `op/cuda/preprocess.cu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernel {
    /// A resize by windows; takes a `calls::ResizeCall`.
    Preprocess,
    /// A resize by pairs of pixels; takes a `calls::ResizeCall`.
    Sample,
    /// Pixel format, turn, gray and canvas; takes a `calls::PlaceCall`.
    Place,
    /// The mask of images on their canvas; takes a `calls::MaskCall`.
    Mask,
    /// Numbers of the host; takes a `calls::StoreCall`.
    Store,
}

impl Kernel {
    const ALL: [Self; 5] = [
        Self::Preprocess,
        Self::Sample,
        Self::Place,
        Self::Mask,
        Self::Store,
    ];

    const fn name(self) -> &'static CStr {
        match self {
            Self::Preprocess => c"preprocess",
            Self::Sample => c"sample",
            Self::Place => c"place",
            Self::Mask => c"mask",
            Self::Store => c"store",
        }
    }
}

/// A context with the kernels loaded.
pub(super) struct Context {
    driver: &'static Driver,
    handle: Handle,
    id: u64,
    /// In the order of [`Kernel::ALL`].
    functions: [Handle; Kernel::ALL.len()],
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
        let mut image = miniz_oxide::inflate::decompress_to_vec_zlib(PTX)
            .map_err(|error| Error::new("preprocess.ptx", error))?;
        image.push(0);
        let image =
            CStr::from_bytes_until_nul(&image).map_err(|error| Error::new("preprocess.ptx", error))?;
        let module = driver.load_module(image)?;
        let mut functions = [std::ptr::null_mut(); Kernel::ALL.len()];
        for (function, kernel) in functions.iter_mut().zip(Kernel::ALL) {
            // SAFETY: the module was just loaded.
            *function = unsafe { driver.function(module, kernel.name()) }?;
        }
        let context = Arc::new(Self {
            driver,
            handle,
            id,
            functions,
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

    /// A kernel, which takes one parameter.
    pub(super) fn function(&self, kernel: Kernel) -> Handle {
        self.functions[kernel as usize]
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

/// Device memory that the work of one call keeps between its launches, on one stream.
pub(super) struct Scratch {
    context: Arc<Context>,
    address: DeviceAddress,
    stream: Handle,
}

impl Scratch {
    /// Memory of `context`, which is current on this thread until it is dropped.
    ///
    /// # Safety
    /// `stream` is null or alive in `context`, and stays so until this is dropped; what uses the memory is put on it alone.
    pub(super) unsafe fn new(context: &Arc<Context>, bytes: usize, stream: Handle) -> Result<Self> {
        Ok(Self {
            // SAFETY: promised by the caller.
            address: unsafe { context.driver.allocate_in_order(bytes.max(1), stream) }?,
            context: Arc::clone(context),
            stream,
        })
    }

    pub(super) fn address(&self) -> DeviceAddress {
        self.address
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A failure means that the context, and with it the memory, is gone.
        // SAFETY: allocated on this stream, which the caller has promised is the only one that uses it.
        let _ = unsafe { self.context.driver.free_in_order(self.address, self.stream) };
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
