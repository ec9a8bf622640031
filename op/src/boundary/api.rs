//! The functions of ONNX Runtime that the callbacks use, with slices and results instead of pointers.

use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_void};
use std::mem::ManuallyDrop;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Mutex, PoisonError};

use ort_sys::{
    ONNXTensorElementDataType, OrtApi, OrtKernelContext, OrtKernelInfo, OrtOpAttr, OrtOpAttrType,
    OrtShapeInferContext, OrtTensorTypeAndShapeInfo, OrtValue,
};
use prep_onnx_pipeline::{Error, Result};

use super::status::{Failure, check, panicked};
use crate::run::Executor;

/// Most axes of an input that are looked at; an input with more has a wrong rank anyway.
const MAX_RANK: usize = 8;

/// Stands for the number of images among extents.
pub(crate) const IMAGES: i64 = i64::MIN;

/// The extents of an input.
pub(crate) struct Extents {
    values: [i64; MAX_RANK],
    rank: usize,
}

impl Extents {
    pub(crate) fn as_slice(&self) -> &[i64] {
        &self.values[..self.rank]
    }
}

/// One input: its extents and elements.
pub(crate) struct Input<'a, T> {
    pub(crate) extents: Extents,
    pub(crate) elements: &'a [T],
}

/// One input wherever it is: its extents, the number of its elements and their address.
pub(crate) struct RawInput {
    pub(crate) extents: Extents,
    pub(crate) count: usize,
    pub(crate) address: *const c_void,
}

/// A type that tensor elements have.
///
/// # Safety
/// Every bit pattern of `TYPE` is a value.
pub(crate) unsafe trait TensorElement: Copy {
    const TYPE: ONNXTensorElementDataType;
}

// SAFETY: a byte.
unsafe impl TensorElement for u8 {
    const TYPE: ONNXTensorElementDataType = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UINT8;
}

// SAFETY: an integer.
unsafe impl TensorElement for i64 {
    const TYPE: ONNXTensorElementDataType = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64;
}

/// The context of one kernel call.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    api: &'a OrtApi,
    context: *mut OrtKernelContext,
}

impl<'a> Context<'a> {
    /// # Safety
    /// `context` is the one that ONNX Runtime gave to the running kernel callback, which lasts for `'a`.
    pub(crate) unsafe fn new(api: &'a OrtApi, context: *mut OrtKernelContext) -> Self {
        Self { api, context }
    }

    /// Input `index`, which must be a tensor on the CPU.
    pub(crate) fn input<T: TensorElement>(&self, index: usize, name: &str) -> Result<Input<'a, T>, Failure> {
        let RawInput {
            extents,
            count,
            address,
        } = self.raw_input::<T>(index, name)?;
        let elements: &[T] = if count == 0 {
            &[]
        } else {
            // SAFETY: ONNX Runtime says that the tensor has `count` elements of type `T`; they are aligned
            // and stay unchanged until the call returns.
            unsafe { std::slice::from_raw_parts(address.cast(), count) }
        };
        Ok(Input { extents, elements })
    }

    /// Input `index`, in the memory of the execution provider.
    pub(crate) fn raw_input<T: TensorElement>(&self, index: usize, name: &str) -> Result<RawInput, Failure> {
        let mut value: *const OrtValue = ptr::null();
        // SAFETY: the context is that of the running call; `value` receives a pointer that it owns.
        check(unsafe { (self.api.KernelContext_GetInput)(self.context, index, &mut value) })?;
        if value.is_null() {
            return Err(Error::new(name, "is missing").into());
        }
        // SAFETY: `value` is a live input of this call.
        let (extents, count, element_type) = unsafe { tensor_info(self.api, value) }?;
        if element_type as u32 != T::TYPE as u32 {
            return Err(Error::new(name, "has another element type")
                .expected_got(format_args!("{:?}", T::TYPE), format_args!("{element_type:?}"))
                .into());
        }
        let mut data: *mut c_void = ptr::null_mut();
        // SAFETY: as above; the call only hands out the address, nothing is written through it.
        check(unsafe { (self.api.GetTensorMutableData)(value.cast_mut(), &mut data) })?;
        Ok(RawInput {
            extents,
            count,
            address: data,
        })
    }

    /// The CUDA stream that the work of this call must go to.
    pub(crate) fn gpu_stream(&self) -> Result<*mut c_void, Failure> {
        let mut stream = ptr::null_mut();
        // SAFETY: the context is that of the running call; `stream` receives a handle.
        check(unsafe { (self.api.KernelContext_GetGPUComputeStream)(self.context, &mut stream) })?;
        Ok(stream)
    }

    /// How many outputs the node has.
    pub(crate) fn output_count(&self) -> Result<usize, Failure> {
        let mut count = 0;
        // SAFETY: the context is that of the running call.
        check(unsafe { (self.api.KernelContext_GetOutputCount)(self.context, &mut count) })?;
        Ok(count)
    }

    /// Creates output `index` and gives the address of its elements; null for an output that nobody uses.
    pub(crate) fn output(&self, index: usize, extents: &[usize]) -> Result<*mut c_void, Failure> {
        let rank = extents.len().min(MAX_RANK);
        let mut values = [0; MAX_RANK];
        for (value, extent) in values.iter_mut().zip(extents) {
            *value = *extent as i64;
        }
        let mut value: *mut OrtValue = ptr::null_mut();
        // SAFETY: the context is that of the running call, `values` has `rank` extents and outlives it.
        check(unsafe {
            (self.api.KernelContext_GetOutput)(self.context, index, values.as_ptr(), rank, &mut value)
        })?;
        let mut data: *mut c_void = ptr::null_mut();
        if value.is_null() {
            return Ok(data);
        }
        // SAFETY: `value` is the output just created.
        check(unsafe { (self.api.GetTensorMutableData)(value, &mut data) })?;
        Ok(data)
    }
}

