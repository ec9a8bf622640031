#!/usr/bin/env python3
"""Runs models that decode images themselves in the onnxruntime of this Python, with damaged files among them.

    python3 op/tests/python/op_encoded.py LIBRARY BINARY [--files 600]

LIBRARY is the op library, BINARY the command line, which embeds the models and says what each file should give.
Needs onnxruntime >= 1.17 and numpy. Prints one line per check; the exit code is 0 when all pass.
"""
import argparse
import json
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort

ROOT = pathlib.Path(__file__).resolve().parents[3]
CORPUS = ROOT / "loader/tests/corpus"
EDGE = 224
# ImageStatus of prep-onnx-pipeline.
GOOD, NOT_AN_IMAGE, TRUNCATED = 0, 1, 3
STATUSES = range(8)
SECONDS_PER_FILE = 1.0
MEMORY = 2 << 30


def session(model, library, threads=2):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    if library:
        options.register_custom_ops_library(str(library))
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def feeds(files):
    return {"bytes": np.frombuffer(b"".join(files), np.uint8),
            "lengths": np.array([len(file) for file in files], np.int64)}


def refused(call):
    try:
        call()
    except Exception as error:  # onnxruntime has one exception type per status code
        return str(error)
    raise AssertionError("no error")


def corpus():
    names = sorted(json.loads((CORPUS / "manifest.json").read_text())["files"])
    return {name: (CORPUS / name).read_bytes() for name in names}


def damaged(data, rng):
    """Cut, with flipped bits, with other bytes in the header, or with bytes left out or twice."""
    data = bytearray(data)
    if not data:
        return bytes(data)
    kind = rng.randrange(5)
    if kind == 0:
        del data[rng.randrange(len(data)):]
    elif kind == 1:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 2:
        data[rng.randrange(min(96, len(data)))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF])
    elif kind == 3:
        for _ in range(1 + rng.randrange(8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    else:
        at, count = rng.randrange(len(data)), rng.randrange(24)
        data[at:at + count] = data[at:at + count] * rng.choice([0, 2])
    return bytes(data)


def check_pixels(folder, library, binary, files):
    """The tensors are those of the model that takes pixels, which `prep-onnx run` feeds with the loader's."""
    good = [name for name, data in files.items() if name.startswith("jpeg") and decodes(library, folder, data)]
    out = folder / "expected.npy"
    subprocess.run([binary, "run", folder / "batch.onnx", *(CORPUS / name for name in good), "-o", out],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    expected = np.load(out)
    for threads in (1, 2, 3):
        got = session(folder / "fail.onnx", library, threads).run(None, feeds([files[name] for name in good]))[0]
        assert got.tobytes() == expected.tobytes(), f"{threads} threads"
    return f"{len(good)} files in one run on 1, 2 and 3 threads, 0 differing bits"


def decodes(library, folder, data):
    return session(folder / "zero.onnx", library).run(None, feeds([data]))[1][0] == GOOD


def check_bad_images(folder, library, binary, files):
    good, cut = files["jpeg/420_33x50.jpg"], files["jpeg/truncated.jpg"]
    batch = [good, cut, good, b"", b"no image"]
    fail, zero = session(folder / "fail.onnx", library), session(folder / "zero.onnx", library)
    text = refused(lambda: fail.run(None, feeds(batch)))
    assert "bytes[1]: the JPEG data end early" in text, text
    output, status = zero.run(None, feeds(batch))
    assert status.tolist() == [GOOD, TRUNCATED, GOOD, NOT_AN_IMAGE, NOT_AN_IMAGE], status
    assert status.dtype == np.int64
    assert (output[0] == output[2]).all() and output[0].any() and not output[[1, 3, 4]].any()
    assert output[0].tobytes() == fail.run(None, feeds([good]))[0][0].tobytes()
    assert zero.run(["tensor"], feeds(batch))[0].tobytes() == output.tobytes()
    return text.splitlines()[0][:120]


def check_lengths(folder, library, binary, files):
    s = session(folder / "zero.onnx", library)
    data = np.frombuffer(files["jpeg/420_33x50.jpg"], np.uint8)
    run = lambda *lengths: lambda: s.run(None, {"bytes": data, "lengths": np.array(lengths, np.int64)})
    texts = [refused(run(*lengths)) for lengths in ([-1], [len(data) - 1], [len(data) + 1], [2**63 - 1], [len(data), -2**63])]
    for text, words in zip(texts, ("negative", "expected", "at least", "at least", "negative")):
        assert words in text, text
    output, status = s.run(None, {"bytes": data[:0], "lengths": np.zeros(0, np.int64)})
    assert output.shape == (0, 3, EDGE, EDGE) and status.shape == (0,)
    return f"{len(texts)} refusals, and a run of no files"


def check_damaged(folder, library, binary, files, count):
    rng = random.Random(4)
    fail, zero = session(folder / "fail.onnx", library), session(folder / "zero.onnx", library)
    good = files["jpeg/420_33x50.jpg"]
    expected = zero.run(None, feeds([good]))[0][0].tobytes()
    names = list(files)
    read, slowest = 0, 0.0
    for start in range(0, count, 8):
        batch = [damaged(files[names[(start + i) % len(names)]], rng) for i in range(min(8, count - start))] + [good]
        began = time.perf_counter()
        output, status = zero.run(None, feeds(batch))
        slowest = max(slowest, (time.perf_counter() - began) / len(batch))
        assert output[-1].tobytes() == expected and status[-1] == GOOD
        assert all(code in STATUSES for code in status), status
        for tensor, code in zip(output, status):
            assert code == GOOD or not tensor.any()
        first = next((i for i, code in enumerate(status) if code != GOOD), None)
        if first is None:
            assert fail.run(None, feeds(batch))[0].tobytes() == output.tobytes()
        else:
            text = refused(lambda: fail.run(None, feeds(batch)))
            assert f"bytes[{first}]" in text, text
        read += sum(code == GOOD for code in status) - 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert slowest < SECONDS_PER_FILE and peak < MEMORY, (slowest, peak)
    return f"{count} damaged files, {read} read, {count - read} refused, at most {slowest:.3f} s a file, peak {peak >> 20} MB"


def check_without_library(folder, library, binary, files):
    text = refused(lambda: session(folder / "fail.onnx", None))
    assert "ImageEncodedToFloat32V1" in text, text
    return text.splitlines()[0][:160]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("--files", type=int, default=600)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        model = ROOT / "models/zoo/identity-224-opset17.onnx"
        for out, *options in (("batch.onnx",), ("fail.onnx", "--accept", "encoded"),
                              ("zero.onnx", "--accept", "encoded", "--on-bad-image", "zero")):
            subprocess.run([arguments.binary, "embed", model, "--pipeline", "imagenet", "-o", folder / out, *options], check=True, stdout=subprocess.DEVNULL)
        common = (folder, arguments.library, arguments.binary, corpus())
        for check in (check_pixels, check_bad_images, check_lengths, check_without_library):
            print(f"{check.__name__[6:]}: {check(*common)}")
        print(f"damaged: {check_damaged(*common, arguments.files)}")
    print(f"onnxruntime {ort.__version__}: all checks passed")


if __name__ == "__main__":
    sys.exit(main())
