"""What comes before and after a detector, in one file and in Ultralytics: image to boxes without the time of the model.

    python benches/python/answers.py MODEL.onnx MODEL.prep.onnx OP_LIBRARY

MODEL.prep.onnx is what `prep-onnx embed MODEL.onnx --answers` wrote of an export of Ultralytics. Both run on one thread, in turns, on one
photo of 1280x720. Of the file the nodes before the model and those after it run alone, the latter on what the model gave; of the library
it is the predictor's `preprocess` and `postprocess` inside of `predict` with the exported model. Processor time of the thread, so that
what else runs on the machine does not count. Medians of 5 rounds of 20 runs.
"""
import pathlib
import sys
import time

import cv2
import numpy as np
import onnx
import onnxruntime
import torch

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests/parity"))
from after_ultralytics import image  # noqa: E402

ROUNDS, RUNS = 5, 20
# Scores: what the library takes, and one that leaves about as many boxes as a photo has.
LEAST = (0.25, 0.8)


def session(model, library=None):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    if library:
        options.add_session_config_entry("session.disable_aot_function_inlining", "1")
        options.register_custom_ops_library(library)
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def parts(path):
    """The nodes before the model and those after it, each as a model."""
    model = onnx.load(path)
    graph = model.graph
    first = next(node for node in graph.node if node.domain == "prep.onnx")
    behind = [node for node in graph.node if node.name.startswith("prep_onnx_after")]
    made = {name for node in behind for name in node.output}
    inputs = [value for value in graph.input if any(value.name in node.input for node in behind)]
    fed = {value.name for value in inputs}
    constants = [tensor for tensor in graph.initializer if any(tensor.name in node.input for node in behind)]
    known = made | {tensor.name for tensor in constants}
    taken = sorted({name for node in behind for name in node.input if name and name not in known})
    info = onnx.helper.make_tensor_value_info
    float32 = onnx.TensorProto.FLOAT
    outputs = [info(name, float32, None) for name in first.output if name]
    before = onnx.helper.make_graph([first], "before", [graph.input[0]], outputs)
    after = onnx.helper.make_graph(behind, "after", [info(name, float32, None) for name in taken] + inputs, [output for output in graph.output if output.name in made], constants)
    make = lambda each: onnx.helper.make_model(each, opset_imports=model.opset_import, functions=model.functions, ir_version=model.ir_version)
    return make(before), make(after), taken


def median(values):
    return float(np.median(values))


def timed(run):
    times = []
    for _ in range(RUNS):
        start = time.thread_time()
        run()
        times.append((time.thread_time() - start) * 1e3)
    return median(times)


def watched(predictor):
    """The processor time of each call of two methods, which are replaced."""
    seen = {"preprocess": [], "postprocess": []}
    for name, times in seen.items():
        method = getattr(predictor, name)

        def call(*arguments, method=method, times=times, **options):
            start = time.thread_time()
            result = method(*arguments, **options)
            times.append((time.thread_time() - start) * 1e3)
            return result

        setattr(predictor, name, call)
    return seen


def main():
    from ultralytics import YOLO
    from ultralytics.utils import LOGGER

    LOGGER.setLevel("ERROR")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    original, embedded, library = sys.argv[1:4]
    rgb = image((720, 1280), 0)
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    before, after, taken = parts(embedded)
    whole = session(onnx.load(original))
    yolo = YOLO(original, task="detect")
    names = [output.name for output in before.graph.output]
    print(f"onnxruntime {onnxruntime.__version__}, 1280x720, one thread")
    for least in LEAST:
        compare(yolo, bgr, rgb, whole, (before, after, taken, names), library, least)


def compare(yolo, bgr, rgb, whole, made_of, library, least):
    """One line for each form, of what scores above `least`."""
    before, after, taken, names = made_of
    predict = lambda: yolo.predict(bgr, imgsz=640, conf=least, iou=0.7, max_det=300, rect=False, device="cpu", verbose=False)[0]
    forms = {}
    for form, path in (("the op", library), ("standard operators", None)):
        first, last = session(before, path), session(after)
        made = dict(zip(names, first.run(None, {"image": rgb[None]})))
        tensor = next(value for value in made.values() if value.ndim == 4)
        raw = dict(zip([output.name for output in whole.get_outputs()], whole.run(None, {whole.get_inputs()[0].name: tensor})))
        feeds = {name: {**made, **raw}[name] for name in taken if name in made or name in raw}
        feeds["score_threshold"] = np.float32([least])
        count = last.run(None, feeds)[0].shape[0]
        forms[form] = (lambda first=first: first.run(None, {"image": rgb[None]}), lambda last=last, feeds=feeds: last.run(None, feeds), count)
    for _ in range(3):
        predict()
    seen = watched(yolo.predictor)
    theirs, ours = [], {form: [] for form in forms}
    for _ in range(ROUNDS):
        for times in seen.values():
            times.clear()
        for _ in range(RUNS):
            predict()
        theirs.append([median(times) for times in seen.values()])
        for form, (first, last, _) in forms.items():
            ours[form].append([timed(first), timed(last)])
    there = np.median(theirs, axis=0)
    print(f"above {least}: Ultralytics: {there[0]:.2f} + {there[1]:.2f} = {there.sum():.2f} ms, {len(predict().boxes)} boxes")
    for form, times in ours.items():
        here = np.median(times, axis=0)
        print(f"  {form}: {here[0]:.2f} + {here[1]:.2f} = {here.sum():.2f} ms, {forms[form][2]} boxes: {there.sum() / here.sum():.1f} times as fast", flush=True)


if __name__ == "__main__":
    main()
