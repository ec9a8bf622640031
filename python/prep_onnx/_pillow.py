"""The memory of Pillow's images, without a copy: Arrow's C data interface, which Pillow 11.3 and newer offer."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np
import numpy.typing as npt


class _ArrowArray(ctypes.Structure):
    pass


_ArrowArray._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

_BYTES = 4


@functools.cache
def _pointer() -> Any:
    function = ctypes.pythonapi.PyCapsule_GetPointer
    function.restype = ctypes.c_void_p
    function.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return function


class _Lent:
    """Pixels in memory that a capsule keeps alive."""

    def __init__(self, address: int, shape: tuple[int, int, int], capsule: Any) -> None:
        self.capsule = capsule
        self.__array_interface__ = {"version": 3, "shape": shape, "typestr": "|u1", "data": (address, True)}


def shared(image: Any) -> npt.NDArray[np.uint8] | None:
    """The pixels of an RGB image of Pillow as it holds them, [height, width, 4] with a byte that means nothing; not writable.

    None where they are not one piece of memory, for images of other modes, and with an older Pillow.
    """
    export = getattr(image, "__arrow_c_array__", None)
    if image.mode != "RGB" or export is None:
        return None
    try:
        _, capsule = export()
    except (ValueError, MemoryError, OSError):
        # Large images lie in several blocks.
        return None
    width, height = image.size
    array = _ArrowArray.from_address(_pointer()(capsule, b"arrow_array"))
    if array.n_children != 1 or array.offset != 0 or array.length != width * height:
        return None
    pixels = array.children[0].contents
    if pixels.n_buffers != 2 or pixels.offset != 0 or pixels.length != width * height * _BYTES:
        return None
    return np.asarray(_Lent(pixels.buffers[1], (height, width, _BYTES), capsule))
