#!/usr/bin/env python3
"""Times loaders of image files side by side: files to batches of 32 normalised tensors, and decoding alone.

    cargo build --release -p prep-onnx-loader --example load
    python3 benches/python/loaders.py FOLDER [--load target/release/examples/load] [--workers 0,2,4,8] [--rounds N] [NAME …]

FOLDER has JPEG files. Each contestant gets all of them with each number of workers, all in turn; what is not installed is said and
left out. 0 workers is the caller's thread alone; a loader that cannot do that has one thread. The work: shorter edge to 256,
bilinear, the middle 224, ImageNet's mean and deviation. SPDL (FFmpeg), DALI and datago resize otherwise, so their tensors are
others; Loader and Pipeline, and torchvision's own, are equal in every bit (the JPEG decoder is libjpeg-turbo in both).

Processor time is that of the process and its children: on a busy machine it says more than the clock.
Then each reads a folder with files that are none (`--broken`), once, and what became of them is said.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

import numpy as np

BATCH = 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CONTESTANTS = {}


def contestant(name):
    def named(make):
        CONTESTANTS[name] = make
        return make

    return named


def in_batches(items, size=BATCH):
    batch = []
    for item in items:
        if item is None:
            continue
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def pooled(one, files, workers):
    """In order, on so many threads, no more than two batches ahead."""
    if workers == 0:
        yield from map(one, files)
        return
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        waiting = []
        for file in files:
            waiting.append(pool.submit(one, file))
            if len(waiting) > 2 * BATCH:
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


@contestant("prep_onnx Loader and Pipeline")
def of_ours():
    import prep_onnx

    pipeline = prep_onnx.Pipeline.from_torchvision("ResNet50_Weights.IMAGENET1K_V1")

    def run(files, workers):
        count = failed = 0
        for batch in prep_onnx.Loader(files, batch_size=BATCH, threads=max(1, workers)):
            failed += len(batch.errors)
            if len(batch):
                count += len(pipeline(batch, threads=max(1, workers)))
        return count, failed

    return run


@contestant("prep_onnx Loader alone")
def of_our_loader():
    import prep_onnx

    def run(files, workers):
        batches = list(map(lambda batch: (len(batch), len(batch.errors)), prep_onnx.Loader(files, batch_size=BATCH, threads=max(1, workers))))
        return sum(good for good, _ in batches), sum(bad for _, bad in batches)

    return run


@contestant("the Rust loader alone")
def of_rust():
    if not pathlib.Path(LOAD).is_file():
        raise ImportError(LOAD)

    def run(files, workers):
        done = subprocess.run(
            [LOAD, str(pathlib.Path(files[0]).parent), "--threads", str(max(1, workers)), "--batch", str(BATCH)], capture_output=True, text=True, check=True
        )
        good, bad = re.search(r"(\d+) images.*?(\d+) failed", done.stdout, re.DOTALL).groups()
        return int(good), int(bad)

    return run


def transform_of_torchvision():
    import torch
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    steps = [v2.Resize(256, antialias=True), v2.CenterCrop(224), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
    return v2.Compose(steps)


@contestant("torchvision, threads")
def of_torchvision():
    import torch
    from torchvision.io import ImageReadMode, decode_jpeg, read_file

    transform = transform_of_torchvision()

    def one(file):
        try:
            return transform(decode_jpeg(read_file(file), mode=ImageReadMode.RGB))
        except RuntimeError:
            return None

    def run(files, workers):
        count = sum(len(torch.stack(batch)) for batch in in_batches(pooled(one, files, workers)))
        return count, len(files) - count

    return run


@contestant("torchvision and Pillow, threads")
def of_pillow():
    import torch
    from PIL import Image
    from torchvision.transforms import v2

    torch.set_num_threads(1)
    transform = v2.Compose([v2.Resize(256), v2.CenterCrop(224), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])

    def one(file):
        try:
            return transform(Image.open(file).convert("RGB"))
        except OSError:
            return None

    def run(files, workers):
        count = sum(len(torch.stack(batch)) for batch in in_batches(pooled(one, files, workers)))
        return count, len(files) - count

    return run


@contestant("TorchCodec and torchvision, threads")
def of_torchcodec():
    import torch
    from torchcodec.decoders import ImageReadMode, decode_jpeg

    transform = transform_of_torchvision()

    def one(file):
        try:
            return transform(decode_jpeg(file, mode=ImageReadMode.RGB))
        except (RuntimeError, ValueError):
            return None

    def run(files, workers):
        count = sum(len(torch.stack(batch)) for batch in in_batches(pooled(one, files, workers)))
        return count, len(files) - count

    return run


class Files:
    """What torch's DataLoader takes."""

    def __init__(self, files):
        self.files = files
        self.transform = transform_of_torchvision()

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        from torchvision.io import ImageReadMode, decode_jpeg, read_file

        try:
            return self.transform(decode_jpeg(read_file(self.files[index]), mode=ImageReadMode.RGB))
        except RuntimeError:
            return None


