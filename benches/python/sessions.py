#!/usr/bin/env python3
"""Times the fused op inside onnxruntime sessions: batches, threads, and input that is not in a cache.

    cargo build --release -p prep-onnx -p prep-onnx-op
    PREP_ONNX=target/release/prep-onnx python3 benches/python/sessions.py

Needs onnxruntime, onnx and numpy. Rounds of all sizes are interleaved; times are medians.
"""
import os
import statistics
import tempfile
import time

import numpy as np
import onnxruntime as ort

from host import embedded, identity, imagenet, library, session

CLI = os.environ.get("PREP_ONNX", "target/release/prep-onnx")
LIBRARY = library(CLI)
ROUNDS = 15
COLD_BYTES = 128 << 20

def model(folder, edge, size):
    return embedded(CLI, folder, identity(edge), imagenet(size, crop=edge))


def fresh(made, image):
    """A plain run: onnxruntime copies the output into a new array."""
    return lambda: made.run(None, {"image": image})


def bound(made, image, edge):
    """A run into an output that stays the same, as a host that feeds one model after another does."""
    binding = made.io_binding()
    binding.bind_ortvalue_input("image", ort.OrtValue.ortvalue_from_numpy(image))
    binding.bind_ortvalue_output("y", ort.OrtValue.ortvalue_from_shape_and_type([len(image), 3, edge, edge], np.float32))
    return lambda: made.run_with_iobinding(binding)


def medians(contestants):
    """Milliseconds of each, in interleaved rounds."""
    times = {name: [] for name in contestants}
    for _ in range(ROUNDS + 1):
        for name, run in contestants.items():
            start = time.perf_counter()
            run()
            times[name].append((time.perf_counter() - start) * 1e3)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


def main():
    bytearray(31 << 20)  # freed at once: glibc then reuses blocks up to this size instead of mapping new ones
    random = np.random.default_rng(1)
    images = lambda n, h, w: random.integers(0, 256, (n, h, w, 3), np.uint8)
    print(f"onnxruntime {ort.__version__}, load average {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        batch = images(32, 512, 512)
        for edge in (224, 384):
            path = model(folder, edge, {"exact": [edge, edge]})
            one, two = (session(path, threads, LIBRARY) for threads in (1, 2))
            for form, run in (("new output", fresh), ("kept output", lambda made, image: bound(made, image, edge))):
                got = medians({1: run(one, batch), 2: run(two, batch)})
                print(f"512x512 to {edge}, batch of 32, {form}: one thread {got[1]:.2f} ms ({32e3 / got[1]:.0f} images/s), "
                      f"two {got[2]:.2f} ms ({32e3 / got[2]:.0f} images/s), {got[1] / got[2]:.2f} times")
        one = session(model(folder, 224, {"exact": [224, 224]}), 1, LIBRARY)
        sizes = (1, 2, 4, 8, 16, 32)
        got = medians({n: bound(one, batch[:n], 224) for n in sizes})
        print("ms per image by batch, one thread, kept output: " + ", ".join(f"{n}: {got[n] / n:.4f}" for n in sizes))
        one = session(model(folder, 224, {"shortest_edge": 256}), 1, LIBRARY)
        for height, width in ((375, 500), (720, 1280), (1080, 1920), (3000, 4000)):
            many = images(max(3, COLD_BYTES // (height * width * 3)), height, width)
            for index in range(3):
                one.run(None, {"image": many[index:index + 1]})
            times = []
            for index in range(len(many)):
                start = time.perf_counter()
                one.run(None, {"image": many[index:index + 1]})
                times.append((time.perf_counter() - start) * 1e3)
            print(f"{width}x{height}, input not in a cache: {statistics.median(times):.3f} ms")


if __name__ == "__main__":
    main()