/// # Safety
/// `value` is a live tensor.
unsafe fn tensor_info(
    api: &OrtApi,
    value: *const OrtValue,
) -> Result<(Extents, usize, ONNXTensorElementDataType), Failure> {
    let mut info = ptr::null_mut();
    // SAFETY: promised by the caller; `info` receives an object that `Info` releases.
    check(unsafe { (api.GetTensorTypeAndShape)(value, &mut info) })?;
    let info = Info { api, info };
    let mut count = 0;
    let mut element_type = ONNXTensorElementDataType::ONNX_TENSOR_ELEMENT_DATA_TYPE_UNDEFINED;
    // SAFETY: `info` is live.
    check(unsafe { (api.GetTensorShapeElementCount)(info.info, &mut count) })?;
    // SAFETY: `info` is live. A type that the enum lacks cannot come: ONNX Runtime compares the inputs of a
    // custom op with their declared types before it makes the session.
    check(unsafe { (api.GetTensorElementType)(info.info, &mut element_type) })?;
    let (extents, _) = info.extents()?;
    Ok((extents, count, element_type))
}

/// A type and shape, released at the end unless ONNX Runtime owns it.
struct Info<'a> {
    api: &'a OrtApi,
    info: *mut OrtTensorTypeAndShapeInfo,
}

impl Info<'_> {
    /// The extents; a rank above [`MAX_RANK`] is cut, and still no shape that is accepted. Then the names
    /// of the axes, owned by the info.
    fn extents(&self) -> Result<(Extents, [*const c_char; MAX_RANK]), Failure> {
        let mut rank = 0;
        // SAFETY: `info` is live.
        check(unsafe { (self.api.GetDimensionsCount)(self.info, &mut rank) })?;
        let rank = rank.min(MAX_RANK);
        let mut values = [0; MAX_RANK];
        let mut names = [c"".as_ptr(); MAX_RANK];
        // SAFETY: `info` is live, and `values` has room for `rank` values.
        check(unsafe { (self.api.GetDimensions)(self.info, values.as_mut_ptr(), rank) })?;
        // SAFETY: the same for `names`.
        check(unsafe { (self.api.GetSymbolicDimensions)(self.info, names.as_mut_ptr(), rank) })?;
        Ok((Extents { values, rank }, names))
    }
}

impl Drop for Info<'_> {
    fn drop(&mut self) {
        // SAFETY: the object is ours and not used afterwards.
        unsafe { (self.api.ReleaseTensorTypeAndShapeInfo)(self.info) }
    }
}

/// Runs jobs on the threads of the session that the kernel belongs to.
pub(crate) struct SessionThreads<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) threads: NonZero<usize>,
}

struct Job<'a> {
    job: &'a (dyn Fn(usize) + Sync),
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

unsafe extern "C" fn run_job(data: *mut c_void, index: usize) {
    // SAFETY: `for_each` passes its `Job`, which lives until all calls have returned.
    let job = unsafe { &*data.cast_const().cast::<Job<'_>>() };
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (job.job)(index))) {
        *job.panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(panic);
    }
}

