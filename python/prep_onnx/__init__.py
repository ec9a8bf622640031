"""Puts the preprocessing of vision models into ONNX files, bit for bit, and runs it.

- `embed`, `strip`, `inspect`, `verify`: ONNX files, as paths, bytes or `onnx.ModelProto`.
- `get_library_path`, `register`: the op library, for sessions of ONNX Runtime.
- `Pipeline`: preprocessing without ONNX: images in, the tensor of the original library out.
- `learn`: the pipeline of any callable, from its answers.
- `diagnose`: what another program does otherwise, from one tensor of it.
- `Loader`: image files to batches of pixels, on threads.
- `prep_onnx.transformers`: the same pipelines as a backend of transformers' image processors.
- `prep_onnx.ray`: many images on many machines.

Errors are `PrepOnnxError`; what is wrong with which thing, why, and what to do are in its text.
"""

from prep_onnx._diagnose import Diagnosis, Finding, diagnose
from prep_onnx._errors import (
    AssumedPipelineWarning,
    ConfigError,
    ImageError,
    IoError,
    LimitError,
    ModelError,
    PrepOnnxError,
    RuntimeUnavailableError,
    UnsupportedError,
    UsageError,
)
from prep_onnx._learn import Learned, learn
from prep_onnx._library import get_library_path, register
from prep_onnx._loader import Batch, Item, Loader
from prep_onnx._models import embed, export_triton, inspect, strip, verify
from prep_onnx._native import __version__
from prep_onnx._pipeline import Pipeline

__all__ = [
    "AssumedPipelineWarning",
    "Batch",
    "ConfigError",
    "Diagnosis",
    "Finding",
    "ImageError",
    "IoError",
    "Item",
    "Learned",
    "LimitError",
    "Loader",
    "ModelError",
    "Pipeline",
    "PrepOnnxError",
    "RuntimeUnavailableError",
    "UnsupportedError",
    "UsageError",
    "__version__",
    "diagnose",
    "embed",
    "export_triton",
    "get_library_path",
    "inspect",
    "learn",
    "register",
    "strip",
    "verify",
]
