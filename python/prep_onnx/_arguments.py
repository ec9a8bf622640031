"""What the functions of the package are called with, checked."""

from __future__ import annotations

import operator
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
