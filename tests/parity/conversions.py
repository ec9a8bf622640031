#!/usr/bin/env python3
"""Files of other modes than RGB through AutoImageProcessor's own conversion, and through `embed` and `run`: ten families of transformers,
both backends, bit for bit. Needs transformers 5, torch, torchvision, Pillow 13, NumPy, onnx, and ONNX Runtime where `prep-onnx` finds it;
no network. Prints a table; ends with an error where values differ, or where ours refuses without a word on why.

usage: cargo build --release -p prep-onnx
       conversions.py target/release/prep-onnx
"""

import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import transformers
from onnx import TensorProto, helper
from PIL import Image
from transformers import AutoImageProcessor

EDGE, CROP = {"size": {"shortest_edge": 64}}, {"crop_size": {"height": 60, "width": 60}}
SQUARE = {"size": {"height": 64, "width": 64}}
# Seven that convert to RGB, three that take images as they are.
FAMILIES = {
    "CLIP": {**EDGE, **CROP}, "Siglip": SQUARE, "Blip": SQUARE, "Llava": {**EDGE, **CROP}, "OwlViT": {**SQUARE, **CROP}, "SegGpt": SQUARE, "Bit": {**EDGE, **CROP},
    "ViT": SQUARE, "ConvNext": {"size": {"shortest_edge": 384}}, "Beit": {**SQUARE, "do_center_crop": False},
}
BACKENDS = {"torchvision": "torchvision", "pillow": "pil"}
HEIGHT, WIDTH = 75, 101


def files(folder):
    """mode -> file"""
    random = np.random.default_rng(11)
    rows, columns = np.indices((HEIGHT, WIDTH))
    rgba = np.stack([rows * 3, columns * 2, rows + columns, (rows * columns) % 256], -1).astype(np.uint8) ^ random.integers(0, 32, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    palette = Image.fromarray(rgba[..., :3]).quantize(32)
    images = {
        "RGBA": ("png", Image.fromarray(rgba), {}),
        "RGBA, opaque": ("png", Image.fromarray(np.dstack([rgba[..., :3], np.full((HEIGHT, WIDTH), 255, np.uint8)])), {}),
        "RGBA as WebP": ("webp", Image.fromarray(rgba), {"lossless": True, "exact": True}),
        "gray": ("png", Image.fromarray(rgba[..., 0]), {}),
        "gray, alpha": ("png", Image.fromarray(rgba[..., 2:]), {}),
        "palette": ("png", palette, {}),
        "palette, transparent": ("png", palette, {"transparency": 3}),
        "palette as GIF, transparent": ("gif", palette, {"transparency": 3}),
        "16 bits": ("png", Image.fromarray(rgba[..., 0].astype(np.uint16) * 3), {}),
        "CMYK": ("jpg", Image.fromarray(rgba).convert("RGB").convert("CMYK"), {"quality": 95}),
        "CMYK as TIFF": ("tiff", Image.fromarray(rgba[..., [1, 0, 3, 2]], "CMYK"), {}),
    }
    found = {}
    for number, (name, (kind, image, options)) in enumerate(images.items()):
        path = folder / f"{number}.{kind}"
        image.save(path, **options)
        found[name] = path
    return found


def identity(path):
    shape = ["N", 3, "H", "W"]
    graph = helper.make_graph([helper.make_node("Identity", ["pixel_values"], ["y"])], "identity", [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


def main():
    program = os.path.abspath(sys.argv[1])
    transformers.logging.set_verbosity(50)
    count, bad = collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        shown = files(folder)
        identity(folder / "identity.onnx")
        print(f"| family, backend | {' | '.join(shown)} |\n|{'---|' * (len(shown) + 1)}")
        for stem, keys in FAMILIES.items():
            for backend, theirs in BACKENDS.items():
                config, embedded, out = folder / "preprocessor_config.json", folder / "embedded.onnx", folder / "out.npy"
                config.write_text(json.dumps({"image_processor_type": f"{stem}ImageProcessor", **keys}))
                processor = AutoImageProcessor.from_pretrained(folder, backend=theirs)
                command = [program, "embed", folder / "identity.onnx", "-o", embedded, "--pipeline", config, "--resampler", backend, "--no-load", "-q"]
                subprocess.run(command, check=True)
                cells = []
                for mode, path in shown.items():
                    try:
                        want = processor(images=Image.open(path), return_tensors="pt" if backend == "torchvision" else "np")["pixel_values"]
                        want = np.ascontiguousarray(want, dtype="<f4")
                    except Exception as error:
                        want = f"transformers: {type(error).__name__}"
                    out.unlink(missing_ok=True)
                    run = subprocess.run([program, "run", embedded, path, "-o", out, "-q"], capture_output=True, text=True)
                    got = np.load(out) if run.returncode == 0 and out.exists() else None
                    if isinstance(want, str):
                        cell = want + (", ours converts" if got is not None else ", ours refuses")
                    elif got is None:
                        cell = "refused" if "transparent" in run.stderr else "REFUSED WITHOUT A REASON"
                    else:
                        cell = "equal" if got.shape == want.shape and got.tobytes() == want.tobytes() else "OTHER VALUES"
                    count[cell.split(":")[0]] += 1
                    cells.append(cell)
                    if cell.isupper():
                        bad.append((stem, backend, mode, run.stderr.strip()[:200]))
                print(f"| {stem}, {backend} | {' | '.join(cells)} |", flush=True)
    print(dict(count))
    for row in bad:
        print("wrong:", *row)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
