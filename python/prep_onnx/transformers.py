"""A backend for the image processors of transformers, with the same bits.

    import prep_onnx.transformers
    processor = transformers.AutoImageProcessor.from_pretrained("openai/clip-vit-base-patch32", backend="prep")

`backend="prep"` gives what transformers' torchvision backend gives (its Pillow backend for the classes that have only that),
`backend="prep-pil"` what its Pillow backend gives. Registered are the classes whose results were found equal in every bit, all
keys of the BatchFeature included: `CLASSES` has them, `python/PROCESSORS.md` is the table. Any other class stays transformers' own, and a
warning says so.

A call that the kernels have no equal for (another device, nested lists, tensors, a config that cannot be expressed, torch on one
thread where that has other bits) is handed to the class itself, and a warning says why, once. A processor with other switches than
its class has is compared with the class on drawn images when it is first called, and handed over where anything is otherwise. Needs transformers 5.24 for the registry; `wrap(processor)` does the same for an
object of any version.
"""

from __future__ import annotations

import copy
import functools
import importlib
import json
import pathlib
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np

try:
    import transformers
    from transformers.image_utils import ChannelDimension
    from transformers.utils import logging
except ImportError as missing:
    raise ImportError(f"prep_onnx.transformers needs transformers: pip install transformers ({missing})", name=missing.name) from missing

from prep_onnx import _features, _images
from prep_onnx._errors import PrepOnnxError
from prep_onnx._pipeline import Pipeline
from prep_onnx._sources import pillow

__all__ = ["CLASSES", "REGISTERED", "register", "wrap"]

_logger = logging.get_logger(__name__)

_table: dict[str, Any] = json.loads(pathlib.Path(__file__).with_name("_transformers_classes.json").read_text(encoding="utf-8"))

#: The classes that are equal: what each key of their result is, an output of a pipeline or what follows from one.
CLASSES: dict[str, dict[str, str]] = _table["classes"]

#: Those of them whose results without `return_tensors` are lists of the images' tensors.
_LISTS: frozenset[str] = frozenset(_table["lists"])

#: Overrides of a call that a pipeline can have, too.
_OVERRIDES = frozenset(
    ["do_resize", "do_center_crop", "do_rescale", "do_normalize", "size", "crop_size", "image_mean", "image_std"]
    + ["rescale_factor", "resample", "do_convert_rgb"]
)

#: The steps after which values are floats.
_ARITHMETIC = frozenset(["rescale", "normalize", "rescale_normalize"])

_FIRST = (None, "channels_first", ChannelDimension.FIRST)
_LAST = (None, "channels_last", ChannelDimension.LAST)


class _Handed(Exception):
    """The call is one for the class itself."""


class _State:
    """The pipelines of a processor, for the attributes that it had."""

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.attributes = attributes
        self.pipelines: dict[str, Pipeline | _Handed] = {}


_states: weakref.WeakKeyDictionary[Any, _State] = weakref.WeakKeyDictionary()


def _state(processor: Any) -> _State:
    state = _states.get(processor)
    # Attributes may be set, and changed in their place, at any time.
    if state is None or state.attributes != processor.__dict__:
        state = _states[processor] = _State(copy.deepcopy(processor.__dict__))
    return state


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if hasattr(value, "value"):
        return value.value
    return list(value) if isinstance(value, tuple) else value


def _pipeline(processor: Any, overrides: dict[str, Any]) -> Pipeline:
    state = _state(processor)
    key = repr(sorted(overrides.items())) if overrides else ""
    found = state.pipelines.get(key)
    if found is None:
        found = state.pipelines[key] = _equal_pipeline(processor, overrides)
    if isinstance(found, _Handed):
        raise _Handed(*found.args)
    return found


def _equal_pipeline(processor: Any, overrides: dict[str, Any]) -> Pipeline | _Handed:
    """The pipeline of a config, or why there is none."""
    try:
        config = {**processor.to_dict(), **{name: _plain(value) for name, value in overrides.items()}}
        text = json.dumps(config, default=_plain)
        found = Pipeline.from_huggingface(json.loads(text), resampler=processor._prep_arithmetic)
    except PrepOnnxError as error:
        return _Handed(str(error))
    if not any(step["step"] in _ARITHMETIC for step in found.to_dict()["steps"]):
        return _Handed("without arithmetic it gives bytes")
    if _of_another_kind(processor, overrides):
        for size in _TRIED:
            if problem := _differs(found, processor, size, overrides):
                return _Handed(f"is not equal with these attributes: {problem}")
    return found


