import os
import pathlib

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SIZES = [(1, 1), (3, 500), (37, 53), (224, 224), (333, 500), (720, 1280)]


def drawn(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise over gradients: both a filter's sums and its windows show."""
    noise = np.random.default_rng(seed * 7919 + height * 65536 + width).integers(0, 86, (height, width, 3))
    y, x, c = np.indices((height, width, 3))
    return ((noise + 2 * x + 3 * y + 50 * c) % 256).astype(np.uint8)


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
