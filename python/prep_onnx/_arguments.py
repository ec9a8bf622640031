"""What the functions of the package are called with, checked."""

from __future__ import annotations

import operator
import os
from typing import Any

from prep_onnx._errors import UsageError


def count(name: str, value: Any) -> int | None:
    """A number of 1 or more, or None.

    Raises:
        UsageError: It is something else.
    """
    if value is None:
        return None
    try:
        number = operator.index(value)
    except TypeError:
        raise UsageError(f"{name}: is no whole number: expected 1 or more, got {value!r}") from None
    # What the crates can hold.
    if not 1 <= number < 2**63:
        raise UsageError(f"{name}: is out of range: expected 1 or more, got {number}")
    return number


def edges(size: Any) -> tuple[int, int] | None:
    """Height and width of a size that may be one edge, or None.

    Raises:
        UsageError: It is something else.
    """
    if size is None:
        return None
    try:
        height, width = (size, size) if hasattr(size, "__index__") else size
        found = operator.index(height), operator.index(width)
    except (TypeError, ValueError):
        raise UsageError(f"size: is no size: expected an int or (height, width), got {size!r}") from None
    if not all(1 <= edge < 2**31 for edge in found):
        raise UsageError(f"size: is out of range: expected edges of 1 or more, got {size!r}")
    return found


def text(name: str, value: Any, expected: str) -> str:
    """A text.

    Raises:
        UsageError: It is something else.
    """
    if not isinstance(value, str):
        raise UsageError(f"{name}: is no text: expected {expected}, got {type(value).__name__}")
    return value


def path(name: str, value: Any, expected: str) -> str:
    """A path as text.

    Raises:
        UsageError: It is something else.
    """
    try:
        return str(os.fspath(value))
    except TypeError:
        raise UsageError(f"{name}: is of another type: expected {expected}, got {type(value).__name__}") from None