def stacked(items):
    import torch

    good = [item for item in items if item is not None]
    return torch.stack(good) if good else torch.empty(0)


@contestant("torch DataLoader, processes")
def of_data_loader():
    import torch

    def run(files, workers):
        loader = torch.utils.data.DataLoader(Files(files), batch_size=BATCH, num_workers=workers, collate_fn=stacked)
        count = sum(map(len, loader))
        return count, len(files) - count

    return run


@contestant("SPDL (FFmpeg), threads")
def of_spdl():
    import logging

    import spdl.io
    from spdl.pipeline import PipelineBuilder

    logging.getLogger("spdl").setLevel(logging.CRITICAL)
    spdl.io.utils.get_ffmpeg_versions()
    edge = "scale=w='if(gt(iw,ih),-2,256)':h='if(gt(iw,ih),256,-2)':flags=bilinear,crop=224:224,format=pix_fmts=rgb24"
    mean, std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (MEAN, STD))

    def one(file):
        pixels = spdl.io.to_numpy(spdl.io.load_image(file, filter_desc=edge))
        return (np.moveaxis(pixels, 2, 0) / np.float32(255) - mean) / std

    def run(files, workers):
        threads = max(1, workers)
        built = PipelineBuilder().add_source(files).pipe(one, concurrency=threads, output_order="input").aggregate(BATCH).pipe(np.stack).add_sink(2)
        pipeline = built.build(num_threads=threads)
        with pipeline.auto_stop():
            count = sum(map(len, pipeline))
        return count, len(files) - count

    return run


