"""Image processors of transformers."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Mapping
from typing import Any

from prep_onnx import _native
from prep_onnx._errors import ConfigError
from prep_onnx._sources import Read, pillow

Edges = tuple[int, int] | None


def read(processor: Any, size: Edges, resampler: str | None) -> Read:
    """A processor, the config of one, or what names one."""
    if isinstance(processor, Mapping):
        return _native.read_config(json.dumps(dict(processor)), resampler=resampler, size=size)
    if isinstance(processor, (str, os.PathLike)):
        return _named(os.fspath(processor), size, resampler)
    return of_object(processor, size, resampler)


def of_object(processor: Any, size: Edges = None, resampler: str | None = None) -> Read:
    """An object: its own backend decides about the arithmetic."""
    # A processor of text and images holds one of images.
    processor = getattr(processor, "image_processor", processor)
    if not hasattr(processor, "to_json_string"):
        raise ConfigError(
            f"processor: is none of transformers: expected an image processor, a dict or an id, got {type(processor).__name__}"
        )
    return _native.read_config(processor.to_json_string(), resampler=resampler or arithmetic(processor), size=size)


def arithmetic(processor: Any) -> str:
    """Whose resize the processor's backend uses."""
    if getattr(processor, "backend", None) == "torchvision" or type(processor).__name__.endswith("Fast"):
        return "torchvision"
    return pillow()


def _named(name: str, size: Edges, resampler: str | None) -> Read:
    unknown: ConfigError | None = None
    if not os.path.isdir(name):
        try:
            return _native.read_named(name, resampler=resampler, size=size)
        except ConfigError as error:
            unknown = error
    try:
        transformers: Any = importlib.import_module("transformers")
    except ImportError:
        # Ids that no preset has are read by transformers alone; so is a folder.
        found = unknown or ConfigError(f"{name}: is a folder, which transformers reads", "transformers is not installed", "give its preprocessor_config.json")
        raise ConfigError(found.what, found.why, f"{found.fix}; or pip install transformers, which reads it") from None
    return of_object(transformers.AutoImageProcessor.from_pretrained(name), size, resampler)
