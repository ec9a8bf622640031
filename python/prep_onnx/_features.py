"""What the keys of a BatchFeature are made of: the outputs of a pipeline, and what follows from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from prep_onnx import _images

Array = np.ndarray[Any, Any]


class Made(NamedTuple):
    """What a call of a pipeline gave for the images of a processor."""

    outputs: dict[str, Array]
    #: Height and width of each image as it came, int64 [N, 2].
    sources: Array
    processor: Any

    @property
    def tensor(self) -> Array:
        return self.outputs["tensor"]

    @property
    def number(self) -> int:
        """How many images."""
        return len(self.sources)


class Form(NamedTuple):
    """One thing that a key can be: the outputs it takes, and how it is made of them."""

    outputs: tuple[str, ...]
    make: Callable[[Made], Any]


def source_sizes(images: Sequence[Any]) -> Array:
    """Height and width of each image, int64 [N, 2]."""
    edges = [(image.height, image.width) if _images.is_pil(image) else image.shape[:2] for image in images]
    return np.array(edges, np.int64)


def _joined(array: Array) -> Array:
    """Of [N, tiles, …] the tiles of all images one after the other, [1, N * tiles, …]: a list is one sample."""
    return array.reshape(1, array.shape[0] * array.shape[1], *array.shape[2:])


def _tiles(made: Made) -> int:
    return len(made.tensor) // made.number


def _patches(made: Made) -> Array:
    found: Array = made.outputs["grid"][:, 1:].prod(axis=1)
    return found


def _first_patches(made: Made) -> Array:
    """1 for the patches of the image, 0 for those that fill up, int32 [N, patches]."""
    return (np.arange(made.tensor.shape[1]) < _patches(made)[:, None]).astype(np.int32)


def _positions(made: Made) -> Array:
    """Column and row of each patch, -1 for those that fill up, int64 [N, patches, 2]."""
    found = np.full((made.number, made.tensor.shape[1], 2), -1, np.int64)
    for places, (_, rows, columns) in zip(found, made.outputs["grid"]):
        y, x = np.indices((rows, columns))
        places[: rows * columns] = np.stack([x, y], axis=-1).reshape(-1, 2)
    return found


def _listed(made: Made, axis: int) -> list[list[int]]:
    return [made.outputs["grid"][:, axis].tolist()]


#: By name, the plainest first: where several are equal in all that was compared, the first is meant.
FORMS: dict[str, Form] = {
    "tensor": Form((), lambda made: made.tensor),
    "tensor, all in one sample": Form((), lambda made: _joined(made.tensor)),
    "mask": Form(("mask",), lambda made: made.outputs["mask"]),
    "mask, bool": Form(("mask",), lambda made: made.outputs["mask"].astype(bool)),
    "masks in one sample": Form(("mask",), lambda made: made.outputs["mask"][None]),
    "sizes": Form(("sizes",), lambda made: made.outputs["sizes"]),
    "grid": Form(("grid",), lambda made: made.outputs["grid"]),
    "rows and columns of the grid": Form(("grid",), lambda made: made.outputs["grid"][:, 1:]),
    "rows in a list": Form(("grid",), lambda made: _listed(made, 1)),
    "columns in a list": Form(("grid",), lambda made: _listed(made, 2)),
    "patches that are image": Form(("grid",), _first_patches),
    "places of patches": Form(("grid",), _positions),
    "patches": Form(("grid",), _patches),
    "patches, pooled": Form(("grid",), lambda made: _patches(made) // made.processor.pooling_kernel_size**2),
    "source_sizes": Form((), lambda made: made.sources),
    "source_sizes, float32": Form((), lambda made: made.sources.astype(np.float32)),
    "tiles of an image": Form((), lambda made: np.full(made.number, _tiles(made), np.int64)),
    "tiles, one number": Form((), lambda made: np.array(_tiles(made), np.int64)),
    "merge_size": Form((), lambda made: np.full(made.number, made.processor.merge_size, np.int64)),
    "no crops: 0": Form((), lambda made: np.zeros(made.number, np.int64)),
    "no tiles: 1 x 1": Form((), lambda made: np.ones((made.number, 2), np.int64)),
    "nothing but image: 1": Form((), lambda made: np.ones((made.number, *made.tensor.shape[-2:]), np.int64)),
    "tiles that are image: 1": Form((), lambda made: np.ones(_joined(made.tensor)[:, :, 0].shape, np.int64)),
    "tiles: true": Form((), lambda made: np.ones(_joined(made.tensor).shape[:2], bool)),
    "nothing is cut: an empty list": Form((), lambda made: []),
    "its usual task": Form((), lambda made: ["the task is panoptic"]),
}


def outputs(forms: Sequence[str]) -> list[str]:
    """The further outputs of a pipeline that these are made of."""
    return list(dict.fromkeys(output for form in forms for output in FORMS[form].outputs))
