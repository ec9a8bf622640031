"""Models and data configs of timm."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any

from prep_onnx import _native
from prep_onnx._errors import ConfigError
from prep_onnx._sources import Read, pillow

_PREFIXES = ("hf_hub:timm/", "hf-hub:timm/", "timm/", "timm:")


def read(model: Any, size: tuple[int, int] | None, resampler: str | None) -> Read:
    """A model, the config of one, or the name of one."""
    if isinstance(model, str):
        for prefix in _PREFIXES:
            model = model.removeprefix(prefix)
        return _native.read_named(f"timm:{model}", resampler=resampler, size=size)
    if not isinstance(model, Mapping):
        if not hasattr(model, "pretrained_cfg"):
            raise ConfigError(
                f"model: is none of timm: expected a model, a data config or a name, got {type(model).__name__}"
            )
        data: Any = importlib.import_module("timm.data")
        model = data.resolve_data_config({}, model=model)
    return _native.read_config(json.dumps(dict(model), default=list), resampler=resampler or pillow(), size=size)
