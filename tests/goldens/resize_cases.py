"""The size pairs and the Pillow half of resize.json. Needs numpy and Pillow only, so that any Pillow can be asked.

usage: resize_cases.py     prints {"version": ..., "results": {filter: [sha256, ...]}} of the installed Pillow
"""

import hashlib
import json
import pathlib

import numpy as np
import PIL
from PIL import Image

IMAGES = pathlib.Path(__file__).resolve().parent.parent / "images"
# image, crop (left, top, width, height) or None, output (width, height)
PAIRS = [
    ("scene-500x375", None, (341, 256)),
    ("scene-500x375", None, (224, 224)),
    ("scene-375x500", None, (224, 224)),
    ("scene-640x480", (13, 7, 401, 301), (384, 384)),
    ("scene-1280x720", None, (455, 256)),
    ("scene-161x121", None, (298, 224)),
    ("zoneplate-colour-257x255", None, (224, 224)),
    ("zoneplate-333x517", None, (333, 224)),
    ("zoneplate-333x517", None, (224, 517)),
    ("text-tall-199x701", None, (256, 901)),
    ("text-tall-199x701", None, (100, 40)),
    ("extremes-301x227", None, (97, 75)),
    ("extremes-301x227", (0, 0, 31, 29), (224, 224)),
    ("wide-1201x83", None, (224, 224)),
    ("tall-45x1023", None, (224, 224)),
    ("tall-45x1023", None, (44, 100)),
    ("noise-97x131", None, (64, 64)),
    ("noise-97x131", None, (97, 131)),
    ("noise-64x48", None, (7, 5)),
    ("line-500x3", None, (224, 224)),
    ("line-3x500", None, (224, 224)),
    ("pair-2x1", None, (224, 224)),
    ("pixel-1x1", None, (13, 17)),
    ("tiny-5x7", None, (1, 1)),
]
FILTERS = ["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]


def source(pair):
    name, crop, _ = pair
    image = Image.open(IMAGES / f"{name}.png")
    image.load()
    assert image.mode == "RGB"
    if crop:
        left, top, width, height = crop
        image = image.crop((left, top, left + width, top + height))
    return image


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def pillow():
    results = {}
    for name in FILTERS:
        kernel = Image.Resampling[name.upper()]
        results[name] = [digest(np.asarray(source(pair).resize(pair[2], kernel))) for pair in PAIRS]
    return {"version": PIL.__version__, "results": results}


if __name__ == "__main__":
    print(json.dumps(pillow()))