@contestant("DALI on the CPU")
def of_dali():
    from nvidia.dali import fn, pipeline_def, types

    def run(files, workers):
        @pipeline_def(batch_size=BATCH, num_threads=max(1, workers), device_id=None, prefetch_queue_depth=2)
        def made():
            read, _ = fn.readers.file(files=files, random_shuffle=False, read_ahead=True, pad_last_batch=True)
            resized = fn.resize(fn.decoders.image(read, device="cpu"), resize_shorter=256, interp_type=types.INTERP_LINEAR, antialias=True)
            scaled = {"mean": [255 * value for value in MEAN], "std": [255 * value for value in STD]}
            return fn.crop_mirror_normalize(resized, crop=(224, 224), output_layout="CHW", dtype=types.FLOAT, **scaled)

        pipeline = made()
        pipeline.build()
        count = 0
        for _ in range(-(-len(files) // BATCH)):
            (tensors,) = pipeline.run()
            count += len(tensors.as_array())
        return min(count, len(files)), 0

    return run


@contestant("datago")
def of_datago():
    from datago import DatagoClient

    mean, std = (np.array(values, np.float32) for values in (MEAN, STD))

    def run(files, workers):
        # Its threads are those of the machine: it has no number of them for files.
        config = {
            "source_type": "file",
            "source_config": {"root_path": str(pathlib.Path(files[0]).parent), "random_sampling": False, "rank": 0, "world_size": 1},
            "image_config": {"crop_and_resize": True, "default_image_size": 224, "downsampling_ratio": 32, "min_aspect_ratio": 1.0, "max_aspect_ratio": 1.0},
            "prefetch_buffer_size": 2 * BATCH,
            "samples_buffer_size": 2 * BATCH,
            "limit": len(files),
        }
        os.environ["DATAGO_MAX_TASKS"] = str(workers)
        client = DatagoClient(json.dumps(config))
        client.start()

        def samples():
            while (sample := client.get_sample()) is not None:
                pixels = np.asarray(sample.image.convert("RGB"))
                yield np.moveaxis((pixels / np.float32(255) - mean) / std, 2, 0)

        try:
            count = sum(len(np.stack(batch)) for batch in in_batches(samples()))
        finally:
            client.stop()
        return count, len(files) - count

    return run


def processor_seconds():
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def damaged(folder, into):
    """A copy of the folder in which one file in a hundred is broken, in turn in four ways."""
    files = sorted(pathlib.Path(folder).glob("*.jpg"))
    broken = 0
    for index, file in enumerate(files):
        copy = into / file.name
        shutil.copyfile(file, copy)
        if index % 100 == 50:
            copy.write_bytes((b"no image", b"", file.read_bytes()[:400], file.read_bytes()[:20])[broken % 4])
            broken += 1
    return sorted(map(str, into.glob("*.jpg"))), broken


def main():
    global LOAD
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder")
    arguments.add_argument("names", nargs="*")
    arguments.add_argument("--load", default="target/release/examples/load")
    arguments.add_argument("--workers", default="0,2,4,8")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--broken", action="store_true")
    given = arguments.parse_args()
    LOAD = given.load
    files = sorted(map(str, pathlib.Path(given.folder).glob("*.jpg")))
    made = {}
    for name, make in CONTESTANTS.items():
        if given.names and not any(word in name for word in given.names):
            continue
        try:
            made[name] = make()
        except Exception as error:
            print(f"left out: {name}: {error}", flush=True)
    workers = [int(word) for word in given.workers.split(",")]
    if given.broken:
        with tempfile.TemporaryDirectory() as folder:
            copies, broken = damaged(given.folder, pathlib.Path(folder))
            print(f"{len(copies)} files, {broken} of them broken: what came out")
            for name, run in made.items():
                try:
                    good, bad = run(copies, 2)
                    print(f"- {name}: {good} images, {bad} failed", flush=True)
                except Exception as error:
                    print(f"- {name}: raised {type(error).__name__}: {str(error).strip().splitlines()[0][:160]}", flush=True)
    clock = {(name, count): [] for name in made for count in workers}
    used = {key: [] for key in clock}
    for round_ in range(given.rounds):
        for count in workers:
            for name, run in made.items():
                before, start = processor_seconds(), time.perf_counter()
                good, _ = run(files, count)
                clock[name, count].append(time.perf_counter() - start)
                used[name, count].append(processor_seconds() - before)
                assert good == len(files), (name, good)
        print(f"round {round_ + 1} of {given.rounds}, load {os.getloadavg()[0]:.0f}", flush=True)
    print(f"\n{len(files)} files, images/s of the fastest round (processor ms per image, median)\n")
    print(f"| | {' | '.join(f'{count} workers' for count in workers)} |\n|---{'|---' * len(workers)}|")
    for name in made:
        cells = [f"{len(files) / min(clock[name, count]):.0f} ({statistics.median(used[name, count]) * 1e3 / len(files):.2f})" for count in workers]
        print(f"| {name} | {' | '.join(cells)} |")
    base = next(iter(made))
    print(f"\ntimes as long as {base}, median of the rounds: by the clock, and in processor time\n")
    print(f"| | {' | '.join(f'{count} workers' for count in workers)} |\n|---{'|---' * len(workers)}|")
    for name in made:
        cells = []
        for count in workers:
            ratios = [statistics.median(a / b for a, b in zip(of[name, count], of[base, count])) for of in (clock, used)]
            cells.append(f"{ratios[0]:.2f}, {ratios[1]:.2f}")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
