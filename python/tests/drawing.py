"""Images that are drawn."""

import numpy as np

SIZES = [(1, 1), (3, 500), (37, 53), (224, 224), (333, 500), (720, 1280)]


def drawn(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Noise over gradients: both a filter's sums and its windows show."""
    noise = np.random.default_rng(seed * 7919 + height * 65536 + width).integers(0, 86, (height, width, 3))
    y, x, c = np.indices((height, width, 3))
    return ((noise + 2 * x + 3 * y + 50 * c) % 256).astype(np.uint8)
