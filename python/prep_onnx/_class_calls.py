"""Calls of processors of transformers: which pipeline has the bits of a config, and what of a call it can answer."""

from __future__ import annotations

import copy
import json
import pathlib
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import transformers
from transformers.image_utils import ChannelDimension

from prep_onnx import _images
from prep_onnx._class_outputs import Handed, forms_of, same
from prep_onnx._errors import PrepOnnxError
from prep_onnx._pipeline import Pipeline

TABLE: dict[str, Any] = json.loads(pathlib.Path(__file__).with_name("_transformers_classes.json").read_text(encoding="utf-8"))

#: The classes that are equal: what each key of their result is, an output of a pipeline or what follows from one.
CLASSES: dict[str, dict[str, str]] = TABLE["classes"]

#: Those of them whose results without `return_tensors` are lists of the images' tensors.
LISTS: frozenset[str] = frozenset(TABLE["lists"])

#: Overrides of a call that a pipeline can have, too.
_OVERRIDES = frozenset(
    ["do_resize", "do_center_crop", "do_rescale", "do_normalize", "size", "crop_size", "image_mean", "image_std"]
    + ["rescale_factor", "resample", "do_convert_rgb"]
)

#: The steps after which values are floats.
_ARITHMETIC = frozenset(["rescale", "normalize", "rescale_normalize"])

_FIRST = (None, "channels_first", ChannelDimension.FIRST)
_LAST = (None, "channels_last", ChannelDimension.LAST)


class _State:
    """The pipelines of a processor, for the attributes that it had."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = attributes
        self.pipelines: dict[str, Pipeline | Handed] = {}


_states: weakref.WeakKeyDictionary[Any, _State] = weakref.WeakKeyDictionary()


def _state(processor: Any) -> _State:
    state = _states.get(processor)
    # Attributes may be set, and changed in their place, at any time.
    if state is None or state.attributes != processor.__dict__:
        state = _states[processor] = _State(copy.deepcopy(processor.__dict__))
    return state


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items() if inner is not None}
    if hasattr(value, "value"):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def pipeline_of(processor: Any, overrides: dict[str, Any]) -> Pipeline:
    state = _state(processor)
    key = repr(sorted(overrides.items())) if overrides else ""
    found = state.pipelines.get(key)
    if found is None:
        found = state.pipelines[key] = _equal_pipeline(processor, overrides)
    if isinstance(found, Handed):
        raise Handed(*found.args)
    return found


def _equal_pipeline(processor: Any, overrides: dict[str, Any]) -> Pipeline | Handed:
    """The pipeline of a config, or why there is none."""
    try:
        config = {**processor.to_dict(), **{name: plain(value) for name, value in overrides.items()}}
        text = json.dumps(config, default=plain)
        found = Pipeline.from_huggingface(json.loads(text), resampler=processor._prep_arithmetic)
    except PrepOnnxError as error:
        return Handed(str(error))
    if not any(step["step"] in _ARITHMETIC for step in found.to_dict()["steps"]):
        return Handed("without arithmetic it gives bytes")
    if _of_another_kind(processor, overrides):
        for size in TRIED:
            if problem := differs(found, processor, size, overrides):
                return Handed(f"is not equal with these attributes: {problem}")
    return found


#: What a config may have otherwise than its class without a comparison: values, of which the keys of a result do not depend.
_VALUES = frozenset(["size", "crop_size", "image_mean", "image_std", "rescale_factor", "resample"])


def _of_another_kind(processor: Any, overrides: dict[str, Any]) -> bool:
    """Whether the config has something that was not compared when the class was: another switch, another shape of a key."""

    def of(config: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in config.items() if key not in _VALUES}
        shapes = {key: sorted(plain(config[key])) for key in ("size", "crop_size") if isinstance(config.get(key), Mapping)}
        found: dict[str, Any] = json.loads(json.dumps({**kept, "shapes": shapes}, default=plain))
        return found

    return of({**processor.to_dict(), **overrides}) != of(type(processor).__mro__[1]().to_dict())


def rgb_of(processor: Any, image: Any, convert: bool) -> Any:
    """An image as the class would see it, if that has the pixels of RGB."""
    if _images.is_pil(image):
        if image.height in (1, 3) and not hasattr(type(processor).__mro__[1], "backend"):
            raise Handed("it takes an image of 1 or 3 rows for one with its channels first")
        if image.mode == "RGB":
            return image
        if not convert:
            raise Handed(f"an image of mode {image.mode} is not converted to RGB")
        # Of RGBA it makes what lies over white.
        converted = processor.convert_to_rgb(image) if processor._prep_arithmetic != "torchvision" else _over_white(image)
        return np.ascontiguousarray(converted)
    if isinstance(image, np.ndarray):
        first = image.ndim == 3 and image.shape[0] in (1, 3, 4)
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and not first:
            return image
        raise Handed(f"an array {image.dtype} {list(image.shape)} is not uint8 [height, width, 3]")
    raise Handed(f"an image of type {type(image).__name__} is none of Pillow and no array")


def _over_white(image: Any) -> Any:
    from transformers.image_transforms import convert_to_rgb

    return convert_to_rgb(image, return_numpy=True)


def call(processor: Any, images: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The BatchFeature."""
    options = dict(options)
    kind = options.pop("return_tensors", None)
    kind = getattr(kind, "value", kind)
    if arguments or kind not in (None, "np", "pt"):
        raise Handed("of positional arguments, or tensors of another library")
    if options.pop("data_format", None) not in _FIRST or options.pop("input_data_format", None) not in _LAST:
        raise Handed("another data format is asked for")
    if str(options.pop("device", None) or "cpu") != "cpu":
        raise Handed("another device is asked for")
    for switch in ("disable_grouping",):
        options.pop(switch, None)
    overrides = {name: options.pop(name) for name in list(options) if name in _OVERRIDES}
    if options:
        raise Handed(f"{', '.join(sorted(options))} cannot be given here")
    pipeline = pipeline_of(processor, overrides)
    convert = overrides.get("do_convert_rgb", getattr(processor, "do_convert_rgb", None))
    listed = list(images) if isinstance(images, (list, tuple)) else [images]
    if not listed:
        raise Handed("there are no images")
    rgb = [rgb_of(processor, image, bool(convert)) for image in listed]
    if kind is None and processor._prep_class not in LISTS:
        raise Handed("without return_tensors its result has a form of its own")
    keys = CLASSES[processor._prep_class]
    found = forms_of(pipeline, rgb, list(keys.values()), processor)
    return transformers.BatchFeature(data={key: _formed(found[form], kind, processor) for key, form in keys.items()})


