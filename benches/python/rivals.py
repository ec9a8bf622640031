#!/usr/bin/env python3
"""One table: the op and its rivals on the same images, in interleaved rounds, one thread on one core.

    cargo build --release -p prep-onnx
    cargo rustc --profile shipped -p prep-onnx-op --lib --crate-type cdylib
    cargo build --release -p prep-onnx-benches --example rival
    RUSTFLAGS="-C target-cpu=native" cargo build --release -p prep-onnx-benches --example rival --target-dir target/native

    python3 benches/python/rivals.py --library target/shipped/libprep_onnx_op.so

Needs onnxruntime, onnx, numpy and Pillow; torch and torchvision join where they are installed. prep-onnx runs
inside onnxruntime, called from Python, its overhead included; the others run as they are used. Times are those of
the thread: median of the rounds' medians, and least. The number in brackets is the largest distance from Pillow's
result, in uint8 steps.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort
from PIL import Image

import host

MEAN, STD = np.array(host.MEAN), np.array(host.STD)
SCALE, BIAS = (1 / (255 * STD)).astype(np.float32), (-MEAN / STD).astype(np.float32)
SECONDS = 0.2
# Images that runs take in turn, and pixels from the start of one to that of the next. They share the memory, and so the caches, but
# no branch predictor learns from one run what comes in the next.
FRAMES, APART = 64, 7


class Picture:
    """Shapes over a gradient with a little noise: edges and smooth parts."""

    def __init__(self, height, width):
        self.shape = height, width, 3
        spare = -(-(FRAMES - 1) * APART // width)
        self.pixels = picture(height + spare, width).reshape(-1, 3)[:height * width + (FRAMES - 1) * APART]
        self.runs = 0

    def image(self, at=0):
        first = at % FRAMES * APART
        height, width, _ = self.shape
        return self.pixels[first:first + height * width].reshape(self.shape)

    def next(self):
        self.runs += 1
        return self.image(self.runs)


def picture(height, width):
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = [128 + 100 * np.sin(x / 9 + y / 31), 255 * x / width, 255 * ((x // 40 + y // 40) % 2)]
    return np.clip(np.stack(planes, -1) + rng.normal(0, 6, (height, width, 3)), 0, 255).astype(np.uint8)


def timed(run, pixels):
    """A contestant in this process: median and least of some runs."""
    def measure():
        times, start = [], time.perf_counter()
        while len(times) < 5 or time.perf_counter() - start < SECONDS:
            image = pixels.next()
            before = time.thread_time_ns()
            run(image)
            times.append((time.thread_time_ns() - before) / 1e6)
        return statistics.median(times), min(times)
    return measure, np.asarray(run(pixels.image()), np.float32).reshape(-1)


def at_level(level, *arguments):
    """A session whose kernels are those of a SIMD level."""
    os.environ["PREP_ONNX_SIMD"] = level
    made = host.session(*arguments)
    del os.environ["PREP_ONNX_SIMD"]
    return made


class Process:
    """A contestant in a process of its own; see benches/examples/rival.rs."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, line):
        print(line, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().strip()
        if not answer:
            sys.exit(f"{self.process.args[0]}: no answer to {line!r}")
        return answer

    def on(self, work, pixels, folder):
        source, target = os.path.join(folder, "in.raw"), os.path.join(folder, "out.raw")
        pixels.pixels.tofile(source)
        self.ask(f"load {work['name']} {source} {target}")
        return (lambda: tuple(map(float, self.ask(f"time {SECONDS}").split()))), np.fromfile(target, np.float32)


def pillow(work):
    left, top, width, height = work["box"]
    resample = Image.Resampling[work["filter"].upper()]
    edge = work["output"]

    def run(image):
        small = np.asarray(Image.fromarray(image).resize((edge, edge), resample, (left, top, left + width, top + height)))
        out = np.empty((3, edge, edge), np.float32)
        for channel in range(3):
            np.multiply(small[:, :, channel], SCALE[channel], out=out[channel])
            out[channel] += BIAS[channel]
        return out
    return run


def torchvision(work):
    import torch
    from torchvision.transforms import v2
    torch.set_num_threads(1)
    size = work["pipeline"]["steps"][0]["size"]
    size = size.get("shortest_edge") or size["exact"]
    mode = v2.InterpolationMode[work["filter"].upper()]
    steps = v2.Compose([v2.Resize(size, mode, antialias=True), v2.CenterCrop(work["output"]),
                        v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN.tolist(), STD.tolist())])

    def run(image):
        with torch.inference_mode():
            return steps(torch.from_numpy(image).permute(2, 0, 1)).numpy()
    return run


