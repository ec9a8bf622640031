//! The execution provider that runs a model.

use clap::ValueEnum;
use ort::ep::{CUDA, ExecutionProvider as _};
use ort::session::builder::SessionBuilder;
use prep_onnx_pipeline::{Error, Result};
use serde::Serialize;

use crate::runtime::{Loaded, preload_cuda};

/// Which execution provider of ONNX Runtime runs a model. Nothing falls back from one to the other in silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// The processor
    #[default]
    Cpu,
    /// The first NVIDIA GPU
    Cuda,
}

impl Provider {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
        }
    }

    /// The error with why and what to do, where what ONNX Runtime says of this provider tells that.
    pub(super) fn advise(self, error: Error, message: &str) -> Error {
        let message = message.to_ascii_lowercase();
        match self {
            Self::Cuda if message.contains("cudnn") => error
                .why("the model has ops that need cuDNN, and it was not found or does not fit")
                .fix(CUDNN),
            Self::Cuda
                if message.contains("out of memory") || message.contains("failed to allocate memory") =>
            {
                error
                    .why("the memory of the GPU is full")
                    .fix("run fewer images at once with --batch, or end what else is on the GPU")
            }
            _ => error,
        }
    }

    pub(super) fn register(self, loaded: &Loaded, builder: SessionBuilder) -> Result<SessionBuilder> {
        match self {
            Self::Cpu => Ok(builder),
            Self::Cuda => cuda(loaded, builder),
        }
    }
}

const CUDNN: &str =
    "install nvidia-cudnn of the runtime's CUDA version beside it, or put cuDNN's folder on LD_LIBRARY_PATH";

const FIX: &str = "install onnxruntime-gpu and name its library with --runtime PATH, or leave out --ep cuda";

fn cuda(loaded: &Loaded, builder: SessionBuilder) -> Result<SessionBuilder> {
    let library = loaded.runtime().path.display();
    if !matches!(CUDA::is_available(), Ok(true)) {
        let providers = prep_onnx_op::host::available_providers().unwrap_or_default();
        return Err(
            Error::new("--ep cuda", "this ONNX Runtime has no CUDA execution provider")
                .expected_got(CUDA::NAME, providers.join(", "))
                .why(format!("{library} is a build without CUDA"))
                .fix(FIX),
        );
    }
    preload_cuda(loaded.runtime());
    let provider = CUDA::default().build().error_on_failure();
    builder
        .with_execution_providers([provider])
        .map_err(|error| cannot_start(error.message()))
}

/// Why the provider did not start: the driver where that is the reason, else what ONNX Runtime says.
fn cannot_start(message: &str) -> Error {
    if let Err(driver) = prep_onnx_op::cuda::status() {
        return driver.within("--ep cuda");
    }
    let message = super::one_line(message);
    // What comes before names a line in the source of ONNX Runtime.
    let message = message
        .rsplit_once(" : FAIL : ")
        .map_or(message.as_str(), |(_, said)| said);
    let (why, fix) = match missing_library(message) {
        Some(library) if library.starts_with("libcudnn") => {
            (format!("it needs cuDNN: {library} was not found"), CUDNN)
        }
        Some(library) => (
            format!("it needs the CUDA libraries: {library} was not found"),
            "install onnxruntime-gpu[cuda,cudnn], or put the folder of the CUDA libraries on LD_LIBRARY_PATH",
        ),
        None => (
            "the driver answers, so the provider's libraries or the GPU itself are the cause".to_owned(),
            "check with nvidia-smi that the GPU is free and its driver fits this ONNX Runtime, or leave out --ep cuda",
        ),
    };
    Error::new(
        "--ep cuda",
        format_args!("the CUDA execution provider does not start: {message}"),
    )
    .why(why)
    .fix(fix)
}

/// The shared library that a message of the dynamic loader names.
fn missing_library(message: &str) -> Option<&str> {
    let (before, _) = message.split_once(": cannot open shared object file")?;
    before
        .rsplit([' ', ':', '/'])
        .find(|word| word.starts_with("lib"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missing_library_is_named() {
        let message = "Failed to load library libonnxruntime_providers_cuda.so with error: libcudnn.so.9: cannot open \
                       shared object file: No such file or directory";
        assert_eq!(missing_library(message), Some("libcudnn.so.9"));
        assert_eq!(
            missing_library("CUDA failure 100: no CUDA-capable device is detected"),
            None
        );
    }

    #[test]
    fn what_the_gpu_lacks_is_told() {
        let advised =
            |provider: Provider, message: &str| provider.advise(Error::new("m.onnx", message), message);
        let error = advised(Provider::Cuda, "A cuDNN handle is required for CUDA reduction.");
        assert!(error.help().is_some_and(|help| help.contains("nvidia-cudnn")));
        let error = advised(
            Provider::Cuda,
            "Failed to allocate memory for requested buffer of size 9",
        );
        assert!(error.help().is_some_and(|help| help.contains("--batch")));
        assert_eq!(advised(Provider::Cpu, "out of memory").help(), None);
    }
}