def _formed(array: Any, kind: str | None, processor: Any) -> Any:
    """As the class gives it: torch's tensor without a copy, an array, or a list of either; what is a list stays one."""
    if isinstance(array, list):
        return array
    as_torch = kind == "pt" or (kind is None and processor._prep_arithmetic == "torchvision")
    if not as_torch:
        return list(array) if kind is None else array
    import torch

    tensor = torch.from_numpy(array)
    return list(tensor) if kind is None else tensor


#: Height and width of the images on which a processor is compared: small, thin, of a photo, and one that is cut where any is.
TRIED = ((37, 53), (211, 97), (333, 500), (600, 450), (320, 1280))


def differs(pipeline: Pipeline, processor: Any, size: tuple[int, int], overrides: Mapping[str, Any] = {}) -> str | None:
    """What is otherwise with a drawn image than what the class of `processor`, one of ours, does itself; in words."""
    row, column, channel = np.indices((*size, 3))
    noise = np.random.default_rng(size[0]).integers(0, 86, (*size, 3))
    image = ((noise + 2 * column + 3 * row + 50 * channel) % 256).astype(np.uint8)
    kind = "pt" if processor._prep_arithmetic == "torchvision" else "np"
    keys = CLASSES[processor._prep_class]
    try:
        got = forms_of(pipeline, [image], list(keys.values()), processor)
    except Handed:
        # So is an image like this one.
        return None
    try:
        base: Any = type(processor).__mro__[1]
        want = base.preprocess(processor, image, return_tensors=kind, **overrides)
    except Exception as error:  # Of the class, anything.
        return f"an image of {size[0]} x {size[1]} cannot be compared: {type(error).__name__}: {error}"
    if set(want) != set(keys):
        return f"its keys are {', '.join(sorted(want))} and not {', '.join(sorted(keys))}"
    for key, value in want.items():
        if not same(got[keys[key]], value):
            return f"{key} of an image of {size[0]} x {size[1]} has other bits"
    return None
