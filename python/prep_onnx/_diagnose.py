"""What another program does otherwise with an image."""

from __future__ import annotations

import os
import pathlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prep_onnx import _images, _native
from prep_onnx._errors import ImageError
from prep_onnx._learn import as_array
from prep_onnx._loader import Loader
from prep_onnx._pipeline import Pipeline

PathLike = str | os.PathLike[str]


class Finding(NamedTuple):
    """One thing that a program does otherwise."""

    #: A stable word for programs, such as `"squash"`, `"filter"`, `"channel_order"`, `"rescale_missing"`.
    mistake: str
    #: What the program does, and what the pipeline says.
    text: str


class Diagnosis(NamedTuple):
    """What was found out; `str` of it is what the command line prints."""

    #: Whether the tensor is the pipeline's in every bit, element type and axes included.
    equal: bool
    #: What the program does otherwise; empty where it is equal.
    findings: tuple[Finding, ...]
    #: Whether they account for every pixel; else they are the nearest that was found.
    explained: bool
    #: The mean distance that they leave, in steps of the pixel value.
    left_mean_lsb: float
    #: The largest one.
    left_max_lsb: float
    #: uint8 [height, width, 3]: the pipeline's pixels, the program's, and their difference, 8 times as strong, beside each other.
    picture: npt.NDArray[np.uint8]

    def __str__(self) -> str:
        """One line for the verdict, one for each finding, and how much they account for."""
        if self.equal:
            return "equal: every bit of the tensor is the pipeline's"
        lines = ["differs: the tensor is not the pipeline's"]
        lines += [f"  {finding.mistake}  {finding.text}" for finding in self.findings]
        rest = f"mean {self.left_mean_lsb:.3f}, at most {self.left_max_lsb:.2f} steps of the pixel value"
        if self.explained:
            return "\n".join([*lines, f"  that accounts for the whole difference ({rest} are left)"])
        return "\n".join([*lines, f"  this is the nearest that was found, and it does not account for all: {rest} are left"])


def diagnose(image: Any, tensor: Any, pipeline: Pipeline | PathLike) -> Diagnosis:
    """Names what a program does otherwise than a pipeline, from one tensor and the image that it was made of.

    A squash instead of a crop, no antialiasing, another filter, BGR, a missing mean, pixels divided by 255 twice or not at all,
    [H, W, C] for [C, H, W], an EXIF orientation, float16: what `prep-onnx diagnose` does.

    >>> from prep_onnx import Pipeline, diagnose
    >>> rows, columns = np.indices((60, 90))
    >>> image = np.stack([rows * 4, columns * 2, rows + columns], axis=2).astype(np.uint8)
    >>> clip = Pipeline.from_preset("clip")
    >>> [finding.mistake for finding in diagnose(image, clip(image[:, :, ::-1]), clip).findings]
    ['channel_order']

    Args:
        image: The photo: a path, the bytes of a file, uint8 [height, width, 3] of RGB, or an image of Pillow. Files are decoded
            and turned upright as a `Loader` does.
        tensor: What the program made of it: an array or tensor of torch, float32, float64 (which is rounded), float16 or uint8,
            [C, H, W] or [H, W, C], alone or as a batch of one; or a mapping of one such.
        pipeline: What is meant: a `Pipeline` (`Pipeline.from_model` has that of an embedded model), the name of a preset or
            checkpoint, or a config file.

    Raises:
        ImageError: The image cannot be read, or the tensor shows no part of it.
        UnsupportedError: A pipeline that cannot be compared part by part, such as one of patches.
        PrepOnnxError: A tensor that is not of one image.
    """
    meant = pipeline if isinstance(pipeline, Pipeline) else _named(os.fspath(pipeline))
    given = as_array(tensor)
    if given.dtype == np.float64:
        given = given.astype(np.float32)
    equal, findings, explained, mean, largest, picture = _native.diagnose(meant.to_json(), _pixels(image), given)
    return Diagnosis(equal, tuple(Finding(*finding) for finding in findings), explained, mean, largest, picture)


def _named(name: str) -> Pipeline:
    # As on the command line, the name of a preset counts before a file.
    is_file = name not in _native.presets() and os.path.isfile(name)
    return Pipeline.from_file(name) if is_file else Pipeline.from_preset(name)


def _pixels(image: Any) -> npt.NDArray[np.uint8]:
    """[height, width, 3]."""
    if isinstance(image, (str, bytes, os.PathLike)):
        source = ("image", image) if isinstance(image, bytes) else pathlib.Path(os.fspath(image))
        (batch,) = Loader([source], batch_size=1, threads=1)
        for item in batch.errors:
            raise ImageError(item.message or "image: cannot be read")
        return batch.images[0]
    (array,), batched = _images.as_arrays(image, "rgb", 3)
    if batched and len(array) != 1:
        raise ImageError(f"image: has another shape: expected [height, width, 3], got {list(array.shape)}", None, "hand over one image")
    return np.ascontiguousarray((array[0] if batched else array)[:, :, :3])