impl Executor for SessionThreads<'_> {
    fn threads(&self) -> usize {
        self.threads.get()
    }

    fn for_each(&self, total: usize, job: &(dyn Fn(usize) + Sync)) -> Result<()> {
        let job = Job {
            job,
            panic: Mutex::new(None),
        };
        let Context { api, context } = self.context;
        // SAFETY: the context is that of the running call; `run_job` gets the address of `job`, which
        // outlives the call because ParallelFor returns only after every job.
        let status = unsafe {
            (api.KernelContext_ParallelFor)(context, run_job, total, 0, (&raw const job).cast_mut().cast())
        };
        if !status.0.is_null() {
            // SAFETY: a status that is not null is live until released, and its message as long as it.
            let text = unsafe { CStr::from_ptr((api.GetErrorMessage)(status.0)) }
                .to_string_lossy()
                .into_owned();
            // SAFETY: not used afterwards.
            unsafe { (api.ReleaseStatus)(status.0) };
            return Err(Error::new("KernelContext_ParallelFor", text));
        }
        match job.panic.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(panic) => Err(panicked(panic.as_ref())),
            None => Ok(()),
        }
    }
}

/// What ONNX Runtime tells a kernel at its creation.
pub(crate) struct KernelInfo<'a> {
    api: &'a OrtApi,
    info: *const OrtKernelInfo,
}

impl<'a> KernelInfo<'a> {
    /// # Safety
    /// `info` is the one that ONNX Runtime gave to the running creation callback, which lasts for `'a`.
    pub(crate) unsafe fn new(api: &'a OrtApi, info: *const OrtKernelInfo) -> Self {
        Self { api, info }
    }

    /// The name of the node; empty where it has none.
    pub(crate) fn node_name(&self) -> String {
        self.text(|buffer, size| {
            // SAFETY: `info` is live; `text` passes a buffer of `size` bytes.
            unsafe { (self.api.KernelInfo_GetNodeName)(self.info, buffer, size) }
        })
        .unwrap_or_default()
    }

    /// A string attribute.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        let name = CString::new(name).ok()?;
        self.text(|buffer, size| {
            // SAFETY: `info` is live, `name` ends with NUL; `text` passes a buffer of `size` bytes.
            unsafe { (self.api.KernelInfoGetAttribute_string)(self.info, name.as_ptr(), buffer, size) }
        })
    }

    /// Whether there is an attribute of that name that is a number, or a list of numbers.
    pub(crate) fn is_number(&self, name: &str) -> bool {
        let Ok(name) = CString::new(name) else {
            return false;
        };
        let (name, info) = (name.as_ptr(), self.info);
        let (mut integer, mut float, mut length) = (0, 0.0, 0);
        // SAFETY: `info` is live, `name` ends with NUL, and the numbers outlive the calls; without a buffer the
        // functions for lists give the length alone.
        let statuses = unsafe {
            [
                (self.api.KernelInfoGetAttribute_int64)(info, name, &mut integer),
                (self.api.KernelInfoGetAttribute_float)(info, name, &mut float),
                (self.api.KernelInfoGetAttributeArray_int64)(info, name, ptr::null_mut(), &mut length),
                (self.api.KernelInfoGetAttributeArray_float)(info, name, ptr::null_mut(), &mut length),
            ]
        };
        // Every status is released, so no short cut.
        let found = statuses.map(|status| self.accept(status).is_some());
        found.contains(&true)
    }

    /// Asks for the size, then for the text.
    fn text(&self, read: impl Fn(*mut c_char, &mut usize) -> ort_sys::OrtStatusPtr) -> Option<String> {
        let mut size = 0;
        self.accept(read(ptr::null_mut(), &mut size))?;
        let mut bytes = vec![0_u8; size];
        self.accept(read(bytes.as_mut_ptr().cast(), &mut size))?;
        bytes.truncate(size);
        Some(text_of(bytes))
    }

    fn accept(&self, status: ort_sys::OrtStatusPtr) -> Option<()> {
        release(self.api, status)
    }
}

fn release(api: &OrtApi, status: ort_sys::OrtStatusPtr) -> Option<()> {
    if status.0.is_null() {
        return Some(());
    }
    // SAFETY: a status that is not null is ours and not used afterwards.
    unsafe { (api.ReleaseStatus)(status.0) };
    None
}