def exact(work, image):
    """What Pillow and torchvision's normalisation give, without the library under test."""
    size = work["pipeline"]["steps"][0]["size"]
    height, width = image.shape[:2]
    if "shortest_edge" in size:
        edge = size["shortest_edge"]
        size = (edge, int(edge * width / height)) if height <= width else (int(edge * height / width), edge)
    else:
        size = size["exact"]
    small = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling[work["filter"].upper()]))
    edge = work["output"]
    top, left = (round((extent - edge) / 2) for extent in small.shape[:2])
    return small[top:top + edge, left:left + edge].transpose(2, 0, 1).reshape(-1).astype(np.float64)


def steps_from(values, reference):
    channels = values.reshape(3, -1).astype(np.float64)
    pixels = (channels * STD[:, None] + MEAN[:, None]) * 255
    return float(np.abs(pixels.reshape(-1) - reference).max())


def contestants(cli, library, folder, work, pixels, rivals):
    model = host.identity(work["output"])
    path = host.embedded(cli, folder, model, work["pipeline"])
    call = lambda made: (lambda image: made.run(None, {"image": image[None]})[0])
    yield "prep-onnx, fused", timed(call(host.session(path, 1, library)), pixels)
    yield "prep-onnx, fused, AVX2", timed(call(at_level("avx2", path, 1, library)), pixels)
    for name, process in rivals.items():
        yield name, process.on(work, pixels, folder)
    yield "Pillow, `box=`", timed(pillow(work), pixels)
    try:
        yield "torchvision v2, uint8 tensor", timed(torchvision(work), pixels)
    except ImportError:
        pass
    yield "prep-onnx, portable function", timed(call(host.session(path)), pixels)
    fast = host.embedded(cli, folder, model, work["pipeline"], "--lower", "standard", "--portable", "fast")
    yield "onnxruntime's own Resize", timed(call(host.session(fast)), pixels)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", default="target/release/prep-onnx")
    parser.add_argument("--library", help="the op library; what `prep-onnx library` prints unless given")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rival", default="target/release/examples/rival")
    parser.add_argument("--native-rival", default="target/native/release/examples/rival")
    parser.add_argument("--also", metavar="NAME=PATH", action="append", default=[], help="another program that answers as `rival` does")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    library = options.library or host.library(options.cli)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    builds = {"fast_image_resize, generic build": options.rival, "fast_image_resize, native build": options.native_rival}
    builds |= dict(also.split("=", 1) for also in options.also)
    works = json.loads(subprocess.run([builds["fast_image_resize, generic build"], "--list"], check=True, capture_output=True).stdout)
    rivals = {name: Process(path) for name, path in builds.items()}
    print(f"onnxruntime {ort.__version__}, Pillow {Image.__version__}, load average {os.getloadavg()[0]:.1f}, "
          f"{options.rounds} rounds, ms: median, least (largest distance from Pillow in uint8 steps)")
    table = {}
    works = [work for work in works if options.only in work["name"]]
    for work in works:
        pixels = Picture(work["height"], work["width"])
        reference = exact(work, pixels.image())
        with tempfile.TemporaryDirectory() as folder:
            found = dict(contestants(options.cli, library, folder, work, pixels, rivals))
            times = {name: [] for name in found}
            for _ in range(options.rounds):
                for name in random.sample(list(found), len(found)):
                    times[name].append(found[name][0]())
        for name, (_, values) in found.items():
            middle, least = zip(*times[name])
            table.setdefault(name, {})[work["name"]] = statistics.median(middle), min(least), steps_from(values, reference)
    print("| | " + " | ".join(work["name"] for work in works) + " |")
    print("|---|" + "---|" * len(works))
    for name, row in table.items():
        cells = ["{:.3g}, {:.3g} ({:.1f})".format(*row[work["name"]]) if work["name"] in row else "" for work in works]
        print(f"| {name} | " + " | ".join(cells) + " |")
    for ours in ("prep-onnx, fused", "prep-onnx, fused, AVX2"):
        for rival in list(table):
            if rival.startswith("prep-onnx, fused"):
                continue
            pairs = [(table[rival][work["name"]], table[ours][work["name"]]) for work in works]
            ratios = [f"{theirs[0] / own[0]:.2f}, {theirs[1] / own[1]:.2f}" for theirs, own in pairs]
            print(f"| {rival} / {ours.removeprefix('prep-onnx, ')} | " + " | ".join(ratios) + " |")


if __name__ == "__main__":
    main()
