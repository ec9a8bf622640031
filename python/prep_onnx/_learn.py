"""Learning the pipeline of another program from its answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prep_onnx import _native
from prep_onnx._errors import UsageError
from prep_onnx._pipeline import Pipeline


class Learned(NamedTuple):
    """What was learned."""

    #: The pipeline, which gave every bit of every probe.
    pipeline: Pipeline
    #: How many images the callable was asked about.
    probes: int
    #: How many of them had not been used to find the pipeline.
    confirmed: int


def learn(
    call: Callable[[Any], Any],
    *,
    images: str = "array",
    probes: int | None = None,
    progress: Callable[[int, int, str], Any] | None = None,
) -> Learned:
    """Learns what a callable does with an image: the pipeline that gives every bit of its answers.

    It is asked about images that are made for it: of one colour, ramps, noise, of several sizes. No constant is guessed, and what
    is no pipeline is refused.

    >>> from prep_onnx import Pipeline, learn
    >>> other = Pipeline.from_preset("imagenet")
    >>> learn(other).pipeline(np.zeros((50, 60, 3), np.uint8)).tobytes() == other(np.zeros((50, 60, 3), np.uint8)).tobytes()
    True

    Args:
        call: It gets an image and gives the tensor of a model: an array or tensor of torch, [C, H, W] or [H, W, C], alone or as a
            batch of one; or a mapping of one such, as transformers' processors do.
        images: What it gets: `"array"`, uint8 [height, width, 3], or `"pillow"`, an image of Pillow.
        probes: The most images that it is asked about; by default 60.
        progress: Told how many were asked about, of how many, and what for.

    Raises:
        UnsupportedError: It is no pipeline; how near the nearest one comes is said.
        Exception: What `call` raises.
    """
    if images not in ("array", "pillow"):
        raise UsageError(f'images: is unknown: expected "array" or "pillow", got {images!r}')

    def asked(image: Any) -> Any:
        given = image
        if images == "pillow":
            from PIL import Image

            given = Image.fromarray(image)
        return as_array(call(given))

    text, notes, asked_about, confirmed = _native.learn(asked, probes, progress)
    return Learned(Pipeline(text, notes=notes), asked_about, confirmed)


def as_array(answer: Any) -> npt.NDArray[Any]:
    """The tensor of an answer: itself, the only one of a list, or `pixel_values` or the first one of a mapping."""
    if isinstance(answer, Mapping):
        answer = answer["pixel_values"] if "pixel_values" in answer else next(iter(answer.values()))
    if isinstance(answer, (list, tuple)) and len(answer) == 1:
        answer = answer[0]
    return np.asarray(answer)
