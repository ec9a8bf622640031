//! The CUDA driver library, loaded at run time.
//!
//! A table of its symbols instead of the crate `cudarc`: 22 functions are needed, and that crate panics
//! where the library is absent, owns contexts that belong to ONNX Runtime here, and fixes a CUDA version.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;
use std::sync::OnceLock;

use libloading::Library;
use prep_onnx_pipeline::{Error, Result};

use super::failure::failure;

#[cfg(windows)]
const LIBRARY: &str = "nvcuda.dll";
#[cfg(not(windows))]
const LIBRARY: &str = "libcuda.so.1";

/// The oldest driver that reads the kernel's PTX: CUDA 12.0.
const LEAST_VERSION: c_int = 12_000;

/// A pointer to an object of the driver.
pub(super) type Handle = *mut c_void;

/// An address in device memory.
pub(super) type DeviceAddress = u64;

macro_rules! driver_functions {
    ($($field:ident = $symbol:literal: fn($($argument:ty),*);)+) => {
        struct Functions {
            $($field: unsafe extern "system" fn($($argument),*) -> c_int,)+
        }

        impl Functions {
            fn find(library: &Library) -> Result<Self> {
                Ok(Self {
                    $($field: {
                        // SAFETY: the driver's header declares the symbol with this type.
                        let symbol = unsafe {
                            library.get::<unsafe extern "system" fn($($argument),*) -> c_int>($symbol)
                        };
                        *symbol.map_err(|_| too_old(format_args!(
                            "it lacks {}", String::from_utf8_lossy($symbol)
                        )))?
                    },)+
                })
            }
        }
    };
}

driver_functions! {
    init = b"cuInit": fn(c_uint);
    error_name = b"cuGetErrorName": fn(c_int, *mut *const c_char);
    device_count = b"cuDeviceGetCount": fn(*mut c_int);
    device_get = b"cuDeviceGet": fn(*mut c_int, c_int);
    device_name = b"cuDeviceGetName": fn(*mut c_char, c_int, c_int);
    retain_primary = b"cuDevicePrimaryCtxRetain": fn(*mut Handle, c_int);
    context_current = b"cuCtxGetCurrent": fn(*mut Handle);
    context_set = b"cuCtxSetCurrent": fn(Handle);
    context_id = b"cuCtxGetId": fn(Handle, *mut u64);
    context_synchronize = b"cuCtxSynchronize": fn();
    stream_context = b"cuStreamGetCtx": fn(Handle, *mut Handle);
    stream_synchronize = b"cuStreamSynchronize": fn(Handle);
    module_load = b"cuModuleLoadData": fn(*mut Handle, *const c_void);
    module_function = b"cuModuleGetFunction": fn(*mut Handle, Handle, *const c_char);
    allocate = b"cuMemAlloc_v2": fn(*mut DeviceAddress, usize);
    free = b"cuMemFree_v2": fn(DeviceAddress);
    allocate_in_order = b"cuMemAllocAsync": fn(*mut DeviceAddress, usize, Handle);
    free_in_order = b"cuMemFreeAsync": fn(DeviceAddress, Handle);
    copy_to_device = b"cuMemcpyHtoDAsync_v2": fn(DeviceAddress, *const c_void, usize, Handle);
    copy_to_host = b"cuMemcpyDtoHAsync_v2": fn(*mut c_void, DeviceAddress, usize, Handle);
    launch = b"cuLaunchKernel": fn(
        Handle, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, Handle, *mut *mut c_void, *mut *mut c_void
    );
}

/// The loaded library, before `cuInit`.
struct Loaded {
    functions: Functions,
    version: c_int,
    /// Keeps the functions alive.
    _library: Library,
}

/// The driver, initialised.
pub(super) struct Driver {
    functions: &'static Functions,
}

fn too_old(got: impl std::fmt::Display) -> Error {
    Error::new(LIBRARY, "the NVIDIA driver is too old")
        .expected_got("CUDA 12.0, driver 525 or newer", got)
        .fix("update the driver; until then the op runs on the CPU")
}

