"""Times the portable body beside ONNX Runtime's own (inexact) uint8 Resize, interleaved, one thread.

usage: portable.py PREP_ONNX [ROUNDS]    (the program; needs numpy, onnx and onnxruntime)

Prints a table: medians in ms, the ratio of the medians, the time that creating the session takes longer than
for the bare model, and the number of nodes of the body, constants included.
"""
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

import host
from host import MEAN, STD, embedded, imagenet

IDENTITY = Path(__file__).resolve().parents[2] / "models/zoo/identity-dynamic-opset18.onnx"
# (width, height), filter, size, crop
CASES = [
    ((500, 375), "bilinear", {"exact": [224, 224]}, None),
    ((500, 375), "bilinear", {"shortest_edge": 256}, 224),
    ((1280, 720), "bilinear", {"shortest_edge": 256}, 224),
    ((1920, 1080), "bilinear", {"shortest_edge": 256}, 224),
    ((500, 375), "bicubic", {"exact": [224, 224]}, None),
    ((1280, 720), "bicubic", {"shortest_edge": 256}, 224),
    ((1920, 1080), "bicubic", {"shortest_edge": 256}, 224),
]


def session(model) -> tuple[ort.InferenceSession, float]:
    start = time.perf_counter()
    made = host.session(model)
    return made, (time.perf_counter() - start) * 1e3


def resize_graph(mode: str, size: tuple[int, int], crop: int | None) -> bytes:
    """uint8 [1, H, W, 3] to the same tensor through `Resize`, as its users write it."""
    constants = {"sizes": np.array([1, 3, *size], np.int64), "byte": np.float32(255)}
    constants |= {"mean": np.array(MEAN, np.float32).reshape(3, 1, 1), "std": np.array(STD, np.float32).reshape(3, 1, 1)}
    nodes = [
        helper.make_node("Transpose", ["image"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Resize", ["planes", "", "", "sizes"], ["resized"], mode=mode, antialias=1, exclude_outside=1,
                         cubic_coeff_a=-0.5, coordinate_transformation_mode="half_pixel"),
    ]
    pixels = "resized"
    if crop:
        corner = np.array([(size[0] - crop) // 2, (size[1] - crop) // 2], np.int64)
        constants |= {"start": corner, "end": corner + crop, "axes": np.array([2, 3], np.int64)}
        nodes.append(helper.make_node("Slice", [pixels, "start", "end", "axes"], ["cropped"]))
        pixels = "cropped"
    nodes += [
        helper.make_node("Cast", [pixels], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["float", "byte"], ["scaled"]),
        helper.make_node("Sub", ["scaled", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["tensor"]),
    ]
    graph = helper.make_graph(
        nodes, "resize",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, "H", "W", 3])],
        [helper.make_tensor_value_info("tensor", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()


def main(program: str, rounds: int) -> None:
    print(f"onnxruntime {ort.__version__}, one thread, {rounds} interleaved rounds\n")
    print("| image | filter, size | exact, ms | Resize, ms | ratio | session, ms more | nodes |\n|---|---|---|---|---|---|---|")
    bare = min(session(str(IDENTITY))[1] for _ in range(5))
    with tempfile.TemporaryDirectory() as folder:
        for (width, height), name, size, crop in CASES:
            model = embedded(program, folder, onnx.load(IDENTITY), imagenet(size, name, crop))
            edge = size.get("shortest_edge")
            target = tuple(size["exact"]) if "exact" in size else (edge, edge * width // height)
            exact, creation = session(model)
            creation = min([creation] + [session(model)[1] for _ in range(4)])
            resize, _ = session(resize_graph("cubic" if name == "bicubic" else "linear", target, crop))
            image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
            times: tuple[list[float], list[float]] = ([], [])
            for _ in range(rounds):
                for taken, run in zip(times, (exact, resize)):
                    start = time.perf_counter()
                    run.run(None, {"image": image})
                    taken.append((time.perf_counter() - start) * 1e3)
            ours, theirs = map(statistics.median, times)
            nodes = len(onnx.load(model).functions[0].node)
            shape = "x".join(map(str, size["exact"])) if "exact" in size else f"{edge}, crop {crop}"
            print(f"| {width}x{height} | {name} {shape} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} | {creation - bare:.1f} | {nodes} |")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 31)
