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
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "loader/benches"))
from peers import make  # noqa: E402

EDGE, BATCH, COPIES = 224, 32, 8


def model(cli, folder, size, keep, accept):
    """Takes the tensor and keeps it, or the first `keep` columns of one row of one channel."""
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    take = lambda name, values: helper.make_tensor(name, TensorProto.INT64, [3], values)
    if keep:
        node, constants = helper.make_node("Slice", ["x", "from", "to", "axes"], ["y"]), [
            take("from", [0, 0, 0]), take("to", [1, 1, keep]), take("axes", [1, 2, 3])]
        shape = ["N", 1, 1, keep]
    else:
        node, constants, shape = helper.make_node("Identity", ["x"], ["y"]), [], ["N", 3, EDGE, EDGE]
    graph = helper.make_graph([node], "g", [value("x", ["N", 3, EDGE, EDGE])], [value("y", shape)], constants)
    source, pipeline, target = (folder / name for name in ("m.onnx", "p.toml", f"{accept}{keep}{len(size)}.onnx"))
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)]), source)
    crop = f'[[steps]]\nstep = "center_crop"\nsize = [{EDGE}, {EDGE}]\n'
    pipeline.write_text(f'[[steps]]\nstep = "resize"\nsize = {size}\nfilter = "bilinear"\n{crop}'
                        '[[steps]]\nstep = "rescale"\ndivisor = 255\n[[steps]]\nstep = "normalize"\n'
                        'mean = [0.485, 0.456, 0.406]\nstd = [0.229, 0.224, 0.225]\n')
    subprocess.run([cli, "embed", source, "-o", target, "--pipeline", pipeline, "--accept", accept],
                   check=True, stdout=subprocess.DEVNULL)
    return target


def session(path, library, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.register_custom_ops_library(library)
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


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
    values = (np.asarray(image).astype(np.float32) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
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
    library = subprocess.run([cli, "library"], check=True, capture_output=True, text=True).stdout.strip()
    print(f"onnxruntime {ort.__version__}, Pillow {Image.__version__}, {os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f}")

    squash, shortest = f"{{ exact = [{EDGE}, {EDGE}] }}", "{ shortest_edge = 256 }"
    files = sorted((folder / "sixteen").glob("*.jpg"))
    made = session(model(cli, folder, squash, 0, "encoded"), library, 4)
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
    whole, small = (model(cli, folder, shortest, keep, "encoded") for keep in (0, 4))
    ragged = model(cli, folder, shortest, 4, "ragged")
    made = session(whole, library, 2)
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
