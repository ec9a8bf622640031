#!/usr/bin/env python3
"""From JPEG files to the model's input, in interleaved rounds: a pool of threads with Pillow, the op for encoded
images in onnxruntime, and `prep-onnx run`.

    cargo build --release -p prep-onnx
    cargo rustc --profile shipped -p prep-onnx-op --lib --crate-type cdylib
    python3 benches/python/files.py [--cli PATH] [--rounds 7] [FOLDER]

FOLDER (default: a temporary one) gets the images. Needs onnxruntime, onnx, numpy and Pillow.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime as ort
from PIL import Image

from host import MEAN, STD, embedded, identity, imagenet, library, session

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "loader/benches"))
from peers import make  # noqa: E402

EDGE, BATCH, COPIES = 224, 32, 8


def encoded(made, files, batch):
    def run():
        for start in range(0, len(files), batch):
            data = [path.read_bytes() for path in files[start:start + batch]]
            made.run(None, {"bytes": np.frombuffer(b"".join(data), np.uint8),
                            "lengths": np.array([len(one) for one in data], np.int64)})
    return run


def pooled(pool, files, batch, one):
    def run():
        for start in range(0, len(files), batch):
            np.stack(list(pool.map(one, files[start:start + batch])))
    return run


def squashed(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((EDGE, EDGE), Image.BILINEAR), np.float32)


def normalised(path):
    with Image.open(path) as image:
        image = image.convert("RGB")
    width, height = image.size
    scale = min(width, height) / 256
    left, top = (width - EDGE * scale) / 2, (height - EDGE * scale) / 2
    image = image.resize((EDGE, EDGE), Image.BILINEAR, (left, top, left + EDGE * scale, top + EDGE * scale))
    values = (np.asarray(image).astype(np.float32) / 255 - MEAN) / STD
    return np.ascontiguousarray(values.transpose(2, 0, 1), np.float32)


def command(cli, path, folder, output, *more):
    def run():
        output.unlink(missing_ok=True)
        subprocess.run([cli, "run", path, folder, "-o", output, "--batch", str(BATCH), "--threads", "2", *more],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return run


def table(title, files, contestants, rounds):
    rates = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name, (count, run) in contestants.items():
            start = time.perf_counter()
            run()
            if number:
                rates[name].append(count / (time.perf_counter() - start))
    first = statistics.median(next(iter(rates.values())))
    print(f"\n{title}: images/s, medians of {rounds} rounds\n\n| | images/s | times the first |\n|---|---|---|")
    for name, values in rates.items():
        print(f"| {name} | {statistics.median(values):.0f} | {statistics.median(values) / first:.2f} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", nargs="?", type=pathlib.Path)
    parser.add_argument("--cli", default="target/release/prep-onnx")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    scratch = tempfile.TemporaryDirectory()
    folder = options.folder or pathlib.Path(scratch.name)
    make(folder)
    cli = options.cli
    op = library(cli)
    models = folder / "models"
    models.mkdir(exist_ok=True)
    model = lambda size, keep, accept: embedded(cli, models, identity(EDGE, keep), imagenet(size, crop=EDGE), "--accept", accept)
    print(f"onnxruntime {ort.__version__}, Pillow {Image.__version__}, {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}")

    squash, shortest = {"exact": [EDGE, EDGE]}, {"shortest_edge": 256}
    files = sorted((folder / "sixteen").glob("*.jpg"))
    made = session(model(squash, 0, "encoded"), 4, op)
    with ThreadPoolExecutor(4) as pool:
        table("16 files of 512x512, resized to 224, 4 threads", files, {
            "Pillow, a pool of threads": (16, pooled(pool, files, 16, squashed)),
            "prep-onnx, encoded": (16, encoded(made, files, 16)),
        }, 3 * options.rounds)

    files = sorted((folder / "many").glob("*.jpg"))
    many = folder / "links"
    many.mkdir(exist_ok=True)
    for copy in range(COPIES):
        for path in files:
            link = many / f"{copy}-{path.name}"
            if not link.is_symlink():
                link.symlink_to(path.resolve())
    whole, small = (model(shortest, keep, "encoded") for keep in (0, 4))
    ragged = model(shortest, 4, "ragged")
    made = session(whole, 2, op)
    output = folder / "out.npy"
    with ThreadPoolExecutor(2) as pool:
        table(f"{len(files)} files, batches of {BATCH}, 2 threads", files, {
            "Pillow, a pool of threads": (len(files), pooled(pool, files, BATCH, normalised)),
            "prep-onnx, encoded, in onnxruntime": (len(files), encoded(made, files, BATCH)),
            "prep-onnx run, encoded model": (COPIES * len(files), command(cli, small, many, output)),
            "prep-onnx run, ragged model": (COPIES * len(files), command(cli, ragged, many, output)),
            "prep-onnx run, ragged model, --decode fast": (COPIES * len(files), command(cli, ragged, many, output, "--decode", "fast")),
        }, options.rounds)


if __name__ == "__main__":
    main()