fn load() -> Result<Loaded> {
    // SAFETY: the driver library is meant to be loaded so; its initialisers have no requirement.
    let library = unsafe { Library::new(LIBRARY) }.map_err(|error| {
        let reason = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        Error::new(LIBRARY, format_args!("cannot be loaded: {reason}"))
            .why("it comes with the NVIDIA driver")
            .fix("install the NVIDIA driver; in a container, start it with access to the GPUs")
    })?;
    // SAFETY: the driver's header declares the symbol with this type, since CUDA 2.
    let get_version =
        unsafe { library.get::<unsafe extern "system" fn(*mut c_int) -> c_int>(b"cuDriverGetVersion") };
    let get_version = get_version.map_err(|_| too_old("no cuDriverGetVersion"))?;
    let mut version = 0;
    // SAFETY: may be called before `cuInit`; writes one number.
    let code = unsafe { get_version(&mut version) };
    if code != 0 {
        return Err(failure("cuDriverGetVersion", code, "an error"));
    }
    if version < LEAST_VERSION {
        return Err(too_old(format_args!("CUDA {}", shown(version))));
    }
    Ok(Loaded {
        functions: Functions::find(&library)?,
        version,
        _library: library,
    })
}

fn shown(version: c_int) -> String {
    format!("{}.{}", version / 1000, version % 1000 / 10)
}

fn loaded() -> Result<&'static Loaded> {
    static LOADED: OnceLock<Result<Loaded>> = OnceLock::new();
    LOADED.get_or_init(load).as_ref().map_err(Error::clone)
}

/// The CUDA version of the driver of this machine, such as `"13.0"`, found without touching a GPU.
///
/// # Errors
/// When there is no driver, or it is older than CUDA 12.0; says what to do.
pub fn driver_version() -> Result<String> {
    loaded().map(|loaded| shown(loaded.version))
}

/// What the op would run on: the driver's CUDA version and the GPUs' names. This initialises CUDA.
///
/// # Errors
/// Why the op cannot run on a GPU of this machine, and what to do; it runs on the CPU then.
pub fn status() -> Result<String> {
    let version = driver_version()?;
    let names = Driver::get()?.device_names()?;
    Ok(format!("CUDA {version}, {}", names.join(", ")))
}

