#!/usr/bin/env python3
"""Times the Python package beside the Rust op, transformers and a torchvision thread pool; all take turns.

    cargo build --release -p prep-onnx-benches --example op_on_request
    python3 benches/python/package.py [target/release/examples/op_on_request] [call|transformers|batch|loader|memory …]

Needs the package, numpy and Pillow; for two of the parts transformers, torch and torchvision. Times are the smallest of the
rounds, since whatever else a machine does only adds; ratios are the medians of the rounds' own.
"""

import concurrent.futures
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

import prep_onnx

ROUNDS = 60
HEIGHT, WIDTH = 720, 1280


def drawn(height, width, seed=0):
    noise = np.random.default_rng(seed).integers(0, 64, (height, width, 3))
    y, x, c = np.indices((height, width, 3))
    return ((noise + x // 3 + y // 2 + 50 * c) % 256).astype(np.uint8)


def turns(contestants, rounds=ROUNDS):
    """Milliseconds of each in every round."""
    times = {name: [] for name in contestants}
    for round_ in range(rounds + 3):
        for name, run in contestants.items():
            start = time.perf_counter()
            took = run()
            took = took if isinstance(took, float) else (time.perf_counter() - start) * 1e3
            if round_ >= 3:
                times[name].append(took)
    return times


def table(times, base):
    print(f"| | ms | times {base} |\n|---|---|---|")
    for name, values in times.items():
        ratio = statistics.median(value / against for value, against in zip(values, times[base]))
        print(f"| {name} | {min(values):.3f} | {ratio:.2f} |")
    print(flush=True)


def call(program):
    """A call on an array beside the op in a program of its own."""
    op = subprocess.Popen([program, "clip", str(HEIGHT), str(WIDTH)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def of_rust():
        op.stdin.write("\n")
        op.stdin.flush()
        return float(op.stdout.readline()) / 1e3

    image, clip = drawn(HEIGHT, WIDTH), prep_onnx.Pipeline.from_preset("clip")
    out = clip(image)
    # A run of each before the clock: the pipe and the other contestants leave cold caches.
    def warm(run):
        def timed():
            run()
            start = time.perf_counter()
            run()
            return (time.perf_counter() - start) * 1e3

        return timed

    times = turns(
        {
            "Rust op": lambda: (of_rust(), of_rust())[1],
            "Pipeline(array, out=…)": warm(lambda: clip(image, out=out)),
            "Pipeline(array)": warm(lambda: clip(image)),
        },
        4 * ROUNDS,
    )
    op.stdin.close()
    op.wait()
    print(f"CLIP, {HEIGHT}x{WIDTH}, one thread")
    table(times, "Rust op")


def transformers(_):
    """CLIP at 720p from an image of Pillow, on one thread."""
    import torch
    from transformers import CLIPImageProcessor, CLIPImageProcessorPil

    import prep_onnx.transformers as prep

    torch.set_num_threads(1)
    photo = Image.fromarray(drawn(HEIGHT, WIDTH))
    pil, torchvision = CLIPImageProcessorPil(), CLIPImageProcessor()
    ours, ours_pil = prep.wrap(torchvision), prep.wrap(pil)
    times = turns(
        {
            'backend="prep"': lambda: ours(photo, return_tensors="pt"),
            'backend="prep-pil"': lambda: ours_pil(photo, return_tensors="np"),
            "torchvision backend": lambda: torchvision(photo, return_tensors="pt"),
            "Pillow backend": lambda: pil(photo, return_tensors="np"),
        }
    )
    print(f"CLIP, an image of Pillow {HEIGHT}x{WIDTH} to a tensor, one thread, transformers")
    table(times, 'backend="prep"')


def batch(_):
    """32 images on one and two threads."""
    clip = prep_onnx.Pipeline.from_preset("clip")
    images = np.stack([drawn(512, 512, seed) for seed in range(32)])
    out = clip(images)

    def on(threads):
        return lambda: (clip(images, threads=threads, out=out), None)[1]

    def processor():
        start = time.process_time()
        clip(images, threads=1, out=out)
        return (time.process_time() - start) * 1e3

    # Short, and many: on a busy machine both processors are free at once in few of them.
    times = turns({"1 thread": on(1), "1 thread, processor time": processor, "2 threads": on(2)}, 20 * ROUNDS)
    print("CLIP, 32 images of 512x512 in one call")
    table(times, "2 threads")
    one, two = min(times["1 thread"]), min(times["2 threads"])
    print(f"two threads, the fastest of {20 * ROUNDS} rounds each: {one / two:.2f} times as fast as one, {min(times['1 thread, processor time']) / two:.2f} by its processor time\n")


def loader(_):
    """512 JPEG files in batches of 32 on two threads, to tensors."""
    import torch
    from torchvision.transforms import v2

    clip = prep_onnx.Pipeline.from_preset("timm-0.95")
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for index in range(512):
            file = pathlib.Path(folder, f"{index:04}.jpg")
            height, width = 300 + index * 37 % 500, 300 + index * 61 % 700
            Image.fromarray(drawn(height, width, index % 8)).save(file, quality=90)
            files.append(file)
        files[100].write_bytes(b"no image")
        transform = v2.Compose(
            [v2.PILToTensor(), v2.Resize(235, interpolation=v2.InterpolationMode.BICUBIC), v2.CenterCrop(224)]
            + [v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
        )
        torch.set_num_threads(1)

        def one(file):
            try:
                return transform(Image.open(file).convert("RGB"))
            except OSError:
                return None

        def of_torchvision():
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                done = [tensor for tensor in pool.map(one, files) if tensor is not None]
                assert len(done) == 511
                for start in range(0, len(done), 32):
                    torch.stack(done[start : start + 32])

        def of_ours():
            count = 0
            for loaded in prep_onnx.Loader(files, batch_size=32, threads=2):
                count += len(clip(loaded, threads=2))
            assert count == 511

        def decode_alone():
            assert sum(len(loaded) for loaded in prep_onnx.Loader(files, batch_size=32, threads=2)) == 511

        times = turns({"Loader and Pipeline": of_ours, "Loader alone": decode_alone, "torchvision, a pool of 2 threads": of_torchvision}, 7)
    print("512 JPEG files (300 to 1000 pixels wide, one broken) to tensors, batches of 32, two threads; 511 images")
    table(times, "Loader and Pipeline")


def memory(_):
    """A hundred thousand calls."""
    clip = prep_onnx.Pipeline.from_preset("clip")
    images = [drawn(32, 48), drawn(40, 30)]
    for _ in range(2000):
        clip(images, threads=1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(100_000):
        clip(images, threads=1)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"100,000 calls: the largest memory of the process grew by {grown} KiB\n", flush=True)


PARTS = {part.__name__: part for part in (call, transformers, batch, loader, memory)}


def main():
    words = sys.argv[1:]
    program = words.pop(0) if words and words[0] not in PARTS else "target/release/examples/op_on_request"
    for name in words or PARTS:
        PARTS[name](program)


if __name__ == "__main__":
    main()
