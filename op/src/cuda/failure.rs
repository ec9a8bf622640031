//! What a failed driver call means and what to do about it.

use prep_onnx_pipeline::Error;

/// The driver's result codes that have an own remedy.
const OUT_OF_MEMORY: i32 = 2;
const NO_DEVICE: i32 = 100;
const INVALID_CONTEXT: i32 = 201;
const NO_BINARY_FOR_GPU: i32 = 209;
const INVALID_PTX: i32 = 218;
const UNSUPPORTED_PTX_VERSION: i32 = 222;
const ILLEGAL_ADDRESS: i32 = 700;
const LAUNCH_OUT_OF_RESOURCES: i32 = 701;
const NOT_SUPPORTED: i32 = 801;
const STREAM_CAPTURE: std::ops::RangeInclusive<i32> = 900..=909;

/// The error of driver call `call`, which gave `code`, in the driver's words `name`.
pub(super) fn failure(call: &str, code: i32, name: &str) -> Error {
    let error = Error::new(call, format_args!("failed with {name} ({code})"));
    match code {
        OUT_OF_MEMORY => error
            .why("each new image size puts weight tables of a few kilobytes into GPU memory, and a plan of several steps keeps its images there between them")
            .fix("free GPU memory: a smaller batch, fewer processes, or a lower gpu_mem_limit of the CUDA execution provider"),
        NO_DEVICE => error.fix("check that nvidia-smi lists a GPU and that CUDA_VISIBLE_DEVICES does not hide it"),
        INVALID_CONTEXT => error.fix("run on a thread whose current CUDA context is alive, or with none"),
        NO_BINARY_FOR_GPU => error
            .why("the kernel is compiled for GPUs of compute capability 7.0 and newer")
            .fix("use a GPU of the Volta generation or newer, or the CPU execution provider"),
        INVALID_PTX | UNSUPPORTED_PTX_VERSION => error
            .why("the kernel is PTX 8.0, which drivers from 525 (CUDA 12.0) on translate")
            .fix("update the NVIDIA driver, or use the CPU execution provider"),
        ILLEGAL_ADDRESS => error
            .why("the driver reports the failure of an earlier kernel of the process here")
            .fix("run under compute-sanitizer to find that kernel"),
        LAUNCH_OUT_OF_RESOURCES => error
            .fix("use the CPU execution provider, and report the GPU's name: the kernel needs 48 KB of shared memory and 64 registers a thread"),
        NOT_SUPPORTED => error
            .why("a plan of several steps takes memory in the order of the stream, which this GPU or its sharing does not allow")
            .fix("use the CPU execution provider"),
        code if STREAM_CAPTURE.contains(&code) => error
            .why("an image size seen for the first time needs memory, which cannot be had while a CUDA graph is captured")
            .fix("run once with the same image sizes before the capture"),
        _ => error.fix(format_args!("see {name} in NVIDIA's documentation of the CUDA driver API")),
    }
}
