//! The execution providers, and another runtime, that something is known about, whether this program runs them or not.

use clap::ValueEnum;
use serde::Serialize;

use crate::host::Provider;

/// An execution provider of ONNX Runtime, or a runtime that converts the file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// The processor
    #[default]
    Cpu,
    /// NVIDIA GPUs
    Cuda,
    /// NVIDIA GPUs, by TensorRT
    Tensorrt,
    /// Intel's processors, GPUs and NPUs, by OpenVINO
    Openvino,
    /// GPUs in browsers and Node
    Webgpu,
    /// GPUs on Windows
    Directml,
    /// Apple's processors, GPUs and Neural Engine
    Coreml,
    /// Qualcomm's NPUs
    Qnn,
    /// Processors of phones
    Xnnpack,
    /// MNN, which is no provider but a runtime of phones that converts the file
    Mnn,
}

impl Target {
    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Tensorrt => "tensorrt",
            Self::Openvino => "openvino",
            Self::Webgpu => "webgpu",
            Self::Directml => "directml",
            Self::Coreml => "coreml",
            Self::Qnn => "qnn",
            Self::Xnnpack => "xnnpack",
            Self::Mnn => "mnn",
        }
    }

    /// The provider that this program runs models on, where it is one.
    pub const fn provider(self) -> Option<Provider> {
        match self {
            Self::Cpu => Some(Provider::Cpu),
            Self::Cuda => Some(Provider::Cuda),
            Self::Tensorrt
            | Self::Openvino
            | Self::Webgpu
            | Self::Directml
            | Self::Coreml
            | Self::Qnn
            | Self::Xnnpack
            | Self::Mnn => None,
        }
    }

    /// What the table of defects rests on for it: what it does not hold may be unknown rather than right.
    pub const fn basis(self) -> &'static str {
        match self {
            Self::Cpu => "measured, ONNX Runtime 1.17 to 1.32",
            Self::Cuda => "read in the library and its lists of kernels; nothing was run on a GPU",
            Self::Tensorrt => "read; nothing was run on it, so what is not listed is unknown",
            Self::Openvino => {
                "measured, provider 1.24.1 and OpenVINO's own reader 2026.4: with the op library registered every bit was equal"
            }
            Self::Webgpu => {
                "measured, onnxruntime-web 1.30 in Chromium and onnxruntime-node 1.30, both on a software GPU"
            }
            Self::Directml | Self::Coreml => "read; nothing was run on it, so what is not listed is unknown",
            Self::Qnn => {
                "measured, provider 2.7 on a processor (Htp): with the op library registered every bit was equal"
            }
            Self::Xnnpack => "nothing was read of it or run on it: all is unknown",
            Self::Mnn => {
                "measured, MNN 3.6.1 on a processor: what --lower standard --image-size writes had every bit for every preset"
            }
        }
    }
}

impl From<Provider> for Target {
    fn from(provider: Provider) -> Self {
        match provider {
            Provider::Cpu => Self::Cpu,
            Provider::Cuda => Self::Cuda,
        }
    }
}