impl Driver {
    /// The driver of this process.
    pub(super) fn get() -> Result<&'static Self> {
        static DRIVER: OnceLock<Result<Driver>> = OnceLock::new();
        let driver = DRIVER.get_or_init(|| {
            let driver = Self {
                functions: &loaded()?.functions,
            };
            // SAFETY: the flags must be 0.
            driver.check("cuInit", unsafe { (driver.functions.init)(0) })?;
            Ok(driver)
        });
        driver.as_ref().map_err(Error::clone)
    }

    fn check(&self, call: &str, code: c_int) -> Result<()> {
        if code == 0 {
            return Ok(());
        }
        let mut name: *const c_char = ptr::null();
        // SAFETY: writes the address of a constant string, or null for an unknown code.
        unsafe { (self.functions.error_name)(code, &mut name) };
        if name.is_null() {
            return Err(failure(call, code, "an unknown error"));
        }
        // SAFETY: a string of the driver, which ends with NUL and lives as long as the library.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy();
        Err(failure(call, code, &name))
    }

    fn device_names(&self) -> Result<Vec<String>> {
        let mut count = 0;
        // SAFETY: writes one number.
        self.check("cuDeviceGetCount", unsafe {
            (self.functions.device_count)(&mut count)
        })?;
        (0..count).map(|ordinal| self.device_name(ordinal)).collect()
    }

    fn device_name(&self, ordinal: c_int) -> Result<String> {
        let mut device = 0;
        // SAFETY: writes one number.
        self.check("cuDeviceGet", unsafe {
            (self.functions.device_get)(&mut device, ordinal)
        })?;
        let mut name = [0_u8; 256];
        // SAFETY: `name` has the length that is given; the driver ends it with NUL.
        self.check("cuDeviceGetName", unsafe {
            (self.functions.device_name)(name.as_mut_ptr().cast(), name.len() as c_int, device)
        })?;
        let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
        Ok(String::from_utf8_lossy(&name[..end]).into_owned())
    }

    /// The context current on this thread; null for none.
    pub(super) fn current_context(&self) -> Result<Handle> {
        let mut context = ptr::null_mut();
        // SAFETY: writes one handle.
        self.check("cuCtxGetCurrent", unsafe {
            (self.functions.context_current)(&mut context)
        })?;
        Ok(context)
    }

    /// Makes `context` current on this thread.
    ///
    /// # Safety
    /// `context` is alive, or null.
    pub(super) unsafe fn set_context(&self, context: Handle) -> Result<()> {
        // SAFETY: promised by the caller.
        self.check("cuCtxSetCurrent", unsafe {
            (self.functions.context_set)(context)
        })
    }

    /// The number of a context, which no other context of the process ever gets.
    ///
    /// # Safety
    /// `context` is alive.
    pub(super) unsafe fn context_id(&self, context: Handle) -> Result<u64> {
        let mut id = 0;
        // SAFETY: the context is alive; writes one number.
        self.check("cuCtxGetId", unsafe {
            (self.functions.context_id)(context, &mut id)
        })?;
        Ok(id)
    }

    /// The context of a stream.
    ///
    /// # Safety
    /// `stream` is alive.
    pub(super) unsafe fn stream_context(&self, stream: Handle) -> Result<Handle> {
        let mut context = ptr::null_mut();
        // SAFETY: the stream is alive; writes one handle.
        self.check("cuStreamGetCtx", unsafe {
            (self.functions.stream_context)(stream, &mut context)
        })?;
        Ok(context)
    }

    /// The primary context of the first device, kept alive for ever.
    pub(super) fn primary_context(&self) -> Result<Handle> {
        let (mut device, mut context) = (0, ptr::null_mut());
        // SAFETY: writes one number.
        self.check("cuDeviceGet", unsafe {
            (self.functions.device_get)(&mut device, 0)
        })?;
        // SAFETY: the device exists; writes one handle.
        self.check("cuDevicePrimaryCtxRetain", unsafe {
            (self.functions.retain_primary)(&mut context, device)
        })?;
        Ok(context)
    }

    /// Loads a module into the current context, for ever.
    pub(super) fn load_module(&self, image: &CStr) -> Result<Handle> {
        let mut module = ptr::null_mut();
        // SAFETY: the image is text that ends with NUL, as the driver requires of PTX; it is copied.
        self.check("cuModuleLoadData", unsafe {
            (self.functions.module_load)(&mut module, image.as_ptr().cast())
        })?;
        Ok(module)
    }

    /// The function `name` of a module.
    ///
    /// # Safety
    /// `module` comes from [`Driver::load_module`].
    pub(super) unsafe fn function(&self, module: Handle, name: &CStr) -> Result<Handle> {
        let mut found = ptr::null_mut();
        // SAFETY: the module is never unloaded; the name ends with NUL.
        self.check("cuModuleGetFunction", unsafe {
            (self.functions.module_function)(&mut found, module, name.as_ptr())
        })?;
        Ok(found)
    }

    /// Device memory of the current context.
    pub(super) fn allocate(&self, bytes: usize) -> Result<DeviceAddress> {
        let mut address = 0;
        // SAFETY: writes one address.
        self.check("cuMemAlloc", unsafe {
            (self.functions.allocate)(&mut address, bytes)
        })?;
        Ok(address)
    }

    /// Frees device memory once everything that the current context has been asked to do is done.
    ///
    /// # Safety
    /// `address` comes from [`Driver::allocate`] in the current context, and is not used in calls made afterwards.
    pub(super) unsafe fn free(&self, address: DeviceAddress) -> Result<()> {
        // SAFETY: has no requirement.
        self.check("cuCtxSynchronize", unsafe {
            (self.functions.context_synchronize)()
        })?;
        // SAFETY: promised by the caller, and nothing in flight uses the memory any more.
        self.check("cuMemFree", unsafe { (self.functions.free)(address) })
    }

    /// Device memory for what is put on `stream` from now on.
    ///
    /// # Safety
    /// `stream` is null or alive in the current context.
    pub(super) unsafe fn allocate_in_order(&self, bytes: usize, stream: Handle) -> Result<DeviceAddress> {
        let mut address = 0;
        // SAFETY: promised by the caller; writes one address.
        self.check("cuMemAllocAsync", unsafe {
            (self.functions.allocate_in_order)(&mut address, bytes, stream)
        })?;
        Ok(address)
    }

    /// Frees device memory once everything is done that has been put on `stream`.
    ///
    /// # Safety
    /// `address` comes from [`Driver::allocate_in_order`] in the current context, and is used in calls made before on `stream`
    /// alone, which is null or alive in that context.
    pub(super) unsafe fn free_in_order(&self, address: DeviceAddress, stream: Handle) -> Result<()> {
        // SAFETY: promised by the caller.
        self.check("cuMemFreeAsync", unsafe {
            (self.functions.free_in_order)(address, stream)
        })
    }

    /// Copies into device memory and waits until it is done.
    ///
    /// # Safety
    /// `bytes.len()` bytes at `to` are device memory of the current context that nothing else uses, and
    /// `stream` is null or alive in that context.
    pub(super) unsafe fn upload(&self, bytes: &[u8], to: DeviceAddress, stream: Handle) -> Result<()> {
        // SAFETY: promised by the caller; `bytes` outlives the wait below.
        self.check("cuMemcpyHtoDAsync", unsafe {
            (self.functions.copy_to_device)(to, bytes.as_ptr().cast(), bytes.len(), stream)
        })?;
        // SAFETY: promised by the caller.
        unsafe { self.synchronize(stream) }
    }

    /// Copies `bytes` bytes out of device memory and waits until it is done.
    ///
    /// # Safety
    /// As for [`Driver::upload`], and `to` has room for `bytes` bytes that nothing else uses.
    pub(super) unsafe fn download(
        &self,
        from: DeviceAddress,
        to: *mut u8,
        bytes: usize,
        stream: Handle,
    ) -> Result<()> {
        // SAFETY: promised by the caller.
        self.check("cuMemcpyDtoHAsync", unsafe {
            (self.functions.copy_to_host)(to.cast(), from, bytes, stream)
        })?;
        // SAFETY: promised by the caller.
        unsafe { self.synchronize(stream) }
    }

    /// # Safety
    /// `stream` is null or alive in the current context.
    unsafe fn synchronize(&self, stream: Handle) -> Result<()> {
        // SAFETY: promised by the caller.
        self.check("cuStreamSynchronize", unsafe {
            (self.functions.stream_synchronize)(stream)
        })
    }

    /// Launches a function with one parameter on `grid` = (x, y) blocks of `threads` threads.
    ///
    /// # Safety
    /// `function` is one of the current context whose only parameter has the type `P`, and what it does with
    /// `parameter` on this grid with `shared` bytes of shared memory is sound; `stream` is null or alive.
    pub(super) unsafe fn launch<P>(
        &self,
        function: Handle,
        grid: (u32, u32),
        threads: u32,
        shared: u32,
        stream: Handle,
        parameter: &P,
    ) -> Result<()> {
        let mut parameters: [*mut c_void; 1] = [ptr::from_ref(parameter).cast_mut().cast()];
        // SAFETY: promised by the caller; the driver copies the parameter before it returns.
        self.check("cuLaunchKernel", unsafe {
            (self.functions.launch)(
                function,
                grid.0,
                grid.1,
                1,
                threads,
                1,
                1,
                shared,
                stream,
                parameters.as_mut_ptr(),
                ptr::null_mut(),
            )
        })
    }
}
