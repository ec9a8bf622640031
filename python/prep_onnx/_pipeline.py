"""Preprocessing without ONNX."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from prep_onnx import _images, _native
from prep_onnx._arguments import count, edges
from prep_onnx._arguments import text as text_of
from prep_onnx._errors import ConfigError, ModelError, PrepOnnxError
from prep_onnx._loader import Batch

Array = npt.NDArray[Any]
PathLike = str | os.PathLike[str]
Size = int | tuple[int, int] | None


def _processors() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


class Pipeline:
    """The steps from raw uint8 images to the tensor of a model, with the bits of the library that they come from.

    One of the `from_` methods makes it. It can be called from any number of threads, copied to other processes (pickled), and
    embedded into a model (`embed(model, pipeline=...)`).

    >>> import numpy as np
    >>> pipeline = Pipeline.from_preset("clip")
    >>> pipeline(np.zeros((480, 640, 3), np.uint8)).shape
    (1, 3, 224, 224)
    """

    __slots__ = ("_background", "_engines", "_json", "_notes")

    def __init__(self, steps: Mapping[str, Any] | str, *, notes: Sequence[str] = ()) -> None:
        """A pipeline of steps, as `to_dict` gives it, or the same as JSON text.

        Raises:
            ConfigError: A step that is unknown or says something wrong.
        """
        text = steps if isinstance(steps, str) else json.dumps(steps)
        if not text.lstrip().startswith("{"):
            got = repr(steps) if isinstance(steps, str) and len(text) < 80 else type(steps).__name__
            fix = "Pipeline.from_preset and from_file take names and files, Pipeline.from_toml takes TOML"
            raise ConfigError(f"steps: is no pipeline: expected a dict with a list of steps, or its JSON, got {got}", None, fix)
        self._json, read = _native.read_config(text)
        self._notes = (*notes, *read)
        self._engines: dict[tuple[str, ...], _native.Engine] = {}
        # The colour below transparent pixels.
        self._background: list[int] | None = self.to_dict().get("background")

    # Where pipelines come from.

    @classmethod
    def from_preset(cls, name: str, *, size: Size = None, resampler: str | None = None) -> Pipeline:
        """A preset, the id of a checkpoint that one is for, or `timm:`, `torchvision:`, `open_clip:` with a pretrained model.

        Raises:
            ConfigError: The name is unknown; near ones are named.
        """
        text_of("preset", name, "the name of a preset or checkpoint")
        return cls._of(_native.read_named(name, resampler=resampler, size=edges(size)))

    @classmethod
    def from_file(cls, path: PathLike, *, size: Size = None, resampler: str | None = None) -> Pipeline:
        """A config file: `preprocessor_config.json`, timm's `config.json`, `open_clip_config.json`, or our own TOML or JSON.

        A `config.json` beside a `preprocessor_config.json` says which model it is for, where that matters.

        Raises:
            ConfigError: A key that is unknown or cannot be expressed; it is named.
            OSError: The file cannot be read.
        """
        path = os.fspath(path)
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
        beside = os.path.join(os.path.dirname(path), "config.json")
        model_config = None
        if os.path.basename(path) == "preprocessor_config.json" and os.path.isfile(beside):
            with open(beside, encoding="utf-8-sig") as file:
                model_config = file.read()
        toml = not text.lstrip().startswith("{")
        try:
            read = _native.read_config(
                text, toml=toml, resampler=resampler, size=edges(size), model_config=model_config
            )
        except PrepOnnxError as error:
            raise type(error)(f"{path}: {error.what}", error.why, error.fix) from None
        return cls._of(read)

    @classmethod
    def from_model(cls, model: Any) -> Pipeline:
        """The pipeline inside a model that `embed` wrote: a path, the bytes of an ONNX file, or an `onnx.ModelProto`.

        Its output is what the model takes.

        Raises:
            ModelError: It is no ONNX file, or has no pipeline in it.
        """
        from prep_onnx._models import inspect

        inside = inspect(model)["embedded"]
        if inside is None or inside["pipeline"] is None:
            name = os.fspath(model) if isinstance(model, (str, os.PathLike)) else "the model"
            raise ModelError(f"{name}: has no embedded pipeline", None, "embed one first: prep_onnx.embed(model, pipeline=...)")
        return cls(inside["pipeline"])

    @classmethod
    def from_toml(cls, text: str) -> Pipeline:
        """A pipeline in TOML, as `to_toml` writes it.

        Raises:
            ConfigError: Names the line and the key.
        """
        return cls._of(_native.read_config(text, toml=True))

    @classmethod
    def from_huggingface(cls, processor: Any, *, size: Size = None, resampler: str | None = None) -> Pipeline:
        """An image processor of transformers: the object, the id or folder of its checkpoint, or its config as a dict.

        An object has the arithmetic of its own backend (torchvision or Pillow), a dict that of torchvision. An id that is no
        preset's is read with `transformers.AutoImageProcessor`. Images of Pillow are taken as their RGB.

        Raises:
            ConfigError: A key or class that cannot be expressed; it is named.
        """
        from prep_onnx._sources import huggingface

        return cls._of(huggingface.read(processor, edges(size), resampler))

    @classmethod
    def from_timm(cls, model: Any, *, size: Size = None, resampler: str | None = None) -> Pipeline:
        """What timm feeds a model for evaluation: a model, its data config or pretrained_cfg as a dict, or its name.

        It equals `timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))` on images of Pillow. Names
        are looked up in a table and do not need timm.

        Raises:
            ConfigError: The name is unknown, or a key cannot be expressed; it is named.
        """
        from prep_onnx._sources import timm

        return cls._of(timm.read(model, edges(size), resampler))

    @classmethod
    def from_torchvision(cls, transforms: Any) -> Pipeline:
        """Weights of torchvision (`ResNet50_Weights.IMAGENET1K_V2`), their `transforms()`, or a `Compose` of evaluation.

        It equals calling the transforms on images of Pillow; a resize that comes after `ToImage` or `PILToTensor` has the
        arithmetic of torchvision's uint8 tensors.

        Raises:
            ConfigError: A transform that cannot be expressed; it is named.
        """
        from prep_onnx._sources import torchvision

        return cls._of(torchvision.read(transforms))

    @classmethod
    def from_open_clip(cls, model: Any, pretrained: str | None = None) -> Pipeline:
        """What open_clip feeds a model: its name (`"ViT-B-32/openai"`, or the two apart as `open_clip.create_model` takes them),
        a preprocess_cfg as a dict, a model, or the transform.

        Raises:
            ConfigError: The name is unknown, or a key or transform cannot be expressed; it is named.
        """
        from prep_onnx._sources import open_clip

        return cls._of(open_clip.read(model if pretrained is None else f"{model}/{pretrained}"))

    @classmethod
    def _of(cls, read: tuple[str, list[str]]) -> Pipeline:
        text, notes = read
        return cls(text, notes=notes)

    # What it is.

    @property
    def notes(self) -> tuple[str, ...]:
        """What the config left open and how it was taken, one line each."""
        return self._notes

    @property
    def layout(self) -> str:
        """The order of the tensor's axes: `"nchw"` or `"nhwc"`."""
        return self._engine(()).layout

    @property
    def dtype(self) -> np.dtype[Any]:
        """The element type of the tensor."""
        return np.dtype(self._engine(()).dtype)

    @property
    def output_size(self) -> tuple[int, int] | None:
        """Height and width of the tensor; None where they depend on the images."""
        return self._engine(()).output_size

    def to_json(self) -> str:
        """Canonical JSON: equal pipelines have equal texts."""
        return self._json

    def to_dict(self) -> dict[str, Any]:
        """The steps as a dict."""
        steps: dict[str, Any] = json.loads(self._json)
        return steps

    def to_toml(self) -> str:
        """A file for `--pipeline` of the command line."""
        return _native.to_toml(self._json)

    def with_output(self, *, layout: str | None = None, dtype: str | None = None) -> Pipeline:
        """The same with another order of axes or element type (`"float16"`, `"uint8"` where there is no arithmetic)."""
        steps = self.to_dict()
        output = {**steps.get("output", {})}
        output |= {key: value for key, value in (("layout", layout), ("dtype", dtype)) if value is not None}
        return Pipeline({**steps, "output": output}, notes=self._notes)

    def __repr__(self) -> str:
        steps = self.to_dict()
        names = ", ".join(step["step"] for step in steps["steps"])
        about = f"{steps['description']!r}: " if "description" in steps else ""
        return f"<prep_onnx.Pipeline {about}{names}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pipeline) and other._json == self._json

    def __hash__(self) -> int:
        return hash(self._json)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._json, self._notes)

    # What it does.

    def _engine(self, outputs: tuple[str, ...]) -> _native.Engine:
        engine = self._engines.get(outputs)
        if engine is None:
            # Of two threads that come here at once, either one's will do.
            engine = self._engines[outputs] = _native.Engine(self._json, list(outputs))
        return engine

    @overload
    def __call__(self, images: Any, *, threads: int | None = None, out: Array | None = None) -> Array: ...
    @overload
    def __call__(
        self, images: Any, *, outputs: str | Sequence[str], threads: int | None = None, out: Array | None = None
    ) -> dict[str, Array]: ...

    def __call__(
        self,
        images: Any,
        *,
        outputs: str | Sequence[str] | None = None,
        threads: int | None = None,
        out: Array | None = None,
    ) -> Array | dict[str, Array]:
        """The tensor of images.

        Args:
            images: uint8 [H, W, C] or [N, H, W, C] as NumPy array (or anything that `numpy.asarray` takes); an image of
                Pillow, which is converted to RGB (or what the pipeline takes), transparent pixels over the pipeline's
                `background` where it has one; a list of these, of mixed sizes too; or a
                `Batch` of a `Loader`. An iterator is drawn to its end. Arrays in C order are not copied.
            outputs: Further outputs: `"geometry"` (float32 [N, 6]: source height and width, vertical and horizontal scale,
                top, left), `"mask"` (int64 [N, H, W]), `"sizes"` (int64 [N, 2]), `"grid"` (int64 [N, 3]).
            threads: At most so many; by default the processors, but no more than images. The GIL is released meanwhile.
            out: The array that takes the tensor, of its shape and element type, in C order.

        Returns:
            The tensor, [N, C, H, W] or as `layout` and blocks have it; with `outputs`, a dict of it as `"tensor"` and of
            them. NumPy arrays, which DLPack and torch take without a copy.

        Raises:
            ImageError: An image of another type or shape; its index is named. Images of mixed sizes, where the size of the tensor
                follows from the image.
            UsageError: `threads` or `out` does not fit.
        """
        threads = count("threads", threads)
        engine = self._engine((outputs,) if isinstance(outputs, str) else tuple(outputs or ()))
        if isinstance(images, Batch):
            workers = threads or min(_processors(), max(1, len(images)))
            tensor, extras = engine.run_ragged(images.pixels, images.shapes, threads=workers, out=out)
        else:
            arrays, batch = _images.as_arrays(images, engine.source, engine.channels, self._background)
            images_given = arrays[0].shape[0] if batch else len(arrays)
            workers = threads or min(_processors(), max(1, images_given))
            tensor, extras = engine.run(arrays, batch=batch, threads=workers, out=out)
        return tensor if outputs is None else {"tensor": tensor, **dict(extras)}


def _restored(text: str, notes: tuple[str, ...]) -> Pipeline:
    return Pipeline(text, notes=notes)