fn text_of(mut bytes: Vec<u8>) -> String {
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The context of shape inference.
pub(crate) struct ShapeContext<'a> {
    api: &'a OrtApi,
    context: *mut OrtShapeInferContext,
}

impl<'a> ShapeContext<'a> {
    /// # Safety
    /// `context` is the one that ONNX Runtime gave to the running callback, which lasts for `'a`.
    pub(crate) unsafe fn new(api: &'a OrtApi, context: *mut OrtShapeInferContext) -> Self {
        Self { api, context }
    }

    /// A string attribute.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        let name = CString::new(name).ok()?;
        let mut attribute: *const OrtOpAttr = ptr::null();
        // SAFETY: the context is that of the running call, `name` ends with NUL.
        release(self.api, unsafe {
            (self.api.ShapeInferContext_GetAttribute)(self.context, name.as_ptr(), &mut attribute)
        })?;
        let read = |bytes: &mut [u8], size: &mut usize| {
            // SAFETY: `attribute` is owned by the model; `bytes` has the length that is given.
            unsafe {
                (self.api.ReadOpAttr)(
                    attribute,
                    OrtOpAttrType::ORT_OP_ATTR_STRING,
                    bytes.as_mut_ptr().cast(),
                    bytes.len(),
                    size,
                )
            }
        };
        let mut size = 0;
        // The first call fails, as the buffer is too small, and gives the size.
        release(self.api, read(&mut [], &mut size));
        let mut bytes = vec![0; size + 1];
        release(self.api, read(&mut bytes, &mut size))?;
        bytes.truncate(size);
        Some(text_of(bytes))
    }

    /// Sets the type of the first output, and its extents, at most [`MAX_RANK`]: -1 where unknown, and that of the first
    /// axis of input `images_from` for [`IMAGES`].
    pub(crate) fn set_output(
        &self,
        element_type: ONNXTensorElementDataType,
        images_from: usize,
        extents: &[i64],
    ) -> Result<(), Failure> {
        let mut input = ptr::null_mut();
        // SAFETY: the context is that of the running call.
        check(unsafe {
            (self.api.ShapeInferContext_GetInputTypeShape)(self.context, images_from, &mut input)
        })?;
        // The context owns it.
        let input = ManuallyDrop::new(Info {
            api: self.api,
            info: input,
        });
        let (input_extents, input_names) = input.extents()?;
        let rank = extents.len().min(MAX_RANK);
        // A name of its own for each unknown extent: without one it would be an extent of -1, which no output has
        // and which nodes behind take for a number.
        let unknown: Vec<CString> = (0..rank)
            .map(|axis| CString::new(format!("prep_onnx_axis_{axis}")).unwrap_or_default())
            .collect();
        let mut names = [c"".as_ptr(); MAX_RANK];
        let mut values = [-1; MAX_RANK];
        for (axis, extent) in extents.iter().take(rank).enumerate() {
            let images = input_extents.as_slice().first();
            (values[axis], names[axis]) = match (*extent, images) {
                (IMAGES, Some(images)) => (*images, input_names[0]),
                (extent, _) => (extent.max(-1), c"".as_ptr()),
            };
            // SAFETY: ONNX Runtime's names end with NUL and live as long as `input`.
            let is_unnamed = names[axis].is_null() || unsafe { CStr::from_ptr(names[axis]) }.is_empty();
            if values[axis] < 0 && is_unnamed {
                names[axis] = unknown[axis].as_ptr();
            }
        }
        let mut output = ptr::null_mut();
        // SAFETY: `output` receives an object that `Info` releases.
        check(unsafe { (self.api.CreateTensorTypeAndShapeInfo)(&mut output) })?;
        let output = Info {
            api: self.api,
            info: output,
        };
        // SAFETY: in these four calls `output` is live, the arrays have `rank` elements at least, and the names are
        // owned by `input` and `unknown`, which are alive; ONNX Runtime copies them.
        unsafe {
            check((self.api.SetTensorElementType)(output.info, element_type))?;
            check((self.api.SetDimensions)(output.info, values.as_ptr(), rank))?;
            check((self.api.SetSymbolicDimensions)(
                output.info,
                names.as_mut_ptr(),
                rank,
            ))?;
            check((self.api.ShapeInferContext_SetOutputTypeShape)(
                self.context,
                0,
                output.info,
            ))
        }
    }
}
