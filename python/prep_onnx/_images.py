"""What users have as images, as arrays that the kernels take without a copy."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from prep_onnx import _pillow
from prep_onnx._errors import ImageError
from prep_onnx._loader import Batch, Loader

Pixels = npt.NDArray[np.uint8]
Colour = Sequence[int]

# The mode of Pillow that holds the pixels of a source format, and whether its channels are reversed.
_MODES = {"rgb": ("RGB", False), "bgr": ("RGB", True), "gray": ("L", False), "rgba": ("RGBA", False)}


def is_pil(image: Any) -> bool:
    """Whether it is an image of Pillow, without importing that."""
    return hasattr(image, "mode") and hasattr(image, "convert") and hasattr(image, "getbands")


def _over(image: Any, colour: Colour) -> Any:
    """An image of Pillow without alpha: transparent pixels over the colour."""
    from PIL import Image

    below = Image.new("RGBA", image.size, (*colour, 255))
    return Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")


def _of_pil(image: Any, source: str, background: Colour | None) -> Pixels:
    """[height, width, channels]; of RGB with a fourth byte, where Pillow shares its memory."""
    if background is not None and source in ("rgb", "bgr", "gray") and ("A" in image.getbands() or image.info.get("transparency") is not None):
        image = _over(image, background)
    if source == "rgb" and (pixels := _pillow.shared(image)) is not None:
        return pixels
    if source not in _MODES:
        raise ImageError(f"image: is one of Pillow, and the pipeline takes {source}", None, "hand over the tensor of that format")
    mode, reversed_ = _MODES[source]
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    return np.ascontiguousarray(pixels[:, :, ::-1]) if reversed_ else pixels


def _no_pixels(image: Any, name: str) -> ImageError | None:
    """What has no pixels to take, though users have it as an image."""
    if image is None:
        return ImageError(f"{name}: is None: expected pixels", None, "hand over an array, an image of Pillow, or a list of these")
    if isinstance(image, (str, os.PathLike)):
        fix = "open it: PIL.Image.open(path), or next(iter(prep_onnx.Loader(path)))"
        return ImageError(f"{name}: is the name of a file: expected pixels, got {os.fspath(image)!r}", None, fix)
    if isinstance(image, (bytes, bytearray)):
        fix = "decode it: next(iter(prep_onnx.Loader(data)))"
        return ImageError(f"{name}: is {len(image)} bytes without a shape: expected pixels", None, fix)
    if isinstance(image, (Loader, Batch)):
        return ImageError(f"{name}: is a {type(image).__name__}: expected images, or one Batch", None, "for batch in loader: pipeline(batch)")
    return None


def _array(image: Any, name: str) -> Pixels:
    if error := _no_pixels(image, name):
        raise error
    array = np.asarray(image)
    if array.dtype == object:
        raise ImageError(
            f"{name}: is no array of numbers: expected uint8, got objects of type {type(image).__name__}",
            None,
            "hand over a list of arrays: images in a list may have several sizes",
        )
    if array.dtype != np.uint8:
        raise ImageError(
            f"{name}: has another element type: expected uint8, got {array.dtype}",
            "the pipeline begins with the bytes of an image",
            "hand over the pixels as they were decoded, 0 to 255",
        )
    return np.ascontiguousarray(array)


def _one(image: Any, name: str, source: str, channels: int, background: Colour | None) -> Pixels:
    """[height, width, channels]."""
    if isinstance(image, (list, tuple)):
        raise ImageError(f"{name}: is a list: expected one image", None, "hand over one list of all images")
    if is_pil(image):
        return _of_pil(image, source, background)
    array = _array(image, name)
    if array.ndim == 2 and channels == 1:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] != channels:
        raise _shape(name, array, f"[height, width, {channels}]", channels)
    return _some(array, name)


def _some(array: Pixels, name: str) -> Pixels:
    """The same, where the images have pixels."""
    height, width = array.shape[-3:-1]
    if not height or not width:
        raise ImageError(f"{name}: has no pixels: expected a height and a width of at least 1, got {height} x {width}")
    return array


def _shape(name: str, array: Pixels, expected: str, channels: int, came: Sequence[int] = ()) -> ImageError:
    fix = None
    if array.ndim > 4:
        fix = "hand over one axis of images: image.reshape(-1, *image.shape[-3:])"
    elif array.ndim == 2 and channels == 3:
        fix = "repeat the gray value: numpy.stack([image] * 3, axis=-1)"
    elif array.ndim >= 3 and array.shape[-3] == channels:
        fix = "put the channels last: numpy.moveaxis(image, -3, -1)"
    elif array.ndim >= 3 and (array.shape[-1], channels) == (1, 3):
        fix = "repeat the gray value: numpy.repeat(image, 3, axis=-1)"
    elif array.ndim >= 3 and (array.shape[-1], channels) == (4, 3):
        fix = "drop the alpha: image[..., :3], or hand over the image of Pillow, which is converted"
    return ImageError(f"{name}: has another shape: expected {expected}, got {list(came or array.shape)}", None, fix)


def as_arrays(images: Any, source: str, channels: int, background: Colour | None = None) -> tuple[list[Pixels], bool]:
    """The arrays, and whether they are one array [N, H, W, C]; transparent pixels of Pillow's images over the colour."""
    if is_pil(images):
        return [_of_pil(images, source, background)], False
    if isinstance(images, Iterator):
        images = list(images)
    if isinstance(images, (list, tuple)):
        return [_one(image, f"images[{index}]", source, channels, background) for index, image in enumerate(images)], False
    array = _array(images, "images")
    came = array.shape
    if array.ndim == 2 and channels == 1:
        array = array[:, :, None]
    if array.ndim == 3:
        array = array[None]
    if array.ndim != 4 or array.shape[3] != channels:
        raise _shape("images", array, f"[N, height, width, {channels}] or [height, width, {channels}]", channels, came)
    return [_some(array, "images")], True
