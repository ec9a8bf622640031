//! The kernel callbacks: making, running and dropping what one node computes with.

use std::ffi::c_void;

use ort_sys::{OrtApi, OrtCustomOp, OrtKernelContext, OrtKernelInfo, OrtStatusPtr};
use prep_onnx_pipeline::{Accept, Error, PLAN_ATTRIBUTE, Plan, Signature, Version};

use super::api::{Context, KernelInfo};
use super::entry::Entry;
use super::status::{Failure, guarded};
use crate::run::fixed_output;
use crate::staged::mixed;

/// What a node computes with on one execution provider. Sessions run it from several threads at once.
pub(super) trait Work: Sync + Sized {
    /// Prepares the plan of a node, which `entry` can run.
    fn new(entry: &Entry, plan: Plan, info: &KernelInfo<'_>) -> Result<Self, Failure>;

    /// One call of the node.
    fn compute(&self, context: Context<'_>) -> Result<(), Failure>;
}

struct Kernel<W> {
    api: &'static OrtApi,
    title: String,
    work: W,
}

pub(super) unsafe extern "system" fn create_kernel<W: Work>(
    op: *const OrtCustomOp,
    _: *const OrtApi,
    info: *const OrtKernelInfo,
    kernel: *mut *mut c_void,
) -> OrtStatusPtr {
    // SAFETY: ONNX Runtime hands back the entry that was registered.
    let entry = unsafe { Entry::of(op) };
    guarded(entry.api, &entry.title(), || {
        // SAFETY: `info` is that of this callback.
        let info = unsafe { KernelInfo::new(entry.api, info) };
        let made = Box::new(Kernel {
            api: entry.api,
            title: title(entry, &info),
            work: W::new(entry, plan(entry, &info)?, &info)?,
        });
        // SAFETY: ONNX Runtime passes where the kernel's address goes.
        unsafe { kernel.write(Box::into_raw(made).cast()) };
        Ok(())
    })
}

pub(super) unsafe extern "system" fn compute<W: Work>(
    kernel: *mut c_void,
    context: *mut OrtKernelContext,
) -> OrtStatusPtr {
    // SAFETY: ONNX Runtime hands back what `create_kernel` made for the same entry, before `destroy_kernel`,
    // and it is only ever shared.
    let kernel = unsafe { &*kernel.cast_const().cast::<Kernel<W>>() };
    guarded(kernel.api, &kernel.title, || {
        // SAFETY: `context` is that of this callback.
        kernel.work.compute(unsafe { Context::new(kernel.api, context) })
    })
}

pub(super) unsafe extern "system" fn destroy_kernel<W: Work>(kernel: *mut c_void) {
    if !kernel.is_null() {
        // SAFETY: ONNX Runtime hands back what `create_kernel` made for the same entry, once, after the last
        // run. Dropping frees memory, on CUDA also of the GPU, reports no failure of that and cannot panic.
        drop(unsafe { Box::from_raw(kernel.cast::<Kernel<W>>()) });
    }
}

/// What messages call a node.
fn title(entry: &Entry, info: &KernelInfo<'_>) -> String {
    let node = info.node_name();
    if node.is_empty() {
        entry.title()
    } else {
        format!("{} ({node})", entry.title())
    }
}

/// The plan of a node, which the entry can run.
fn plan(entry: &Entry, info: &KernelInfo<'_>) -> Result<Plan, Failure> {
    let text = info.string(PLAN_ATTRIBUTE).ok_or_else(|| {
        Error::new(PLAN_ATTRIBUTE, "is missing")
            .expected_got("a string attribute that holds a fused plan", "none")
            .fix("write the model with `prep-onnx embed`")
    })?;
    let plan = Plan::from_json(&text)?;
    let signature = entry.signature;
    if plan.version() != signature.version {
        return Err(Error::new(PLAN_ATTRIBUTE, "is of another version than the op")
            .expected_got(signature.version.number(), plan.version().number())
            .fix("write the model with `prep-onnx embed`")
            .into());
    }
    if plan.form.dtype != signature.dtype {
        return Err(
            Error::new(PLAN_ATTRIBUTE, "gives another element type than the op")
                .expected_got(signature.dtype, plan.form.dtype)
                .into(),
        );
    }
    let needed = Signature::of(&plan, signature.accept);
    if needed != signature {
        return Err(Error::new(PLAN_ATTRIBUTE, "has other outputs than the op")
            .expected_got(format_args!("the op {}", needed.name()), signature.name())
            .fix("write the model with `prep-onnx embed`")
            .into());
    }
    if signature.accept != Accept::Batch {
        match signature.version {
            Version::V1 => {
                fixed_output(&plan.to_v1()?)?;
            }
            Version::V2 => mixed(&plan)?,
        }
    }
    Ok(plan)
}
