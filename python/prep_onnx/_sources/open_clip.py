"""Models, configs and transforms of open_clip."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from prep_onnx import _native
from prep_onnx._errors import ConfigError
from prep_onnx._sources import Read, pillow, torchvision


def read(model: Any) -> Read:
    """A model, the preprocessing config of one, the name of one, or the transform that open_clip makes."""
    if isinstance(model, str):
        return _native.read_named(f"open_clip:{model.removeprefix('open_clip:')}")
    if dataclasses.is_dataclass(model) and not isinstance(model, type):
        model = dataclasses.asdict(model)
    visual = getattr(model, "visual", None)
    config = getattr(visual, "preprocess_cfg", None)
    if isinstance(config, Mapping):
        # The size is the model's own.
        model = {**config, "size": getattr(visual, "image_size", config.get("size"))}
    if isinstance(model, Mapping):
        return _native.read_config(json.dumps(dict(model), default=list), resampler=pillow())
    if not callable(model) and not hasattr(model, "transforms"):
        expected = "a model, a preprocess_cfg, a transform or a name"
        raise ConfigError(f"model: is none of open_clip: expected {expected}, got {type(model).__name__}")
    return torchvision.read(model)
