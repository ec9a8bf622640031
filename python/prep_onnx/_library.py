"""The op library that is in the package."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

from prep_onnx import _native
from prep_onnx._errors import IoError, UsageError

_NAMES = {"win32": "prep_onnx_op.dll", "darwin": "libprep_onnx_op.dylib"}


@functools.cache
def installed() -> str:
    """The path of the library, which the crates are told once."""
    name = _NAMES.get(sys.platform, "libprep_onnx_op.so")
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), name)
    _native.install(path, sys.executable or None)
    return path


def get_library_path() -> str:
    """The path of the op library `libprep_onnx_op`, for `SessionOptions.register_custom_ops_library`.

    Raises:
        IoError: The package was installed without it.
    """
    path = installed()
    if not os.path.isfile(path):
        raise IoError(f"{path}: is not there", "this package was built without the op library", "build the wheel with python/build.py")
    return path


def register(session_options: Any) -> None:
    """Registers the op library on an `onnxruntime.SessionOptions`: embedded models then run on the fused kernels.

    The functions in models of one-file form are no longer expanded before the quantised operators are fused
    (`session.disable_aot_function_inlining`): with the library there is nothing of ours to expand.

    Raises:
        IoError: The package was installed without the library.
        UsageError: These are no session options.
    """
    if not hasattr(session_options, "register_custom_ops_library"):
        got = type(session_options).__name__
        raise UsageError(f"session_options: are none: expected onnxruntime.SessionOptions, got {got}", None, "options = onnxruntime.SessionOptions()")
    session_options.register_custom_ops_library(get_library_path())
    session_options.add_session_config_entry("session.disable_aot_function_inlining", "1")
