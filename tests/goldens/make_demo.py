#!/usr/bin/env python3
"""The original pipeline of shapes-cnn.onnx, step by step in Pillow and numpy, on the pictures of models/demo.

Writes demo.json: per picture the label that it shows and the SHA-256 of the float32 tensor [1, 3, 224, 224] (C order,
little endian), which every execution of the embedded model has to give. The steps are those of training:
  1. Image.open, convert("RGB")
  2. resize, BILINEAR: the shorter side to 256, the longer one to int(256 * long / short)
  3. centre crop 224 x 224 at round((side - 224) / 2), halves to even
  4. float32 px / 255, minus mean, divided by std, each in float32 (torchvision ToTensor and Normalize)
  5. HWC to CHW
Needs numpy and Pillow 13.
usage: make_demo.py [--check]     --check compares with demo.json and writes nothing
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import PIL
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
MODELS = HERE.parent.parent / "models"
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def preprocess(path):
    image = Image.open(path).convert("RGB")
    width, height = image.size
    if width <= height:
        size = (256, int(256 * height / width))
    else:
        size = (int(256 * width / height), 256)
    image = image.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    pixels = np.asarray(image.crop((left, top, left + 224, top + 224)))
    tensor = (pixels.astype(np.float32) / np.float32(255) - MEAN) / STD
    return np.ascontiguousarray(tensor.transpose(2, 0, 1)[None])


def main():
    images = {}
    for path in sorted((MODELS / "demo").glob("*.png")):
        tensor = preprocess(path)
        assert tensor.dtype == np.float32 and tensor.shape == (1, 3, 224, 224)
        label = path.stem.rsplit("-", 1)[0].replace("_", " ")
        images[path.name] = {"label": label, "sha256": hashlib.sha256(tensor.astype("<f4").tobytes()).hexdigest()}
    record = {"model": "models/zoo/shapes-cnn.onnx", "pillow": PIL.__version__, "numpy": np.__version__, "shape": [1, 3, 224, 224], "dtype": "float32", "images": images}
    path = HERE / "demo.json"
    if "--check" in sys.argv[1:]:
        same = json.loads(path.read_text())["images"] == images
        print(f"{len(images)} tensors of Pillow {PIL.__version__}:", "as recorded" if same else "NOT as recorded")
        return 0 if same else 1
    path.write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
