#!/usr/bin/env python3
"""Images a second of `prep_onnx.ray.embed` beside Ray's usual recipe, with one and two workers; all take turns.

    python3 benches/python/rate_ray.py [--images 1000] [--rounds 3]

The recipe: `read_binary_files`, `map_batches` of a class that opens with Pillow, resizes and crops with Pillow, normalises with NumPy
and calls onnxruntime, `write_parquet`. Both run the same model on the same files, drawn JPEG of 640x480, from files to Parquet.

Needs the package, ray[data], onnxruntime, Pillow. Workers take a minute to start where a machine is busy, so the clock runs from the
moment when each has done its first batch to the end of the last one, by the time that each batch ended. Set RAY_worker_niceness=0 on a
busy machine: Ray otherwise makes its workers the last in line.
"""

import argparse
import io
import logging
import os
import pathlib
import sys
import tempfile
import time

import numpy as np
import onnxruntime
import pyarrow as pa
import pyarrow.parquet as pq
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
        rows = len(logits)
        return {"id": batch["path"], "logits": list(logits), "at": [time.time()] * rows, "worker": [os.getpid()] * rows}


class Timed(prep_onnx.ray.Embedder):
    """Says when a batch ended, and who did it."""

    def __call__(self, batch):
        table = super().__call__(batch)
        for name, value in (("at", time.time()), ("worker", os.getpid())):
            table = table.append_column(name, pa.array([value] * len(table)))
        return table


def through(rows, function, model, workers, out):
    """Images a second once every worker has done a batch."""
    pool = ray.data.ActorPoolStrategy(size=workers)
    done = rows.map_batches(
        function, fn_constructor_args=(str(model),), batch_size=BATCH, num_cpus=0.5, compute=pool, batch_format="numpy"
    )
    done.write_parquet(str(out))
    table = pa.concat_tables(pq.read_table(file, columns=["at", "worker"]) for file in out.glob("*.parquet"))
    ends = list(zip(table["at"].to_pylist(), table["worker"].to_pylist()))
    started = max(min(at for at, of in ends if of == worker) for worker in {of for _, of in ends})
    assert len({of for _, of in ends}) == workers, "a worker did nothing: give more images"
    later = [at for at, _ in ends if at > started]
    return len(later) / (max(later) - started)


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
            "prep_onnx.ray": (lambda: prep_onnx.ray.dataset([str(file) for file in files]), Timed, model),
            "Pillow in map_batches": (lambda: ray.data.read_binary_files([str(file) for file in files], include_paths=True), Recipe, MODEL),
        }
        rates = {}
        for round_ in range(given.rounds):
            for workers in (1, 2):
                for name, (rows, function, of) in contestants.items():
                    out = folder / f"{round_}-{workers}-{name[:4]}"
                    rates.setdefault((name, workers), []).append(through(rows(), function, of, workers, out))
                    print(name, workers, f"{rates[name, workers][-1]:.1f}", flush=True)
        print("| | 1 worker, images/s | 2 workers |\n|---|---|---|")
        for name in contestants:
            print(f"| {name} | {max(rates[name, 1]):.0f} | {max(rates[name, 2]):.0f} |")


if __name__ == "__main__":
    main()
