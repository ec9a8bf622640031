#!/usr/bin/env python3
"""Makes the files of this folder with a release of prep-onnx: models that it wrote, and what they gave there.

    python3 tests/stored/make_stored.py PROGRAM LIBRARY

PROGRAM and LIBRARY are those of the release whose files are kept; they must not be those of today. Needs onnxruntime
and numpy. tests/tests/stored.rs runs the files in today's library.
"""

import argparse
import hashlib
import json
import pathlib
import subprocess
import tempfile

import numpy as np
import onnxruntime as ort

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
UINT8 = {"steps": [{"step": "resize", "size": {"shortest_edge": 240}, "filter": "lanczos"},
                   {"step": "center_crop", "size": [224, 224], "offset": "huggingface"},
                   {"step": "channel_order", "order": "bgr"}]}
# name: model, pipeline, further options, accepted form, sizes (height, width) of each call, or files.
CASES = {
    "imagenet": ("identity-224-opset13", "imagenet", [], "batch", [[(161, 121)] * 2, [(60, 301)]]),
    "clip-f16-ragged": ("identity-224-f16-opset18", "clip", [], "ragged", [[(97, 131), (300, 41), (224, 224)], [(31, 20)]]),
    "vit-nhwc": ("identity-224-nhwc", "vit", [], "batch", [[(333, 47)], [(5, 7)] * 3]),
    "timm-standard": ("identity-224-opset21", "timm", ["--resampler", "torchvision", "--lower", "standard"], "batch",
                      [[(150, 260)] * 2]),
    "uint8-ragged": ("identity-224-u8", UINT8, [], "ragged", [[(90, 130), (400, 33)]]),
    "mobilevit-opset11": ("identity-dynamic-opset11", "mobilevit", ["--resampler", "pillow12"], "batch", [[(400, 90)]]),
    "efficientnet-node": ("identity-dynamic-f16-opset13", "efficientnet", ["--lower", "fused"], "batch", [[(70, 311)] * 2]),
    "imagenet-encoded": ("identity-224-opset17", "imagenet", ["--on-bad-image", "zero"], "encoded",
                         [["tests/images/noise-97x131.png", "no image", "tests/images/tiny-5x7.png"]]),
}


def image(height, width):
    """The image that tests/tests/stored.rs draws for this size."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    index = np.arange(1, height * width * 3 + 1, dtype=np.uint64).reshape(height, width, 3)
    with np.errstate(over="ignore"):
        state = (index + np.uint64(height * 65536 + width)) * np.uint64(0x9E3779B97F4A7C15)
        noise = ((state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)) >> np.uint64(56)
    return ((noise // np.uint64(3) + (2 * x + 3 * y + 50 * c).astype(np.uint64)) % np.uint64(256)).astype(np.uint8)


def feeds(accept, call):
    if accept == "encoded":
        files = [pathlib.Path(ROOT / file).read_bytes() if file.endswith(".png") else b"no image" for file in call]
        return {"bytes": np.frombuffer(b"".join(files), np.uint8), "lengths": np.array([len(f) for f in files], np.int64)}
    images = [image(*size) for size in call]
    if accept == "batch":
        return {"image": np.stack(images)}
    pixels = np.concatenate([i.ravel() for i in images] or [np.zeros(0, np.uint8)])
    return {"pixels": pixels, "shapes": np.array([i.shape for i in images], np.int64).reshape(-1, 3)}


def run(path, library, inputs):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if library:
        options.register_custom_ops_library(str(library))
    session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return [{"name": name, "shape": list(value.shape), "sha256": hashlib.sha256(value.tobytes()).hexdigest()}
            for name, value in zip(names, session.run(names, inputs))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("library", type=pathlib.Path)
    arguments = parser.parse_args()
    version = subprocess.run([arguments.program, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    kept = {}
    for name, (model, pipeline, options, accept, calls) in CASES.items():
        path = HERE / f"{name}.onnx"
        with tempfile.TemporaryDirectory() as folder:
            if isinstance(pipeline, dict):
                config = pathlib.Path(folder) / "pipeline.json"
                config.write_text(json.dumps(pipeline))
                pipeline = str(config)
            command = [arguments.program, "embed", ROOT / f"models/zoo/{model}.onnx", "--pipeline", pipeline,
                       "--accept", accept, *options, "--quiet", "-o", path]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        backends = []
        if accept != "encoded" and "fused" not in options:
            backends.append("portable")
        if "standard" not in options:
            backends.append("fused")
        results = []
        for call in calls:
            got = [run(path, arguments.library if backend == "fused" else None, feeds(accept, call)) for backend in backends]
            assert all(one == got[0] for one in got), (name, got)
            results.append({"images": call, "outputs": got[0]})
        kept[name] = {"accept": accept, "backends": backends, "calls": results}
        print(f"{name}: {path.stat().st_size} bytes, {', '.join(backends)}, {len(calls)} calls")
    (HERE / "cases.json").write_text(json.dumps({"written_by": version, "files": kept}, indent=1) + "\n")


if __name__ == "__main__":
    main()
