"""Transforms of torchvision, as they act on images of Pillow."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from prep_onnx import _native
from prep_onnx._errors import ConfigError
from prep_onnx._sources import Read, pillow

Step = dict[str, Any]

_FIX = "describe the pipeline in steps: prep-onnx steps lists them"


def read(transforms: Any) -> Read:
    """Weights, a preset of them, or a composition."""
    if isinstance(transforms, str):
        return _native.read_named(f"torchvision:{transforms.removeprefix('torchvision:')}")
    name = None
    if hasattr(transforms, "transforms") and callable(transforms.transforms):
        name = f"torchvision:{type(transforms).__name__}.{transforms.name}"
        transforms = transforms.transforms()
    if isinstance(transforms, (type(None), int, float, bytes, dict)):
        expected = "weights, their transforms() or a Compose"
        raise ConfigError(f"transforms: are none of torchvision: expected {expected}, got {type(transforms).__name__}")
    chain = _Chain()
    preset = _PRESETS.get(type(transforms).__name__)
    if preset is not None and type(transforms).__module__.startswith("torchvision."):
        preset(transforms, chain)
    else:
        for index, transform in enumerate(_members(transforms)):
            chain.add(transform, index)
    pipeline: dict[str, Any] = {"steps": chain.finished()}
    if name is not None:
        pipeline["description"] = name
    return _native.read_config(json.dumps(pipeline))


def _members(transforms: Any) -> Iterable[Any]:
    inner = getattr(transforms, "transforms", transforms)
    if not isinstance(inner, Iterable):
        inner = [inner]
    for transform in inner:
        if type(transform).__name__ in ("Compose", "Sequential"):
            yield from _members(transform)
        else:
            yield transform


def _edges(size: Any) -> list[int]:
    return [int(size)] if isinstance(size, int) else [int(edge) for edge in size]


def _numbers(values: Any) -> list[float]:
    return [float(value) for value in (values.tolist() if hasattr(values, "tolist") else values)]


class _Chain:
    """Steps, and what the images are at this point: of Pillow, tensors of bytes, or tensors of floats."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.form = "pillow"

    def resize(
        self, size: Any, interpolation: Any, antialias: Any = True, max_size: Any = None, second: bool = True
    ) -> None:
        if max_size is not None:
            raise ConfigError(f"Resize: max_size cannot be read: expected None, got {max_size}", None, _FIX)
        edges = _edges(size)
        # The first version of transforms resizes bytes as floats.
        bytes_alone = self.form == "bytes" and second
        step: Step = {
            "step": "resize",
            "size": {"shortest_edge": edges[0]} if len(edges) == 1 else {"exact": edges},
            "filter": getattr(interpolation, "value", str(interpolation)).replace("nearest-exact", "nearest"),
            "resampler": pillow() if self.form == "pillow" else "torchvision" if bytes_alone else "torch",
        }
        # Pillow's resize always widens its filters.
        if self.form != "pillow" and antialias is False:
            step["antialias"] = False
        self.steps.append(step)

    def crop(self, size: Any) -> None:
        edges = _edges(size)
        self.steps.append({"step": "center_crop", "size": edges * 2 if len(edges) == 1 else edges})

    def to_float(self, transform: Any = None) -> None:
        # The second version of transforms multiplies, in float32.
        scale = {"factor": 1 / 255} if _is_second(transform) else {"divisor": 255}
        self.steps.append({"step": "rescale", **scale})
        self.form = "float"

    def normalize(self, mean: Any, std: Any) -> None:
        self.steps.append({"step": "normalize", "mean": _numbers(mean), "std": _numbers(std)})

    def add(self, transform: Any, index: int) -> None:
        """One transform of a composition."""
        name = getattr(transform, "__name__", type(transform).__name__)
        match name:
            case "Resize":
                self.resize(
                    transform.size,
                    transform.interpolation,
                    transform.antialias,
                    transform.max_size,
                    second=_is_second(transform),
                )
            case "CenterCrop":
                self.crop(transform.size)
            case "ToTensor" | "MaybeToTensor" if self.form == "pillow":
                self.to_float()
            case "ToImage" | "PILToTensor" | "MaybePILToTensor" if self.form == "pillow":
                self.form = "bytes"
            case "ConvertImageDtype" | "ConvertDtype" if _is_float32(transform.dtype) and self.form == "bytes":
                self.to_float(transform)
            case "ToDtype" if _is_float32(transform.dtype) and transform.scale and self.form == "bytes":
                self.to_float(transform)
            case "Normalize" if self.form == "float":
                self.normalize(transform.mean, transform.std)
            case "MaybeConvertMode" if getattr(transform, "mode", "RGB") == "RGB":
                pass
            case "_convert_to_rgb" | "Identity" | "ToPureTensor":
                pass
            case _:
                raise ConfigError(f"transforms[{index}]: cannot be expressed: {transform!r}", None, _FIX)

    def finished(self) -> list[Step]:
        if self.form == "pillow":
            raise ConfigError(
                "transforms: end in an image of Pillow: expected a tensor", None, "end them with ToTensor or PILToTensor"
            )
        return self.steps


def _is_float32(dtype: Any) -> bool:
    return str(dtype) == "torch.float32"


def _is_second(transform: Any) -> bool:
    return type(transform).__module__.startswith("torchvision.transforms.v2")


def _classification(preset: Any, chain: _Chain) -> None:
    chain.resize(preset.resize_size, preset.interpolation)
    chain.crop(preset.crop_size)
    chain.to_float()
    chain.normalize(preset.mean, preset.std)


def _segmentation(preset: Any, chain: _Chain) -> None:
    if preset.resize_size is not None and preset.resize_size != [None]:
        chain.resize(preset.resize_size, preset.interpolation)
    chain.to_float()
    chain.normalize(preset.mean, preset.std)


def _detection(_: Any, chain: _Chain) -> None:
    chain.to_float()


def _video(preset: Any, chain: _Chain) -> None:
    """An image is a video of one frame: [N, 3, 1, height, width]."""
    chain.form = "bytes"
    chain.resize(preset.resize_size, preset.interpolation, antialias=False, second=False)
    chain.crop(preset.crop_size)
    chain.to_float()
    chain.normalize(preset.mean, preset.std)
    chain.steps.append({"step": "blocks", "frame": True, "after_channels": True})


_PRESETS = {
    "VideoClassification": _video,
    "ImageClassification": _classification,
    "SemanticSegmentation": _segmentation,
    "ObjectDetection": _detection,
}
