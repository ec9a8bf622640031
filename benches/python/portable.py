"""Times the portable body beside ONNX Runtime's own (inexact) antialiased Resize in several orders, interleaved, one thread.

usage: portable.py PREP_ONNX [ROUNDS]           (the program; needs numpy, onnx and onnxruntime)
       portable.py PREP_ONNX --write FOLDER     (only writes the models, for portable_web.mjs)

All take uint8 [N, H, W, 3] of any size, work its sizes out in the graph, and divide by 255, subtract the mean and divide by the deviation.
The orders differ in what comes first: the transpose, the cast, or the Resize. In each round every one runs for a twentieth of a second,
as in `rivals.py`. Prints a table: processor time of the thread in ms, median and least, of the body and of the fastest order, their
ratios, that order, the ratio of the second runs of all turns, which still pay for what other sessions left in the caches, the time that
creating the session takes longer than for the bare model, beside that of the fastest order, and the number of nodes of the body,
constants included.
"""
import json
import shutil
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
    ((500, 375), "bilinear", {"shortest_edge": 256}, 224),
    ((1280, 720), "bilinear", {"shortest_edge": 256}, 224),
    ((1920, 1080), "bilinear", {"shortest_edge": 256}, 224),
    ((4000, 3000), "bilinear", {"shortest_edge": 256}, 224),
    ((500, 375), "bilinear", {"exact": [224, 224]}, None),
    ((500, 375), "bicubic", {"exact": [224, 224]}, None),
    ((1280, 720), "bicubic", {"shortest_edge": 256}, 224),
    ((1920, 1080), "bicubic", {"shortest_edge": 256}, 224),
]
# Which steps in which order, and whether the Resize sees planes.
ORDERS = {
    "Transpose, Resize, Slice, Cast": ("TRSC", True),
    "Transpose, Cast, Resize, Slice": ("TCRS", True),
    "Cast, Transpose, Resize, Slice": ("CTRS", True),
    "Resize, Slice, Transpose, Cast": ("RSTC", False),
    "Resize, Slice, Cast, Transpose": ("RSCT", False),
    "Cast, Resize, Slice, Transpose": ("CRST", False),
}


def session(model) -> tuple[ort.InferenceSession, float]:
    start = time.thread_time()
    made = host.session(model)
    return made, (time.thread_time() - start) * 1e3


