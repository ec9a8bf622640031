#!/usr/bin/env python3
"""From JPEG bytes to the tensor, in the op for encoded images, beside what decoding alone costs: processor time of one thread,
in interleaved rounds.

    cargo build --release -p prep-onnx
    cargo rustc --profile shipped -p prep-onnx-op --lib --crate-type cdylib
    python3 benches/python/decode.py [--cli PATH] [--library PATH] [--rounds 31] [--progressive] [--subsampling 420]

The work is that of `rivals.py`: shortest edge 256, bilinear, the middle 224, ImageNet's mean and deviation. Small files take turns, so
that no branch predictor learns one. Needs onnxruntime, onnx, numpy, Pillow 13 and simplejpeg (libjpeg-turbo, which decodes into an array
that is there).
"""
import argparse
import io
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort
import simplejpeg
from PIL import Image

import host

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "loader/benches"))
from peers import SIZES, scene  # noqa: E402


# Pixels of all the files of a size, and the fewest files.
PIXELS, FEWEST = 3_000_000, 2


def seconds(work, file):
    start = time.thread_time()
    work(file)
    return time.thread_time() - start


def encode(image, options):
    data = io.BytesIO()
    subsampling = options.subsampling[0] + ":" + ":".join(options.subsampling[1:])
    image.save(data, "JPEG", quality=options.quality, subsampling=subsampling, progressive=options.progressive)
    return data.getvalue()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cli", default="target/release/prep-onnx")
    parser.add_argument("--library", help="the op library; what `prep-onnx library` prints unless given")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--progressive", action="store_true")
    parser.add_argument("--subsampling", default="420", choices=("444", "422", "420"))
    parser.add_argument("--quality", type=int, default=90)
    options = parser.parse_args()
    library = options.library or host.library(options.cli)
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"onnxruntime {ort.__version__}, simplejpeg {simplejpeg.__version__}, Pillow {Image.__version__}, load average {os.getloadavg()[0]:.1f}; "
          f"ms of one thread, medians of {options.rounds} rounds (least)")
    with tempfile.TemporaryDirectory() as folder:
        model = lambda accept: host.session(
            host.embedded(options.cli, folder, host.identity(224), host.imagenet({"shortest_edge": 256}, crop=224), "--accept", accept),
            library=library)
        encoded, arrays = model("encoded"), model("batch")
        rows = {}
        for width, height in SIZES:
            seeds = range(width, width + max(FEWEST, PIXELS // (width * height)))
            files = [encode(scene(width, height, seed), options) for seed in seeds]
            fed = [{"bytes": np.frombuffer(data, np.uint8), "lengths": np.array([len(data)], np.int64)} for data in files]
            pixels = np.empty((height, width, 3), np.uint8)
            decode = lambda file: simplejpeg.decode_jpeg(files[file], "RGB", fastdct=False, fastupsample=False, buffer=pixels)
            images = []
            for file, data in enumerate(files):
                decode(file)
                assert (pixels == np.asarray(Image.open(io.BytesIO(data)))).all()
                images.append(pixels[None].copy())
                assert (encoded.run(None, fed[file])[0] == arrays.run(None, {"image": images[file]})[0]).all()
            works = {
                "bytes to tensor": lambda file: encoded.run(None, fed[file]),
                "libjpeg-turbo, decode alone": decode,
                "the op, array to tensor": lambda file: arrays.run(None, {"image": images[file]}),
            }
            times = {name: [] for name in works}
            for at in range(options.rounds if width < 4000 else -(-options.rounds // 2)):
                for name, work in works.items():
                    times[name].append(seconds(work, at % len(files)))
            ours, decoding, op = times.values()
            ratio = lambda pairs: f"{statistics.median(a / b for a, b in pairs):.2f} ({min(ours) / min(b for _, b in pairs):.2f})"
            for name, values in times.items():
                rows.setdefault(name, []).append(f"{statistics.median(values) * 1e3:.3g} ({min(values) * 1e3:.3g})")
            rows.setdefault("bytes to tensor / decode alone", []).append(ratio(list(zip(ours, decoding))))
            both = [a + b for a, b in zip(decoding, op)]
            rows.setdefault("bytes to tensor / (decode alone + the op)", []).append(ratio(list(zip(ours, both))))
    print("| | " + " | ".join(f"{width}x{height}" for width, height in SIZES) + " |\n|---|" + "---|" * len(SIZES))
    for name, cells in rows.items():
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
