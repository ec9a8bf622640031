"""Compares embedded models with Pillow and numpy as they are installed: every output must have the same bits.

usage: live_pillow.py PREP_ONNX    (the program; needs pillow, numpy and onnxruntime)

The preprocessing below is written as its users write it: Image.resize, a crop, numpy arithmetic.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime as ort
import PIL
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
# (filter, size in the pipeline, centre crop)
CASES = [(name, {"exact": [224, 224]}, None) for name in FILTERS] + [
    ("bilinear", {"shortest_edge": 256}, 224),
    ("bicubic", {"shortest_edge": 224}, 224),
    ("lanczos", {"exact": [97, 131]}, None),
    ("bicubic", {"exact": [384, 384]}, None),
]


def original(image: Image.Image, name: str, size: dict, crop: int | None) -> np.ndarray:
    width, height = image.size
    if "exact" in size:
        height, width = size["exact"]
    else:
        edge = size["shortest_edge"]
        if width <= height:
            width, height = edge, int(edge * height / width)
        else:
            width, height = int(edge * width / height), edge
    pixels = np.asarray(image.resize((width, height), FILTERS[name]))
    if crop:
        top, left = round((height - crop) / 2.0), round((width - crop) / 2.0)
        pixels = pixels[top : top + crop, left : left + crop]
    scaled = pixels.astype(np.float32) / np.float32(255)
    return ((scaled - MEAN) / STD).transpose(2, 0, 1)[None]


def main(program: str) -> int:
    # Pillow changed the order of its passes in version 13.
    resampler = "pillow" if int(PIL.__version__.split(".")[0]) >= 13 else "pillow12"
    cases = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, size, crop in CASES:
            steps = [{"step": "resize", "size": size, "filter": name, "resampler": resampler}]
            steps += [{"step": "center_crop", "size": [crop, crop]}] if crop else []
            steps += [{"step": "rescale", "divisor": 255}, {"step": "normalize", "mean": MEAN.tolist(), "std": STD.tolist()}]
            pipeline = Path(folder) / "pipeline.json"
            pipeline.write_text(json.dumps({"steps": steps}))
            model = Path(folder) / f"{cases}.onnx"
            identity = ROOT / "models/zoo/identity-dynamic-opset13.onnx"
            subprocess.run([program, "embed", identity, "-o", model, "--pipeline", pipeline], check=True, capture_output=True)
            session = ort.InferenceSession(str(model), providers=["CPUExecutionProvider"])
            for path in sorted((ROOT / "tests/images").glob("*.png")):
                image = Image.open(path).convert("RGB")
                (output,) = session.run(None, {"image": np.asarray(image)[None]})
                cases += 1
                if not np.array_equal(output.view(np.uint32), original(image, name, size, crop).view(np.uint32)):
                    wrong += 1
                    print(f"differs: {name} {size} crop {crop}: {path.name}")
    print(f"Pillow {PIL.__version__}, numpy {np.__version__}: {cases - wrong} of {cases} equal")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
