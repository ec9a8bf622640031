"""Reading live objects of other libraries. What their configs mean is known to the crates; here is what Python alone can see."""

from __future__ import annotations

Read = tuple[str, list[str]]


def pillow() -> str:
    """The resampler of the Pillow that is installed: 13 has another order of passes than those before."""
    try:
        import PIL
    except ImportError:
        return "pillow"
    return "pillow" if int(PIL.__version__.split(".")[0]) >= 13 else "pillow12"
