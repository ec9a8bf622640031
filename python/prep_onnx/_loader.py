"""Image files to batches of pixels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from prep_onnx import _native
from prep_onnx._arguments import count
from prep_onnx._errors import UsageError

PathLike = str | os.PathLike[str]
Source = PathLike | bytes | tuple[str, PathLike | bytes]


class Item(NamedTuple):
    """The fate of one source."""

    #: The id of the source: its path, unless another was given.
    id: str
    #: Height and width in pixels; None where the image could not be read.
    size: tuple[int, int] | None
    #: A stable word for what went wrong, such as `"truncated"`, `"not_an_image"`, `"io"`; None where nothing did.
    error: str | None
    #: What went wrong, in words, with the id.
    message: str | None
    #: Height and width in the file, turned upright; None where the header could not be read.
    original: tuple[int, int] | None


class Batch:
    """Images decoded together: RGB, turned upright, as Pillow reads them. Arrays are views of one buffer."""

    __slots__ = ("index", "items", "pixels", "shapes")

    def __init__(
        self, index: int, pixels: npt.NDArray[np.uint8], shapes: npt.NDArray[np.int64], items: list[Item]
    ) -> None:
        #: The position of the batch in the order of the sources, from 0.
        self.index = index
        #: uint8 [total]: the pixels of all images, one after another: the input `pixels` of a ragged model.
        self.pixels = pixels
        #: int64 [N, 3]: height, width and 3 of each image: the input `shapes` of a ragged model.
        self.shapes = shapes
        #: One for each source, those that failed included, in their order.
        self.items = items

    def __len__(self) -> int:
        """How many images have pixels."""
        return len(self.shapes)

    def __repr__(self) -> str:
        return f"<prep_onnx.Batch {self.index}: {len(self)} of {len(self.items)} images>"

    @property
    def ids(self) -> list[str]:
        """The ids of the images that have pixels, in the order of `images`."""
        return [item.id for item in self.items if item.error is None]

    @property
    def errors(self) -> list[Item]:
        """The sources without pixels."""
        return [item for item in self.items if item.error is not None]

    @property
    def images(self) -> list[npt.NDArray[np.uint8]]:
        """The images, [height, width, 3] each, as views."""
        views, start = [], 0
        for height, width, channels in self.shapes.tolist():
            end = start + height * width * channels
            views.append(self.pixels[start:end].reshape(height, width, channels))
            start = end
        return views

    @property
    def array(self) -> npt.NDArray[np.uint8] | None:
        """[N, height, width, 3] as a view, where there are images and all have one size; else None."""
        if len(self) == 0 or not (self.shapes == self.shapes[0]).all():
            return None
        return self.pixels.reshape(len(self), *self.shapes[0].tolist())


class Loader:
    """Reads and decodes images on threads and yields them as `Batch`es.

    Every pass of `iter` begins anew. A source that cannot be read is an item with an error in its batch, never an exception.

    >>> from prep_onnx import Loader
    >>> batch = next(iter(Loader([("upload-1", b"no image")], batch_size=8)))
    >>> len(batch), batch.errors[0].id, batch.errors[0].error
    (0, 'upload-1', 'not_an_image')
    """

    def __init__(
        self,
        sources: Source | Iterable[Source],
        *,
        batch_size: int = 32,
        threads: int | None = None,
        in_order: bool = True,
        exif_transpose: bool = True,
        queue_images: int | None = None,
        queue_bytes: int | None = None,
    ) -> None:
        """
        Args:
            sources: Text names a file, a folder (its image files, recursively) or a pattern; a `pathlib.Path` names a file or
                a folder; bytes are an encoded image, whose id is its position; a pair gives an id. One of these, or an iterable of
                them, which is drawn from as room appears.
            batch_size: Sources in a batch.
            threads: Decode threads; by default one for each processor.
            in_order: Whether batches arrive in the order of the sources.
            exif_transpose: Whether images are turned upright, as `ImageOps.exif_transpose` does.
            queue_images: Images under way or waiting; by default two batches, and at least four for each thread.
            queue_bytes: Bytes of pixels under way or waiting; by default 1 GiB.

        Raises:
            UsageError: A setting is no number of 1 or more, or `sources` are none.
        """
        if not isinstance(sources, (str, bytes, os.PathLike, Iterable)):
            expected = "a path, folder or pattern, bytes, or an iterable of these"
            raise UsageError(f"sources: are of another type: expected {expected}, got {type(sources).__name__}")
        self._sources = sources
        self._options: dict[str, Any] = {
            "batch_size": count("batch_size", batch_size),
            "threads": count("threads", threads),
            "in_order": in_order,
            "exif_transpose": exif_transpose,
            "queue_images": count("queue_images", queue_images),
            "queue_bytes": count("queue_bytes", queue_bytes),
        }

    def __iter__(self) -> Iterator[Batch]:
        """A new pass over the sources.

        Raises:
            UsageError: An item is no source.
        """
        single = isinstance(self._sources, (str, bytes, os.PathLike)) or _is_pair(self._sources)
        sources: Any = [self._sources] if single else self._sources
        native = _native.Loader(sources, **self._options)
        return _batches(native)


def _is_pair(sources: Any) -> bool:
    # A tuple of two texts is two files.
    return isinstance(sources, tuple) and len(sources) == 2 and isinstance(sources[0], str) and isinstance(sources[1], bytes)


def _batches(native: _native.Loader) -> Iterator[Batch]:
    try:
        while (parts := native.next()) is not None:
            index, pixels, shapes, fates = parts
            items = []
            for id, size, error, original in fates:
                kind, message = error or (None, None)
                items.append(Item(id, size, kind, message, original))
            yield Batch(index, pixels, shapes.reshape(-1, 3), items)
    finally:
        native.close()
