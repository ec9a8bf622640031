"""What the kinds of images share."""

import io

import numpy as np
from PIL import Image

FILES = {}


def picture(height, width, channels=3, seed=0):
    """Smooth waves, an edge and some noise: every block type of a codec, small files."""
    rng = np.random.default_rng(seed + 1000 * height + width)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = []
    for c in range(channels):
        wave = 127 + 80 * np.sin(x / (5 + c) + c) * np.cos(y / (7 - c)) + 40 * (x > y + 3 * c)
        planes.append(wave + rng.normal(0, 6, (height, width)))
    return np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)


def put(name, data):
    assert name not in FILES, name
    FILES[name] = bytes(data)


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def rgb(height, width, seed=0):
    return Image.fromarray(picture(height, width, 3, seed))


def gray(height, width, seed=0):
    return Image.fromarray(picture(height, width, 1, seed)[..., 0])


def orientation_exif(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()
