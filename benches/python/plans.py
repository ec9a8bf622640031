"""Times pipelines of detectors, segmenters and readers, fused and portable, beside their Python libraries: interleaved, one thread.

usage: plans.py PREP_ONNX [--rounds N] [--size HxW] [CASE…]    (cases of tests/goldens/make_plan_goldens.py, whose libraries it needs)

Prints a table: medians in ms from a uint8 array to the float32 tensor, how many times as long the library takes as the fused op, and
whether all gave the same bits. Where the tensor ends differs: "fused" and "portable" hand it to the model in the session, as a deployed
file does; "array" gives a new NumPy array, as the library does; "bound" writes into one that is there, as a service does. Each runs
twice and the second time counts, so that none pays for what the one before it left in the caches; time is that of the thread, which a
busy machine hardly lengthens.
"""
import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from onnx import TensorProto, helper

import host

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/goldens"))
import make_plan_goldens as goldens  # noqa: E402

USUAL = ["letterbox-640", "yolox", "detr-800-1333", "sam-1024", "depth-anything-518", "donut"]


def identity():
    """Takes and gives a float32 batch of any size, of which it keeps one value."""
    value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    take = lambda name, values: helper.make_tensor(name, TensorProto.INT64, [3], values)
    node = helper.make_node("Slice", ["x", "from", "to", "axes"], ["y"])
    graph = helper.make_graph([node], "g", [value("x", ["N", 3, "H", "W"])], [value("y", ["N", "C", "R", "K"])],
                              [take("from", [0, 0, 0]), take("to", [1, 1, 1]), take("axes", [1, 2, 3])])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def whole():
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, "H", "W"])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value("x")], [value("y")])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])


def timed(run):
    run()
    start = time.thread_time()
    run()
    return (time.thread_time() - start) * 1e3


def bound(session, image, shape):
    """A run into an array that is there."""
    output = np.empty(shape, np.float32)
    binding = session.io_binding()
    binding.bind_cpu_input(session.get_inputs()[0].name, image)
    binding.bind_output("y", "cpu", 0, np.float32, shape, output.ctypes.data)
    # The binding does not keep the array alive.
    return lambda output=output: session.run_with_iobinding(binding)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("cases", nargs="*")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--size", default="720x1280")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    height, width = map(int, asked.size.split("x"))
    image = goldens.image(height, width)
    library = host.library(asked.program)
    print(f"{asked.size}, medians of {asked.rounds}, ms")
    print(f"{'case':22}{'library':>9}{'fused':>9}{'array':>9}{'bound':>9}{'portable':>10}{'library/fused':>15}{'/array':>8}{'/bound':>8}  bits")
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.cases or USUAL:
            case = goldens.CASES[name]
            runs = {"library": lambda: case["run"]([image])}
            outputs = {"library": runs["library"]()[0]}
            for kind, loaded in [("fused", library), ("portable", None)]:
                small = host.session(host.embedded(asked.program, folder, identity(), case["pipeline"]), library=loaded)
                full = host.session(host.embedded(asked.program, folder, whole(), case["pipeline"]), library=loaded)
                feed = {small.get_inputs()[0].name: image[None]}
                outputs[kind] = full.run(["y"], feed)[0]
                runs[kind] = lambda small=small, feed=feed: small.run(["y"], feed)
                if kind == "fused":
                    runs["array"] = lambda full=full, feed=feed: full.run(["y"], feed)
                    runs["bound"] = bound(full, image[None], outputs[kind].shape)
            times = {kind: [] for kind in runs}
            for _ in range(asked.rounds):
                for kind, run in runs.items():
                    times[kind].append(timed(run))
            median = {kind: statistics.median(values) for kind, values in times.items()}
            same = all(np.array_equal(np.asarray(outputs["library"]), outputs[kind]) for kind in ("fused", "portable"))
            print(f"{name:22}{median['library']:9.2f}{median['fused']:9.2f}{median['array']:9.2f}{median['bound']:9.2f}{median['portable']:10.2f}"
                  f"{median['library'] / median['fused']:15.2f}{median['library'] / median['array']:8.2f}{median['library'] / median['bound']:8.2f}"
                  f"  {'equal' if same else 'DIFFERENT'}", flush=True)


if __name__ == "__main__":
    main()
