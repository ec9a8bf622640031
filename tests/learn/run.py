"""Learns each pipeline of pipelines.py with `prep-onnx learn`, and compares what was learned with the callable on fresh images.

    cargo build --release -p prep-onnx && cargo build --release -p prep-onnx-pipeline --example plan_outputs
    python tests/learn/run.py [FAMILY...] [--images 50] [--json FILE]

Needs torchvision, albumentations, transformers, timm, OpenCV, NumPy and Pillow 13 in the Python that runs it. Ends with an error where a
learned pipeline differs in a bit, where one that cannot be learned is not refused, or where fewer than 95 of 100 are learned.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))
import pipelines  # noqa: E402


def fresh_images(count):
    """Pictures of the repository, and made ones of sizes that no probe has."""
    images = [np.asarray(Image.open(path).convert("RGB")) for path in sorted((ROOT / "tests/images").glob("*.png"))]
    images = [image for image in images if min(image.shape[:2]) >= 40 and max(image.shape[:2]) <= 700][:10]
    random = np.random.default_rng(20260)
    while len(images) < count:
        height, width = (int(edge) for edge in random.integers(41, 620, 2))
        noise = random.integers(0, 256, (height, width, 3))
        rows, columns = np.mgrid[:height, :width]
        slope = (rows[..., None] * random.uniform(0, 2, 3) + columns[..., None] * random.uniform(0, 2, 3)) % 256
        part = random.uniform(0, 1)
        images.append((part * noise + (1 - part) * slope).astype(np.uint8))
    return images[:count]


def ask():
    """The helper of `prep-onnx learn`, without its loop."""
    source = (ROOT / "cli/src/callable/ask.py").read_text().rsplit("\nmain()", 1)[0]
    scope = {}
    exec(compile(source, "ask.py", "exec"), scope)
    return scope


def differing(pipeline, layout, way, call, images, folder, outputs):
    """How many images differ; and the largest difference."""
    helper = ask()
    types = [np.float32, np.float16, np.uint8, np.float64]
    wrong, tried, largest = 0, 0, 0.0
    expected = {}
    for index, image in enumerate(images):
        height, width = image.shape[:2]
        try:
            kind, shape, data = helper["encoded"](helper["WAYS"][way](call, image.tobytes(), height, width))
        except Exception:
            continue
        value = np.frombuffer(data, types[kind]).reshape(shape)
        value = value.astype(np.float32) if kind == 3 else value
        value = value.reshape(value.shape[-3:] if value.ndim >= 3 else (1, *value.shape))
        expected[index] = value.transpose(2, 0, 1) if layout == "nhwc" else value
        stem = folder / f"case{index}.{height}x{width}"
        Path(f"{stem}.json").write_text(json.dumps(pipeline))
        Path(f"{stem}.in").write_bytes(image.tobytes())
    subprocess.run([outputs, str(folder)], check=True)
    for index, value in expected.items():
        height, width = images[index].shape[:2]
        got = np.frombuffer((folder / f"case{index}.{height}x{width}.out").read_bytes(), value.dtype)
        tried += 1
        if got.size != value.size or got.tobytes() != np.ascontiguousarray(value).tobytes():
            wrong += 1
            if got.size == value.size:
                largest = max(largest, float(np.abs(got.astype(np.float64) - value.ravel()).max()))
    return wrong, tried, largest


def preload():
    """What takes seconds to import."""
    import albumentations, cv2, timm, torch, torchvision, transformers  # noqa: E401, F401

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    for name in ("ViTImageProcessor", "CLIPImageProcessor"):
        getattr(transformers, name)


# A Python that is one already: it hands its files to a process that has imported everything, which forks.
CLIENT = """#!/usr/bin/python3 -SE
import array, json, os, socket, sys
to = socket.socket(socket.AF_UNIX)
to.connect({path!r})
message = json.dumps(sys.argv[1:]).encode()
to.sendmsg([len(message).to_bytes(4, "little") + message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
for fd in (0, 1, 2):
    os.close(fd)
to.recv(1)
"""


def serve(listening):
    """Runs the code of each connection in a fork of this process."""
    while True:
        connection, _ = listening.accept()
        data, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        while len(data) < 4 + int.from_bytes(data[:4], "little"):
            data += connection.recv(1 << 20)
        if os.fork() == 0:
            listening.close()
            for to, descriptor in enumerate(descriptors):
                os.dup2(descriptor, to)
                os.close(descriptor)
            _, code, *sys.argv[1:] = json.loads(data[4:])
            sys.stdin = os.fdopen(0, "r")
            sys.path.insert(0, str(HERE))
            try:
                exec(compile(code, "ask.py", "exec"), {"__name__": "__main__"})
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(0)
        for descriptor in descriptors:
            os.close(descriptor)
        connection.close()
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    break
            except ChildProcessError:
                break


def start_server(folder):
    """The path of a program that stands for Python."""
    path = str(folder / "python.socket")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(8)
    server = os.fork()
    if server == 0:
        preload()
        serve(listening)
    listening.close()
    client = folder / "python"
    client.write_text(CLIENT.format(path=path))
    client.chmod(0o755)
    return client, server


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("families", nargs="*")
    parser.add_argument("--images", type=int, default=50)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only")
    parser.add_argument("--release", type=Path, default=ROOT / "target/release")
    options = parser.parse_args()
    families = options.families or list(pipelines.FAMILIES)
    images = fresh_images(options.images)
    work = tempfile.TemporaryDirectory()
    options.python, server = start_server(Path(work.name))
    rows = []
    for family in families:
        for name in pipelines.FAMILIES[family]:
            if options.only and options.only != name:
                continue
            rows.append(one(family, name, images, options))
            row = rows[-1]
            print(f"{family:15} {name:38} {row['verdict']:10} {row.get('probes', ''):3} probes {row['seconds']:5.1f} s  {row.get('what', '')}", flush=True)
    os.kill(server, 15)
    known = [row for row in rows if row["family"] != "refused"]
    learned = sum(row["verdict"] == "equal" for row in known)
    wrong = sum(row["verdict"] == "WRONG" for row in rows)
    refused = [row for row in rows if row["family"] == "refused"]
    print(f"{learned} of {len(known)} learned and equal in every bit of {options.images} images, {wrong} wrongly equal; "
          f"{sum(row['verdict'] == 'refused' for row in refused)} of {len(refused)} that cannot be learned refused; "
          f"at most {max((row.get('probes', 0) for row in rows), default=0)} probes")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))
    whole = len(known) == 100
    if wrong or any(row["verdict"] != "refused" for row in refused) or (whole and learned < 95):
        sys.exit(1)


def one(family, name, images, options):
    started = time.time()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        command = [options.release / "prep-onnx", "learn", f"{HERE / 'pipelines.py'}:{family}__{name}", "--json", "--quiet"]
        command += ["--python", options.python, "-o", folder / "learned.toml"]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        answer = json.loads(done.stdout)
        row = {"family": family, "name": name, "seconds": time.time() - started, "probes": answer.get("probes", 0)}
        if not answer["ok"]:
            error = answer.get("refused") or answer.get("error")
            return {**row, "verdict": "refused", "what": error["what"][:150]}
        call = getattr(pipelines, f"{family}__{name}")
        wrong, tried, largest = differing(
            answer["pipeline"], answer["layout"], answer["called_as"], call, images, folder, options.release / "examples/plan_outputs"
        )
        steps = " ".join(step["step"] for step in answer["pipeline"]["steps"])
        if wrong or not tried:
            return {**row, "verdict": "WRONG", "what": f"{wrong} of {tried} differ, by at most {largest}: {steps}", "pipeline": answer["pipeline"]}
        return {**row, "verdict": "equal", "tried": tried, "what": steps}


if __name__ == "__main__":
    main()
