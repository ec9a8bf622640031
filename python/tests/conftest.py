import os
import pathlib

import pytest
from drawing import SIZES, drawn

ROOT = pathlib.Path(__file__).resolve().parents[2]
__all__ = ["ROOT", "SIZES", "drawn", "required"]


def required(name: str) -> None:
    """Skips a test that lacks something, unless PREP_REQUIRE names it."""
    if name in os.environ.get("PREP_REQUIRE", "").split(","):
        pytest.fail(f"{name} is required and not there")
    pytest.skip(f"{name} is not there")


@pytest.fixture
def model() -> pathlib.Path:
    """An identity, float32 [N, 3, 224, 224]."""
    return ROOT / "models/zoo/identity-224-opset18.onnx"


@pytest.fixture
def demo() -> list[pathlib.Path]:
    return sorted((ROOT / "models/demo").glob("*.png"))[:6]
