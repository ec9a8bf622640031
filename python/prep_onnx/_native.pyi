import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

__version__: str

_Outputs = tuple[npt.NDArray[Any], list[tuple[str, npt.NDArray[Any]]]]
_Fate = tuple[str, tuple[int, int] | None, tuple[str, str] | None, tuple[int, int] | None]
_Parts = tuple[int, npt.NDArray[np.uint8], npt.NDArray[np.int64], list[_Fate]]

def main(arguments: Sequence[str]) -> int: ...
def call(arguments: Sequence[str], pipeline: str | None = None) -> tuple[str, bool]: ...
def install(op_library: str | os.PathLike[str], python: str | os.PathLike[str] | None = None) -> None: ...
def presets() -> list[str]: ...
def to_toml(pipeline: str) -> str: ...
def read_named(
    name: str, *, resampler: str | None = None, size: tuple[int, int] | None = None
) -> tuple[str, list[str]]: ...
def read_config(
    text: str,
    *,
    toml: bool = False,
    resampler: str | None = None,
    size: tuple[int, int] | None = None,
    model_config: str | None = None,
) -> tuple[str, list[str]]: ...

def learn(
    call: Callable[[npt.NDArray[np.uint8]], Any],
    probes: int | None,
    on: Callable[[int, int, str], Any] | None = None,
) -> tuple[str, list[str], int, int]: ...

def diagnose(
    pipeline: str, image: npt.NDArray[np.uint8], tensor: npt.NDArray[Any]
) -> tuple[bool, list[tuple[str, str]], bool, float, float, npt.NDArray[np.uint8]]: ...

class Engine:
    layout: str
    dtype: str
    source: str
    channels: int
    output_size: tuple[int, int] | None
    def __init__(self, pipeline: str, outputs: Sequence[str] = ...) -> None: ...
    def run(
        self,
        images: Sequence[npt.NDArray[np.uint8]],
        *,
        batch: bool,
        threads: int,
        out: npt.NDArray[Any] | None = None,
    ) -> _Outputs: ...
    def run_ragged(
        self,
        pixels: npt.NDArray[np.uint8],
        shapes: npt.NDArray[np.int64],
        *,
        threads: int,
        out: npt.NDArray[Any] | None = None,
    ) -> _Outputs: ...

class Loader:
    def __init__(
        self,
        sources: Iterable[Any],
        *,
        batch_size: int,
        threads: int | None = None,
        in_order: bool = True,
        exif_transpose: bool = True,
        queue_images: int | None = None,
        queue_bytes: int | None = None,
    ) -> None: ...
    def next(self) -> _Parts | None: ...
    def close(self) -> None: ...
