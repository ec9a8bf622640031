//! The op entries, made once per ONNX Runtime in the process and added to session options.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use ort_sys::{
    OrtApi, OrtApiBase, OrtCustomOp, OrtCustomOpDomain, OrtSessionOptions, OrtStatus, OrtStatusPtr,
};
use prep_onnx_pipeline::{DOMAIN, Signature};

use super::cpu::Cpu;
use super::cuda::Cuda;
use super::entry::{Entry, Provider};
use super::status::{Failure, check, guarded};
use super::{callbacks, first_session, kernel};

/// The version of the API that is asked for, and that [`OrtCustomOp`] entries claim.
pub(crate) const API_VERSION: u32 = 17;

/// A domain with its ops. Both stay for the life of the process: sessions refer to them.
struct Domain {
    api: usize,
    domain: *mut OrtCustomOpDomain,
}

// SAFETY: ONNX Runtime only reads a domain once its ops are added.
unsafe impl Send for Domain {}

/// One domain per function table, that is per ONNX Runtime in the process.
static DOMAINS: Mutex<Vec<Domain>> = Mutex::new(Vec::new());

/// Registers the ops of the domain `prep.onnx`; ONNX Runtime calls this on loading the library.
///
/// On a runtime older than 1.17 it registers nothing and succeeds: the model's own function runs.
///
/// # Safety
/// The arguments are those that ONNX Runtime passes: live session options and its own API base.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn RegisterCustomOps(
    options: *mut OrtSessionOptions,
    api_base: *const OrtApiBase,
) -> *mut OrtStatus {
    // SAFETY: ONNX Runtime passes its API base.
    let api = unsafe {
        api_base
            .as_ref()
            .and_then(|base| (base.GetApi)(API_VERSION).as_ref())
    };
    match api {
        // SAFETY: passed on from the caller; a function table lives as long as the library it belongs to.
        Some(api) => unsafe { register(options, api) }.0,
        None => ptr::null_mut(),
    }
}

/// Registers the ops on session options of this process, without a shared library.
///
/// # Safety
/// `options` are live session options of the ONNX Runtime whose function table, of version 17 or newer,
/// is `api`.
pub unsafe fn register(options: *mut OrtSessionOptions, api: &'static OrtApi) -> OrtStatusPtr {
    guarded(api, DOMAIN, || {
        let domain = domain(api)?;
        // SAFETY: `options` are live; the domain is never released.
        check(unsafe { (api.AddCustomOpDomain)(options, domain) })
    })
}

fn domain(api: &'static OrtApi) -> Result<*mut OrtCustomOpDomain, Failure> {
    let key = ptr::from_ref(api).addr();
    let mut domains = DOMAINS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = domains.iter().find(|known| known.api == key) {
        return Ok(known.domain);
    }
    let name = CString::new(DOMAIN).unwrap_or_default();
    let mut domain = ptr::null_mut();
    // SAFETY: `name` ends with NUL and is copied; `domain` receives a new object.
    check(unsafe { (api.CreateCustomOpDomain)(name.as_ptr(), &mut domain) })?;
    for provider in Provider::usable() {
        for signature in Signature::all().filter(|signature| provider.has(*signature)) {
            let entry = Box::leak(Box::new(Entry {
                op: operator(*provider),
                api,
                provider: *provider,
                signature,
                name: CString::new(signature.name()).unwrap_or_default(),
            }));
            // The whole entry, not only its first field, is what the callbacks read.
            let op = ptr::from_mut(entry).cast_const().cast::<OrtCustomOp>();
            // SAFETY: domain and entry live for ever.
            check(unsafe { (api.CustomOpDomain_Add)(domain, op) })?;
        }
    }
    // SAFETY: the domain of above.
    unsafe { first_session::open(api, domain) };
    domains.push(Domain { api: key, domain });
    Ok(domain)
}

fn operator(provider: Provider) -> OrtCustomOp {
    // SAFETY: zeros are a value of the struct: a version of 0 and no callbacks. A literal would have to
    // name fields that exist only when another crate of the build enables a newer API.
    let mut op: OrtCustomOp = unsafe { MaybeUninit::zeroed().assume_init() };
    op.version = API_VERSION;
    op.GetName = Some(callbacks::get_name);
    op.GetExecutionProviderType = Some(callbacks::get_execution_provider);
    op.GetInputType = Some(callbacks::get_input_type);
    op.GetInputTypeCount = Some(callbacks::get_input_count);
    op.GetOutputType = Some(callbacks::get_output_type);
    op.GetOutputTypeCount = Some(callbacks::get_output_count);
    op.GetInputCharacteristic = Some(callbacks::get_characteristic);
    op.GetOutputCharacteristic = Some(callbacks::get_output_characteristic);
    op.GetInputMemoryType = Some(callbacks::get_memory_type);
    op.GetVariadicInputMinArity = Some(callbacks::get_arity);
    op.GetVariadicInputHomogeneity = Some(callbacks::get_homogeneity);
    op.GetVariadicOutputMinArity = Some(callbacks::get_arity);
    op.GetVariadicOutputHomogeneity = Some(callbacks::get_homogeneity);
    match provider {
        Provider::Cpu => {
            op.CreateKernelV2 = Some(kernel::create_kernel::<Cpu>);
            op.KernelComputeV2 = Some(kernel::compute::<Cpu>);
            op.KernelDestroy = Some(kernel::destroy_kernel::<Cpu>);
        }
        Provider::Cuda | Provider::CudaPlugin => {
            op.CreateKernelV2 = Some(kernel::create_kernel::<Cuda>);
            op.KernelComputeV2 = Some(kernel::compute::<Cuda>);
            op.KernelDestroy = Some(kernel::destroy_kernel::<Cuda>);
        }
    }
    op.InferOutputShapeFn = Some(callbacks::infer_shape);
    op.GetStartVersion = Some(callbacks::get_version);
    op.GetEndVersion = Some(callbacks::get_version);
    op
}
