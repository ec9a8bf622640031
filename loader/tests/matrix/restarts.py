"""JPEG files with restart markers. Those that threads cannot share, because rows do not begin with an interval or their colours are
others, end in `_alone`."""

import io
import math

import numpy as np
from PIL import Image


def picture(height, width, channels):
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    noise = np.random.default_rng(height * 1000 + width).normal(0, 9, (height, width, channels))
    planes = [127 + 80 * np.sin(x / (5 + c) + c) * np.cos(y / (9 - c)) + 40 * (x > y + 3 * c) for c in range(channels)]
    return np.clip(np.stack(planes, -1) + noise, 0, 255).astype(np.uint8)


def saved(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", quality=50, **options)
    return out.getvalue()


# Widths of one, two and three MCUs, heights that end inside one, and rows enough for bands of 4:2:0.
SIZES = {"4:4:4": [(66, 19), (97, 24)], "4:2:2": [(66, 33), (96, 16)], "4:2:0": [(131, 33), (160, 47), (257, 5)]}
MCU = {"4:4:4": (8, 8), "4:2:2": (8, 16), "4:2:0": (16, 16)}


def shared(subsampling, height, width, interval):
    """Whether two bands of whole intervals are large enough."""
    mcu_height, mcu_width = MCU[subsampling]
    rows, columns = -(-height // mcu_height), -(-width // mcu_width)
    groups = -(-rows // (interval // math.gcd(interval, columns)))
    return groups // (4 if subsampling == "4:2:0" else 1) >= 2


def everything():
    for subsampling, sizes in SIZES.items():
        tag = subsampling.replace(":", "")
        for height, width in sizes:
            columns = -(-width // MCU[subsampling][1])
            image = Image.fromarray(picture(height, width, 3))
            for rows in (1, 2, 3, 5):
                alone = "" if shared(subsampling, height, width, rows * columns) else "_alone"
                yield f"{tag}_{height}x{width}_rows{rows}{alone}", saved(image, subsampling=subsampling, restart_marker_rows=rows)
            for blocks in (1, 2, 4, 7):
                alone = "" if shared(subsampling, height, width, blocks) else "_alone"
                yield f"{tag}_{height}x{width}_blocks{blocks}{alone}", saved(image, subsampling=subsampling, restart_marker_blocks=blocks)
    image = Image.fromarray(picture(150, 40, 3))
    exif = Image.Exif()
    for value in (3, 6):
        exif[0x0112] = value
        yield f"orientation_{value}", saved(image, subsampling="4:2:0", restart_marker_rows=1, exif=exif.tobytes())
    yield "optimized", saved(image, subsampling="4:2:0", restart_marker_rows=1, optimize=True)
    yield "tail", saved(image, subsampling="4:2:0", restart_marker_rows=1) + b"\xff\xd0tail\xff\xd9"
    yield "comment", saved(image, subsampling="4:2:0", restart_marker_rows=1, comment=b"\xff\xda\xff\xd0")
    yield "progressive_alone", saved(image, subsampling="4:2:0", restart_marker_rows=1, progressive=True)
    yield "rgb_alone", saved(image, keep_rgb=True, restart_marker_rows=1)
    gray = Image.fromarray(picture(90, 41, 1)[..., 0])
    yield "gray", saved(gray, restart_marker_rows=1)
    yield "gray_blocks4", saved(gray, restart_marker_blocks=4)
    yield "cmyk_alone", saved(Image.frombytes("CMYK", (40, 90), picture(90, 40, 4).tobytes()), restart_marker_rows=1)
    yield "440_alone", as_440(saved(Image.fromarray(picture(64, 128, 3)), subsampling="4:2:2", restart_marker_rows=1))


def as_440(data):
    """The same blocks with their places turned: 4:2:2 of 64 x 128 is 4:4:0 of 128 x 64 with as many MCUs in a row."""
    data = bytearray(data)
    at = data.index(b"\xff\xc0")
    assert data[at + 11] == 0x21
    data[at + 11] = 0x12
    data[at + 5 : at + 9] = (128).to_bytes(2) + (64).to_bytes(2)
    return bytes(data)
