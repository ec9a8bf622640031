#!/usr/bin/env python3
"""Images a second of `prep_onnx.ray.embed` beside Ray's usual recipe, with one and two workers; all take turns.

    python3 benches/python/rate_ray.py [--images 1000] [--rounds 3]

The recipe: `read_binary_files`, `map_batches` of a class that opens with Pillow, resizes and crops with Pillow, normalises with NumPy
and calls onnxruntime, `write_parquet`. Both run the same model on the same files, drawn JPEG of 640x480, from files to Parquet.

Needs the package, ray[data], onnxruntime, Pillow. The clock includes starting the workers, which a second row takes off: it is what
the same call takes with 32 files.
"""

import argparse
import io
import logging
import pathlib
import sys
import tempfile
import time

import numpy as np
import onnxruntime
import ray
from PIL import Image

import prep_onnx
import prep_onnx.ray

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL = ROOT / "models/zoo/shapes-cnn.onnx"
BATCH = 32


def options():
    made = onnxruntime.SessionOptions()
    made.intra_op_num_threads = made.inter_op_num_threads = 1
    return made


class Recipe:
    """ImageNet's evaluation, as the examples of Ray Data have it."""

    def __init__(self, model):
        self.session = onnxruntime.InferenceSession(model, options(), providers=["CPUExecutionProvider"])
        self.mean = np.array([0.485, 0.456, 0.406], np.float32)
        self.deviation = np.array([0.229, 0.224, 0.225], np.float32)

    def tensor(self, data):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BILINEAR)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32) / 255
        return ((pixels - self.mean) / self.deviation).transpose(2, 0, 1)

    def __call__(self, batch):
        tensors = np.stack([self.tensor(data) for data in batch["bytes"]])
        name = self.session.get_inputs()[0].name
        # One at a time, as the model's own batch may be fixed.
        logits = np.concatenate([self.session.run(None, {name: tensor[None]})[0] for tensor in tensors])
        return {"id": batch["path"], "logits": list(logits)}


def recipe(files, workers, out):
    rows = ray.data.read_binary_files([str(file) for file in files], include_paths=True)
    pool = ray.data.ActorPoolStrategy(size=workers)
    share = prep_onnx.ray._share(2, workers, 1)
    rows.map_batches(Recipe, fn_constructor_args=(str(MODEL),), batch_size=BATCH, num_cpus=share, compute=pool).write_parquet(str(out))


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--images", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    environment = {"PYTHONPATH": ":".join([str(pathlib.Path(__file__).parent), *filter(None, sys.path)])}
    ray.init(num_cpus=2, include_dashboard=False, logging_level=logging.ERROR, runtime_env={"env_vars": environment})
    ray.data.DataContext.get_current().enable_progress_bars = False
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rng = np.random.default_rng(7)
        files = []
        for index in range(given.images):
            # Smooth, as photos are: noise takes longer to decode.
            small = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8))
            files.append(folder / f"{index:05}.jpg")
            small.resize((640, 480), Image.Resampling.BICUBIC).save(files[-1], quality=90)
        model = prep_onnx.embed(MODEL, folder / "model.onnx", pipeline="imagenet", load=False)
        contestants = {
            "prep_onnx.ray.embed": lambda files, workers, out: prep_onnx.ray.embed(files, model, out, workers=workers, batch_size=BATCH),
            "Pillow in map_batches": recipe,
        }
        times = {}
        for round_ in range(given.rounds):
            for workers in (1, 2):
                for name, run in contestants.items():
                    for count in (BATCH, given.images):
                        out = folder / f"{round_}-{workers}-{count}-{name[:4]}"
                        start = time.perf_counter()
                        run(files[:count], workers, out)
                        times.setdefault((name, workers, count), []).append(time.perf_counter() - start)
        print("| | workers | images/s | without the start |\n|---|---|---|---|")
        for workers in (1, 2):
            for name in contestants:
                whole, start = min(times[name, workers, given.images]), min(times[name, workers, BATCH])
                print(f"| {name} | {workers} | {given.images / whole:.0f} | {(given.images - BATCH) / (whole - start):.0f} |")
        for workers in (1, 2):
            mine, theirs = (times[name, workers, given.images] for name in contestants)
            print(f"{workers} workers, the whole call, medians of rounds: {sorted(b / a for a, b in zip(mine, theirs))[len(mine) // 2]:.2f} times as fast")


if __name__ == "__main__":
    main()
