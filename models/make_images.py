#!/usr/bin/env python3
"""Draws the test images in tests/images: RGB PNG files, named <content>-<width>x<height>.png.

Needs numpy and Pillow. Everything is seeded: two runs on one machine write the same pixels.
usage: make_images.py [-o FOLDER]
"""

import argparse
import io
import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scene import fractal_noise, landscape

ROOT = pathlib.Path(__file__).resolve().parent.parent


def grid(width, height):
    y, x = np.mgrid[0:height, 0:width].astype(float)
    return x, y


def zone_plate(width, height, phases=(0.0, 0.0, 0.0), levels=256):
    """cos(k r^2): every spatial frequency up to Nyquist at the nearer edge, beyond it in the corners."""
    x, y = grid(width, height)
    r2 = (x - (width - 1) / 2) ** 2 + (y - (height - 1) / 2) ** 2
    wave = [0.5 + 0.5 * np.cos(np.pi * r2 / min(width, height) + p) for p in phases]
    return np.round(np.stack(wave, -1) * (levels - 1)) * (255 / (levels - 1))


def gradients(width, height):
    """A linear ramp in red, a radial one in green, a slow wave in blue: shows rounding in flat regions."""
    x, y = grid(width, height)
    red = 255 * x / max(width - 1, 1)
    green = 255 * np.hypot(x - width / 2, y - height / 2) / np.hypot(width / 2, height / 2)
    blue = 127.5 + 127.5 * np.sin(2 * np.pi * (x + 2 * y) / (width + height))
    return np.stack([red, green, blue], -1)


def noise(seed, width, height):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(float)


def extremes(seed, width, height):
    """Only 0 and 255, in blocks and single pixels: overshoot of cubic and Lanczos filters reaches both clamps."""
    rng = np.random.default_rng(seed)
    x, y = grid(width, height)
    blocks = ((x // 7 + y // 11) % 2)[..., None] * np.ones(3)
    flips = rng.random((height, width, 3)) < 0.06
    return np.where(flips, 1 - blocks, blocks) * 255


def text(width, height, lines, size, ink, paper):
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(size)
    y = 6
    while y < height:
        for line in lines:
            draw.text((6, y), line, font=font, fill=ink)
            y += int(size * 1.3)
    for index in range(0, width, 16):
        draw.line((index, height - 1, index + 40, height - 30), fill=(200, 30, 60))
    return np.asarray(image, float)


def ribbon(seed, width, height):
    """Long thin pictures: a colour ramp with texture, so that position along the long side shows."""
    rng = np.random.default_rng(seed)
    x, y = grid(width, height)
    t = x / width if width > height else y / height
    hue = np.stack([0.5 + 0.5 * np.cos(2 * np.pi * (3 * t + k / 3)) for k in range(3)], -1)
    return hue * 200 + fractal_noise(rng, height, width, 12)[..., None] * 55


LOREM = ["Raw pixels in, the same bits out.", "0123456789 @#%&*()[]{} ~^|/", "Quick zephyrs blow, vexing daft Jim.", "il1|!I  oO0Q  rn m  ,.;:'"]

# name -> pixels. The names are the contract: goldens and tests refer to them.
IMAGES = {
    "scene-500x375": lambda: landscape(1, 500, 375, grain=1.2),
    "scene-375x500": lambda: landscape(2, 375, 500, grain=0.6),
    "scene-640x480": lambda: landscape(3, 640, 480, grain=0.0),
    "scene-1280x720": lambda: np.round(landscape(4, 1280, 720, grain=0.0) / 12) * 12,
    "scene-161x121": lambda: landscape(5, 161, 121, grain=2.0),
    "zoneplate-333x517": lambda: zone_plate(333, 517, levels=16),
    "zoneplate-colour-257x255": lambda: zone_plate(257, 255, phases=(0.0, 2.1, 4.2), levels=32),
    "text-640x427": lambda: text(640, 427, LOREM, 15, (20, 20, 28), (250, 248, 240)),
    "text-tall-199x701": lambda: text(199, 701, LOREM, 11, (240, 240, 230), (24, 40, 66)),
    "gradient-224x224": lambda: gradients(224, 224),
    "gradient-100x80": lambda: gradients(100, 80),
    "noise-64x48": lambda: noise(11, 64, 48),
    "noise-97x131": lambda: noise(12, 97, 131),
    "extremes-301x227": lambda: extremes(13, 301, 227),
    "wide-1201x83": lambda: ribbon(14, 1201, 83),
    "tall-45x1023": lambda: ribbon(15, 45, 1023),
    "line-500x3": lambda: ribbon(16, 500, 3),
    "line-3x500": lambda: ribbon(17, 3, 500),
    "pixel-1x1": lambda: np.array([[[200.0, 30.0, 90.0]]]),
    "pair-2x1": lambda: np.array([[[0.0, 128.0, 255.0], [255.0, 127.0, 1.0]]]),
    "tiny-5x7": lambda: noise(18, 5, 7),
}


def to_image(pixels):
    return Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def write(image, path):
    """The file is written anew only when its pixels change, so that another zlib does not touch it."""
    if path.exists():
        with Image.open(path) as old:
            if old.mode == "RGB" and old.size == image.size and old.tobytes() == image.tobytes():
                return False
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    path.write_bytes(buffer.getvalue())
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=pathlib.Path, default=ROOT / "tests" / "images")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    for name, draw in IMAGES.items():
        image = to_image(draw())
        path = out / f"{name}.png"
        assert name.endswith(f"-{image.width}x{image.height}"), (name, image.size)
        changed = write(image, path)
        print(f"{path.stat().st_size:8d}  {'wrote' if changed else 'same '}  {path.name}")


if __name__ == "__main__":
    main()