def own(mode: str, size: dict, crop: int | None, order: str, planes: bool) -> bytes:
    """uint8 [N, H, W, 3] of any size to the same tensor through `Resize`."""
    constants = {"byte": np.float32(255), "first": np.array([0]), "sides": np.array([1, 2]), "colours": np.array([3])}
    constants |= {"mean": np.array(MEAN, np.float32).reshape(3, 1, 1), "std": np.array(STD, np.float32).reshape(3, 1, 1)}
    nodes = [helper.make_node("Shape", ["image"], ["shape"]), helper.make_node("Gather", ["shape", "first"], ["images"])]
    if "exact" in size:
        constants["resized"] = np.array(size["exact"])
    else:
        constants["edge"] = np.array([size["shortest_edge"]])
        nodes += [
            helper.make_node("Gather", ["shape", "sides"], ["extents"]),
            helper.make_node("ReduceMin", ["extents"], ["shorter"], keepdims=1),
            helper.make_node("Mul", ["extents", "edge"], ["scaled"]),
            helper.make_node("Div", ["scaled", "shorter"], ["resized"]),
        ]
    sizes = ["images", "colours", "resized"] if planes else ["images", "resized", "colours"]
    nodes.append(helper.make_node("Concat", sizes, ["sizes"], axis=0))
    if crop:
        constants |= {"crop": np.array([crop]), "two": np.array([2]), "axes": np.array([2, 3] if planes else [1, 2])}
        nodes += [
            helper.make_node("Sub", ["resized", "crop"], ["excess"]),
            helper.make_node("Div", ["excess", "two"], ["start"]),
            helper.make_node("Add", ["start", "crop"], ["end"]),
        ]
    value = "image"
    for step in order:
        made = f"after_{step}"
        match step:
            case "T":
                nodes.append(helper.make_node("Transpose", [value], [made], perm=[0, 3, 1, 2]))
            case "C":
                nodes.append(helper.make_node("Cast", [value], [made], to=TensorProto.FLOAT))
            case "R":
                nodes.append(helper.make_node("Resize", [value, "", "", "sizes"], [made], mode=mode, antialias=1, exclude_outside=1,
                                              cubic_coeff_a=-0.5, coordinate_transformation_mode="half_pixel"))
            case "S" if crop:
                nodes.append(helper.make_node("Slice", [value, "start", "end", "axes"], [made]))
            case "S":
                continue
        value = made
    nodes += [
        helper.make_node("Div", [value, "byte"], ["rescaled"]),
        helper.make_node("Sub", ["rescaled", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["tensor"]),
    ]
    graph = helper.make_graph(
        nodes, "resize",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("tensor", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8).SerializeToString()


# Seconds of a turn, and the fewest runs that are timed in it.
TURN, FEWEST = 0.05, 2


def turn(made: ort.InferenceSession, image: np.ndarray) -> list[float]:
    """Milliseconds of each run of a turn but the first one."""
    feeds = {"image": image}
    made.run(None, feeds)
    begin, times = time.thread_time(), []
    while len(times) < FEWEST or time.thread_time() < begin + TURN:
        start = time.thread_time()
        made.run(None, feeds)
        times.append((time.thread_time() - start) * 1e3)
    return times


def models_of(program: str, folder: str, name: str, size: dict, crop: int | None) -> dict:
    """What is compared: the body, as the path of a file, and every order, as bytes."""
    body = embedded(program, folder, onnx.load(IDENTITY), imagenet(size, name, crop))
    mode = "cubic" if name == "bicubic" else "linear"
    return {"exact": body} | {order: own(mode, size, crop, *how) for order, how in ORDERS.items()}


def label(name: str, size: dict, crop: int | None) -> str:
    return f"{name} " + ("x".join(map(str, size["exact"])) if "exact" in size else f"{size['shortest_edge']}, crop {crop}")


def write(program: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    with tempfile.TemporaryDirectory() as scratch:
        for number, ((width, height), name, size, crop) in enumerate(CASES):
            files = {}
            for order, model in models_of(program, scratch, name, size, crop).items():
                files[order] = f"{number}-{len(files)}.onnx"
                if isinstance(model, str):
                    shutil.copy(model, folder / files[order])
                else:
                    (folder / files[order]).write_bytes(model)
            cases.append({"width": width, "height": height, "label": label(name, size, crop), "models": files})
    (folder / "cases.json").write_text(json.dumps(cases))


def main(program: str, rounds: int) -> None:
    print(f"onnxruntime {ort.__version__}, one thread, {rounds} interleaved rounds\n")
    print("| image | filter, size | exact, ms | Resize, ms | ratio | fastest order | second runs | session, ms more | nodes |\n"
          + "|---" * 9 + "|")
    bare = min(session(str(IDENTITY))[1] for _ in range(5))
    with tempfile.TemporaryDirectory() as folder:
        for (width, height), name, size, crop in CASES:
            models = models_of(program, folder, name, size, crop)
            # What does not load, such as a cubic Resize that does not see planes, is no contestant.
            sessions = {}
            creation = {}
            for order, made in models.items():
                try:
                    tries = [session(made) for _ in range(5)]
                    tries[0][0].run(None, {"image": np.zeros((1, height, width, 3), np.uint8)})
                except ort.capi.onnxruntime_pybind11_state.Fail as error:
                    print(f"<!-- {order}: {str(error).splitlines()[0]} -->")
                    continue
                sessions[order], creation[order] = tries[0][0], min(time for _, time in tries) - bare
            image = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
            times: dict[str, list[float]] = {order: [] for order in sessions}
            seconds: dict[str, list[float]] = {order: [] for order in sessions}
            for _ in range(rounds):
                for order, made in sessions.items():
                    runs = turn(made, image)
                    times[order] += runs
                    seconds[order].append(runs[0])
            ours, second = times.pop("exact"), statistics.median(seconds.pop("exact"))
            fastest = min(times, key=lambda order: statistics.median(times[order]))
            theirs = times[fastest]
            middle, least = (statistics.median(ours), statistics.median(theirs)), (min(ours), min(theirs))
            second /= min(statistics.median(runs) for runs in seconds.values())
            nodes = len(onnx.load(models["exact"]).functions[0].node)
            print(f"| {width}x{height} | {label(name, size, crop)} | {middle[0]:.3g} ({least[0]:.3g}) | {middle[1]:.3g} ({least[1]:.3g}) "
                  f"| {middle[0] / middle[1]:.2f} ({least[0] / least[1]:.2f}) | {fastest} | {second:.2f} "
                  f"| {creation['exact']:.1f} ({creation[fastest]:.1f}) | {nodes} |", flush=True)


if __name__ == "__main__":
    if sys.argv[2:3] == ["--write"]:
        write(sys.argv[1], Path(sys.argv[3]))
    else:
        main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 31)
