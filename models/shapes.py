"""The ten classes of shapes-cnn.onnx, drawn with numpy.

Each pair of classes leans on one thing that a host can get wrong: red and blue discs, sunset and sea on the channel
order; wide and tall ovals and discs on the aspect ratio; coarse and fine stripes on antialiasing (without it fine
stripes alias into coarse ones); day and night on the normalisation.
"""

import numpy as np

from scene import fractal_noise, mix, soft_edge

LABELS = ["red disc", "blue disc", "wide oval", "tall oval", "coarse stripes", "fine stripes", "sunset", "sea", "day", "night"]
SIZES = [(640, 480), (480, 640), (800, 600), (720, 540), (540, 720), (600, 600)]


def _canvas(rng, width, height, colour):
    shade = 0.9 + 0.2 * fractal_noise(rng, height, width, width / 3, octaves=3)
    return np.asarray(colour, float) * shade[..., None]


def _disc(rng, width, height, colour, aspect):
    image = _canvas(rng, width, height, rng.uniform(90, 190) + rng.uniform(-12, 12, 3))
    y, x = np.mgrid[0:height, 0:width].astype(float)
    short = min(width, height)
    radius = short * rng.uniform(0.16, 0.28)
    cx = width / 2 + rng.uniform(-0.12, 0.12) * short
    cy = height / 2 + rng.uniform(-0.12, 0.12) * short
    rx, ry = radius * aspect**0.5, radius / aspect**0.5
    distance = (np.hypot((x - cx) / rx, (y - cy) / ry) - 1) * radius
    return mix(image, colour, soft_edge(distance, 1.5))


def _stripes(rng, width, height, period):
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[0:height, 0:width].astype(float)
    wave = np.sin(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + rng.uniform(0, 6.28))
    base = rng.uniform(105, 150) + rng.uniform(-15, 15, 3)
    return base + rng.uniform(60, 95) * wave[..., None]


def _horizon(rng, width, height, above, below):
    y = np.mgrid[0:height, 0:width][0].astype(float)
    line = height * rng.uniform(0.42, 0.6)
    image = _canvas(rng, width, height, above)
    image += (20 * (1 - y / height))[..., None]
    ripples = 12 * np.sin(y / rng.uniform(3, 7))
    lower = np.asarray(below, float) + ripples[..., None] + rng.uniform(-8, 8, 3)
    return mix(image, lower, soft_edge(line - y, 2))


def _field(rng, width, height, level):
    texture = fractal_noise(rng, height, width, width / 5, octaves=4)
    return (level * np.array([0.97, 1.0, 0.99]) + rng.uniform(-4, 4, 3)) * (0.85 + 0.3 * texture)[..., None]


def draw(label, rng, size=None, grain=3.0):
    """A random picture of class `label` (index into LABELS): uint8 (H, W, 3). `grain` bounds the noise, in levels."""
    width, height = size or SIZES[rng.integers(len(SIZES))]
    jitter = rng.uniform(-22, 22, 3)
    red, blue = np.array([200.0, 40, 45]) + jitter, np.array([45.0, 40, 200]) + jitter
    round_ish = rng.uniform(0.97, 1.03)
    oval = rng.uniform(1.18, 1.34)
    # Ovals come in grey-green only, so that shape alone tells them from each other and hue tells the discs.
    leaf = np.array([60.0, 150, 70]) + jitter
    image = [
        lambda: _disc(rng, width, height, red, round_ish),
        lambda: _disc(rng, width, height, blue, round_ish),
        lambda: _disc(rng, width, height, leaf, oval),
        lambda: _disc(rng, width, height, leaf, 1 / oval),
        lambda: _stripes(rng, width, height, rng.uniform(9, 40)),
        lambda: _stripes(rng, width, height, rng.uniform(2.05, 2.7)),
        lambda: _horizon(rng, width, height, (225, 140, 70), (95, 55, 40)),
        lambda: _horizon(rng, width, height, (70, 140, 225), (40, 60, 100)),
        lambda: _field(rng, width, height, rng.uniform(150, 215)),
        lambda: _field(rng, width, height, rng.uniform(15, 75)),
    ][label]()
    image = image + rng.normal(0, rng.uniform(0, grain), image.shape)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)
