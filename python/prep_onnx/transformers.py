"""A backend for the image processors of transformers, with the same bits.

    import prep_onnx.transformers
    processor = transformers.AutoImageProcessor.from_pretrained("openai/clip-vit-base-patch32", backend="prep")

`backend="prep"` gives what transformers' torchvision backend gives (its Pillow backend for the classes that have only that),
`backend="prep-pil"` what its Pillow backend gives. Registered are the classes whose results were found equal in every bit, all
keys of the BatchFeature included: `CLASSES` has them, `python/PROCESSORS.md` is the table. Any other class stays transformers' own, and a
warning says so.

A call that the kernels have no equal for (another device, nested lists, tensors, a config that cannot be expressed, torch on one
thread where that has other bits) is handed to the class itself, and a warning says why, once. A processor with other switches than
its class has is compared with the class on drawn images when it is first called, and handed over where anything is otherwise.
Needs transformers 5.24 for the registry; `wrap(processor)` does the same for an object of any version.
"""

from __future__ import annotations

import copy
import functools
import importlib
import json
from typing import Any

try:
    import transformers
    from transformers.utils import logging
except ImportError as missing:
    raise ImportError(f"prep_onnx.transformers needs transformers: pip install transformers ({missing})", name=missing.name) from missing

from prep_onnx._class_calls import CLASSES, TABLE, TRIED, call, differs, pipeline_of, plain
from prep_onnx._class_outputs import Handed
from prep_onnx._pipeline import Pipeline
from prep_onnx._sources import pillow

__all__ = ["CLASSES", "REGISTERED", "register", "wrap"]

_logger = logging.get_logger(__name__)

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
            return call(self, images, arguments, options)
        except Handed as why:
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
    config = json.loads(json.dumps(made.to_dict(), default=plain))
    pipeline = Pipeline.from_huggingface(config, resampler=made._prep_arithmetic)
    try:
        pipeline_of(made, {})
    except Handed as why:
        raise ConfigError(f"{base.__name__}: {why}", None, "call the processor itself") from None
    if transformers.__version__ != TABLE.get("transformers"):
        for size in TRIED:
            if problem := differs(pipeline, made, size):
                raise ConfigError(
                    f"{base.__name__}: is not equal with transformers {transformers.__version__}: {problem}",
                    f"it was found equal with {TABLE.get('transformers', 'another version')}, which does something else",
                    "call the processor itself, or install that version",
                )
    return made


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
