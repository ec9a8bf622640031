#!/usr/bin/env python3
"""Writes small images with transparent pixels into background/, and expected.json: the SHA-256 of what Pillow makes of each over white and
over a colour, by the rules of transformers' convert_to_rgb. Needs Pillow 13 and NumPy.

usage: make_background.py
"""

import hashlib
import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).resolve().parent / "background"
HEIGHT, WIDTH = 9, 13
COLOURS = {"white": (255, 255, 255), "colour": (10, 200, 90)}


def over(image, colour):
    if "A" not in image.getbands() and image.info.get("transparency") is None:
        return image.convert("RGB")
    below = Image.new("RGBA", image.size, (*colour, 255))
    return Image.alpha_composite(below, image.convert("RGBA")).convert("RGB")


def png(depth, kind, rows, transparency=b"", palette=b""):
    """A PNG that Pillow does not write."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    data = b"".join(b"\0" + row for row in rows)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, 0)) + (chunk(b"PLTE", palette) if palette else b"")
            + (chunk(b"tRNS", transparency) if transparency else b"") + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))


def bmp(pixels):
    """32 bits with a mask of alpha."""
    data = pixels[::-1, :, [2, 1, 0, 3]].tobytes()
    header = struct.pack("<IiiHHIIiiII", 56, WIDTH, HEIGHT, 1, 32, 3, len(data), 0, 0, 0, 0) + struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    return struct.pack("<2sIHHI", b"BM", 14 + len(header) + len(data), 0, 0, 14 + len(header)) + header + data


def main():
    FOLDER.mkdir(exist_ok=True)
    random = np.random.default_rng(7)
    rgba = random.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    rgba[::3, :, 3], rgba[1::3, :, 3] = 0, 255
    wide = random.integers(0, 65536, (HEIGHT, WIDTH, 4)).astype(">u2")
    few = random.integers(0, 4, (HEIGHT, WIDTH), dtype=np.uint8)
    palette = random.integers(0, 256, 12, dtype=np.uint8).tobytes()
    files = {
        "rgba.png": png(8, 6, [row.tobytes() for row in rgba]),
        "rgba16.png": png(16, 6, [row.tobytes() for row in wide]),
        "la.png": png(8, 4, [row.tobytes() for row in rgba[..., 2:]]),
        "la16.png": png(16, 4, [row.tobytes() for row in wide[..., 2:]]),
        "palette-alphas.png": png(8, 3, [row.tobytes() for row in few], bytes([0, 77, 200]), palette),
        "palette-index.png": png(8, 3, [row.tobytes() for row in few], bytes([255, 0]), palette),
        "palette-2-bits.png": png(2, 3, [np.packbits(np.unpackbits(row[:, None], axis=1)[:, 6:].ravel()).tobytes() for row in few], bytes([9, 255, 0]), palette),
        "gray-key.png": png(8, 0, [(row * 50).tobytes() for row in few], struct.pack(">H", 100)),
        "gray-2-bits-key.png": png(2, 0, [np.packbits(np.unpackbits(row[:, None], axis=1)[:, 6:].ravel()).tobytes() for row in few], struct.pack(">H", 3)),
        "gray-1-bit-key.png": png(1, 0, [np.packbits(row > 1).tobytes() for row in few], struct.pack(">H", 1)),
        "gray-16-key.png": png(16, 0, [(row * 70).astype(">u2").tobytes() for row in few.astype(int)], struct.pack(">H", 140)),
        "rgb-key.png": png(8, 2, [np.repeat(row * 50, 3).tobytes() for row in few], struct.pack(">HHH", 50, 50, 50)),
        "rgb16-key.png": png(16, 2, [np.repeat(row.astype(">u2") * 0x3232, 3).tobytes() for row in few], struct.pack(">HHH", 0x32, 0x32, 0x32)),
        "rgb.png": png(8, 2, [row.tobytes() for row in rgba[..., :3]]),
        "alpha-mask.bmp": bmp(rgba),
    }
    for name, data in files.items():
        (FOLDER / name).write_bytes(data)
    Image.fromarray(rgba).save(FOLDER / "lossless.webp", lossless=True, exact=True)
    indexed = Image.fromarray(few, "P")
    indexed.putpalette(palette)
    indexed.save(FOLDER / "transparent.gif", transparency=2)
    expected = {}
    for path in sorted(FOLDER.glob("*.*")):
        if path.suffix != ".json":
            image = Image.open(path)
            expected[path.name] = {name: hashlib.sha256(over(image, colour).tobytes()).hexdigest() for name, colour in COLOURS.items()}
    # What is refused over a colour, as its alpha is not read.
    Image.fromarray(rgba).save(FOLDER / "lossy.webp", quality=50)
    Image.fromarray(rgba).save(FOLDER / "rgba.tiff")
    opaque = rgba.copy()
    opaque[..., 3] = 255
    Image.fromarray(opaque).save(FOLDER / "opaque.tiff")
    expected["opaque.tiff"] = {name: hashlib.sha256(opaque[..., :3].tobytes()).hexdigest() for name in COLOURS}
    (FOLDER / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