#: What a config may have otherwise than its class without a comparison: values, of which the keys of a result do not depend.
_VALUES = frozenset(["size", "crop_size", "image_mean", "image_std", "rescale_factor", "resample"])


def _of_another_kind(processor: Any, overrides: dict[str, Any]) -> bool:
    """Whether the config has something that was not compared when the class was: another switch, another shape of a key."""

    def of(config: Mapping[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in config.items() if key not in _VALUES}
        shapes = {key: sorted(_plain(config[key])) for key in ("size", "crop_size") if isinstance(config.get(key), Mapping)}
        found: dict[str, Any] = json.loads(json.dumps({**kept, "shapes": shapes}, default=_plain))
        return found

    return of({**processor.to_dict(), **overrides}) != of(type(processor).__mro__[1]().to_dict())


def _rgb(processor: Any, image: Any, convert: bool) -> Any:
    """An image as the class would see it, if that has the pixels of RGB."""
    if _images.is_pil(image):
        if image.height in (1, 3) and not hasattr(type(processor).__mro__[1], "backend"):
            raise _Handed("it takes an image of 1 or 3 rows for one with its channels first")
        if image.mode == "RGB":
            return image
        if not convert:
            raise _Handed(f"an image of mode {image.mode} is not converted to RGB")
        # Of RGBA it makes what lies over white.
        converted = processor.convert_to_rgb(image) if processor._prep_arithmetic != "torchvision" else _over_white(image)
        return np.ascontiguousarray(converted)
    if isinstance(image, np.ndarray):
        first = image.ndim == 3 and image.shape[0] in (1, 3, 4)
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and not first:
            return image
        raise _Handed(f"an array {image.dtype} {list(image.shape)} is not uint8 [height, width, 3]")
    raise _Handed(f"an image of type {type(image).__name__} is none of Pillow and no array")


def _over_white(image: Any) -> Any:
    from transformers.image_transforms import convert_to_rgb

    return convert_to_rgb(image, return_numpy=True)


def _call(processor: Any, images: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The BatchFeature."""
    options = dict(options)
    kind = options.pop("return_tensors", None)
    kind = getattr(kind, "value", kind)
    if arguments or kind not in (None, "np", "pt"):
        raise _Handed("of positional arguments, or tensors of another library")
    if options.pop("data_format", None) not in _FIRST or options.pop("input_data_format", None) not in _LAST:
        raise _Handed("another data format is asked for")
    if str(options.pop("device", None) or "cpu") != "cpu":
        raise _Handed("another device is asked for")
    for switch in ("disable_grouping",):
        options.pop(switch, None)
    overrides = {name: options.pop(name) for name in list(options) if name in _OVERRIDES}
    if options:
        raise _Handed(f"{', '.join(sorted(options))} cannot be given here")
    pipeline = _pipeline(processor, overrides)
    convert = overrides.get("do_convert_rgb", getattr(processor, "do_convert_rgb", None))
    listed = list(images) if isinstance(images, (list, tuple)) else [images]
    if not listed:
        raise _Handed("there are no images")
    rgb = [_rgb(processor, image, bool(convert)) for image in listed]
    if kind is None and processor._prep_class not in _LISTS:
        raise _Handed("without return_tensors its result has a form of its own")
    keys = CLASSES[processor._prep_class]
    found = _found(pipeline, rgb, list(keys.values()), processor)
    return transformers.BatchFeature(data={key: _formed(found[form], kind, processor) for key, form in keys.items()})


def _outputs(pipeline: Pipeline, images: list[Any], wanted: list[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Outputs of the pipeline for images that have the pixels of RGB."""
    by_threads = differs_on_one_thread(pipeline)
    if by_threads and _torch_threads() == 1:
        raise _Handed("torch has one thread, on which its bilinear without antialiasing has other bits")
    if by_threads and "sizes" not in wanted:
        wanted = [*wanted, "sizes"]
    try:
        outputs = pipeline(images, outputs=wanted)
    except PrepOnnxError as error:
        raise _Handed(str(error)) from None
    if by_threads and outputs["sizes"].sum(axis=1).min() <= _ONE_THREAD_EDGES:
        raise _Handed(f"torch's bilinear without antialiasing has other bits for at most {_ONE_THREAD_EDGES} rows and columns together")
    return outputs


def _found(pipeline: Pipeline, images: list[Any], forms: list[str], processor: Any) -> dict[str, Any]:
    """Each form of what the pipeline makes of the images."""
    outputs = _outputs(pipeline, images, _features.outputs(forms))
    made = _features.Made(outputs, _features.source_sizes(images), processor)
    return {form: _features.FORMS[form].make(made) for form in forms}


#: Results with no more rows and columns together torch resizes on one thread.
_ONE_THREAD_EDGES = 128


@functools.lru_cache(maxsize=256)
def differs_on_one_thread(pipeline: Pipeline) -> bool:
    """Whether torch has other bits on one thread: where it resizes floats bilinearly without antialiasing."""
    return any(
        (step.get("resampler"), step.get("filter"), step.get("antialias", True)) == ("torch", "bilinear", False)
        for step in pipeline.to_dict()["steps"]
    )


def _torch_threads() -> int:
    import torch

    return int(torch.get_num_threads())


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


@functools.cache
def _class(base: type) -> type:
    """The class with the kernels in front of what it does itself."""
    name = base.__name__

    def to_dict(self: Any) -> dict[str, Any]:
        # Others read the file with transformers alone.
        fields: dict[str, Any] = super(made, self).to_dict()
        return {**fields, "image_processor_type": name.removesuffix("Pil")}

    def preprocess(self: Any, images: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return _call(self, images, arguments, options)
        except _Handed as why:
            _logger.warning_once(f"prep: {name} itself is called: {why}")
        return super(made, self).preprocess(images, *arguments, **options)

    members: dict[str, Any] = {
        "__doc__": f"{name} on the kernels of prep-onnx: the same bits.",
        "__module__": __name__,
        "__reduce__": _reduce,
        "_prep_class": name,
        "_prep_arithmetic": "torchvision" if _is_torchvision(base) else pillow(),
        "backend": property(lambda self: "prep" if _is_torchvision(base) else "prep-pil"),
        "preprocess": preprocess,
        "__call__": lambda self, images, *arguments, **options: self.preprocess(images, *arguments, **options),
        "to_dict": to_dict,
    }
    made: Any = type(f"{name}Prep", (base,), members)
    found: type = made
    return found


@functools.cache
def _own(base: type) -> type:
    """The class as it is, which says so: it was not found equal."""
    name = base.__name__

    def __init__(self: Any, *arguments: Any, **options: Any) -> None:
        _logger.warning_once(f"prep: {name} was not found equal in every bit and stays transformers' own")
        super(made, self).__init__(*arguments, **options)

    def to_dict(self: Any) -> dict[str, Any]:
        fields: dict[str, Any] = super(made, self).to_dict()
        return {**fields, "image_processor_type": name.removesuffix("Pil")}

    members: dict[str, Any] = {"__doc__": base.__doc__, "__module__": __name__, "__init__": __init__, "to_dict": to_dict}
    members["__reduce__"] = lambda self: (_restored_own, (base, self.__dict__))
    made: Any = type(f"{name}Own", (base,), members)
    found: type = made
    return found


def _restored_own(base: type, attributes: dict[str, Any]) -> Any:
    made: Any = _own(base)
    processor = made.__new__(made)
    processor.__dict__.update(attributes)
    return processor


def _reduce(self: Any) -> tuple[Any, ...]:
    return _restored, (type(self).__mro__[1], self.__dict__)


def _restored(base: type, attributes: dict[str, Any]) -> Any:
    made: Any = _class(base)
    processor = made.__new__(made)
    processor.__dict__.update(attributes)
    return processor


def _is_torchvision(base: type) -> bool:
    if base.__name__.endswith("Fast"):
        return True
    try:
        backends: Any = importlib.import_module("transformers.image_processing_backends")
    except ImportError:
        return False
    return issubclass(base, backends.TorchvisionBackend)


def wrap(processor: Any) -> Any:
    """The image processor `processor` on the kernels; it stays as it is. For versions without a registry, and for processors
    of text and images: `processor.image_processor = wrap(processor.image_processor)`.

    With another transformers than the one that the classes were compared with, it is compared here, on drawn images: what a class
    of one name does has changed between versions. So is a config with other switches than its class has.

    Raises:
        ConfigError: Its class was not found equal, with this transformers or this config, or its config cannot be expressed.
    """
    from prep_onnx._errors import ConfigError

    base = type(processor)
    if base.__name__ not in CLASSES:
        raise ConfigError(
            f"{base.__name__}: is not among the classes that were found equal", None, "call it itself; prep_onnx.transformers.CLASSES lists them"
        )
    made = _restored(base, copy.deepcopy(processor.__dict__))
    config = json.loads(json.dumps(made.to_dict(), default=_plain))
    pipeline = Pipeline.from_huggingface(config, resampler=made._prep_arithmetic)
    try:
        _pipeline(made, {})
    except _Handed as why:
        raise ConfigError(f"{base.__name__}: {why}", None, "call the processor itself") from None
    if transformers.__version__ != _table.get("transformers"):
        for size in _TRIED:
            if problem := _differs(pipeline, made, size):
                raise ConfigError(
                    f"{base.__name__}: is not equal with transformers {transformers.__version__}: {problem}",
                    f"it was found equal with {_table.get('transformers', 'another version')}, which does something else",
                    "call the processor itself, or install that version",
                )
    return made


#: Height and width of the images on which a processor is compared: small, thin, of a photo, and one that is cut where any is.
_TRIED = ((37, 53), (211, 97), (333, 500), (600, 450), (320, 1280))


def _differs(pipeline: Pipeline, processor: Any, size: tuple[int, int], overrides: Mapping[str, Any] = {}) -> str | None:
    """What is otherwise with a drawn image than what the class of `processor`, one of ours, does itself; in words."""
    row, column, channel = np.indices((*size, 3))
    noise = np.random.default_rng(size[0]).integers(0, 86, (*size, 3))
    image = ((noise + 2 * column + 3 * row + 50 * channel) % 256).astype(np.uint8)
    kind = "pt" if processor._prep_arithmetic == "torchvision" else "np"
    keys = CLASSES[processor._prep_class]
    try:
        got = _found(pipeline, [image], list(keys.values()), processor)
    except _Handed:
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


def same(ours: Any, theirs: Any) -> bool:
    """Whether a value of a class's result is ours, bit for bit."""
    if isinstance(ours, list):
        return isinstance(theirs, list) and ours == theirs
    other = np.asarray(theirs)
    return bool(ours.dtype == other.dtype and ours.shape == other.shape and ours.tobytes() == other.tobytes())


def register() -> list[str]:
    """Registers the backends with `AutoImageProcessor`; importing this module does. The names of the classes registered.

    Raises:
        UnsupportedError: This transformers has no registry of backends.
    """
    from prep_onnx._errors import UnsupportedError

    try:
        from transformers.models.auto.auto_mappings import IMAGE_PROCESSOR_MAPPING_NAMES
    except ImportError:
        raise UnsupportedError(
            f"transformers {transformers.__version__}: has no registry of image processor backends: expected 5.24 or newer",
            None,
            "wrap(processor) does the same for an object",
        ) from None
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING

    registered: set[str] = set()
    for model_type, names in IMAGE_PROCESSOR_MAPPING_NAMES.items():
        config = CONFIG_MAPPING[model_type]
        mapped: Any = IMAGE_PROCESSOR_MAPPING[config]
        classes = {key: value for key, value in mapped.items() if isinstance(value, type)}
        usable = {key: value for key, value in classes.items() if not getattr(value, "is_dummy", False)}
        pil = usable.get("pil")
        ours = {"prep": usable.get("torchvision", pil), "prep-pil": pil}
        bases = {backend: base for backend, base in ours.items() if base is not None}
        made = {backend: (_class if base.__name__ in CLASSES else _own)(base) for backend, base in bases.items()}
        if made:
            transformers.AutoImageProcessor.register(config, image_processor_classes=made, exist_ok=True)
            registered.update(base.__name__ for base in bases.values() if base.__name__ in CLASSES)
    return sorted(registered)


def _has_registry() -> bool:
    try:
        from transformers.models.auto import auto_mappings
    except ImportError:
        return False
    return hasattr(auto_mappings, "IMAGE_PROCESSOR_MAPPING_NAMES")


#: The classes that `AutoImageProcessor` has with our backends; of the others in `CLASSES`, `wrap` takes objects.
REGISTERED: list[str] = register() if _has_registry() else []
