#!/usr/bin/env python3
"""Exports models of Ultralytics, offline and with drawn weights, embeds them without --pipeline, and compares with `predict`.

    python tests/parity/ultralytics_exports.py target/release/prep-onnx FOLDER [NAME…]

Needs ultralytics, onnx, onnxruntime. The exports stay in FOLDER. Per export: the tensor that the embedded preprocessing gives (in a model of
the same input, outputs and metadata that passes it on) and the one that Ultralytics' predictor makes, on nine images, bit for bit; then the
outputs of the embedded model and those of the export, fed with Ultralytics' tensor. Ends with an error where a bit differs.
"""

import json
import os
import pathlib
import subprocess
import sys

import numpy as np

EXPORTS = {
    "yolov8n": ("yolov8n.yaml", dict(imgsz=640)),
    "yolov8n-dyn": ("yolov8n.yaml", dict(imgsz=640, dynamic=True)),
    "yolov8n-dyn320": ("yolov8n.yaml", dict(imgsz=320, dynamic=True)),
    "yolo11n": ("yolo11n.yaml", dict(imgsz=320)),
    "yolo11n-rect": ("yolo11n.yaml", dict(imgsz=[384, 640])),
    "yolo11n-seg": ("yolo11n-seg.yaml", dict(imgsz=320)),
    "yolo11n-pose": ("yolo11n-pose.yaml", dict(imgsz=320)),
    "yolo11n-obb": ("yolo11n-obb.yaml", dict(imgsz=320)),
    "yolo11n-cls": ("yolo11n-cls.yaml", dict(imgsz=224)),
    "yolo11n-cls-dyn": ("yolo11n-cls.yaml", dict(imgsz=224, dynamic=True)),
    "yolo11n-cls-rect": ("yolo11n-cls.yaml", dict(imgsz=[224, 320])),
    "yolo11n-nms": ("yolo11n.yaml", dict(imgsz=320, nms=True)),
    "yolo11n-half": ("yolo11n.yaml", dict(imgsz=320, half=True)),
    "yolo11n-b2": ("yolo11n.yaml", dict(imgsz=320, batch=2)),
    "yolov10n": ("yolov10n.yaml", dict(imgsz=320)),
    "yolo26n": ("yolo26n.yaml", dict(imgsz=320)),
    "yolov5nu": ("yolov5n.yaml", dict(imgsz=320)),
    "rtdetr-l": ("rtdetr-l.yaml", dict(imgsz=640)),
    "rtdetr-l-dyn": ("rtdetr-l.yaml", dict(imgsz=640, dynamic=True)),
}
SIZES = [(480, 640), (427, 640), (640, 427), (720, 1280), (101, 333), (640, 640), (37, 53), (1111, 777), (3, 500)]


def export(folder, name):
    import shutil
    import torch
    from ultralytics import RTDETR, YOLO
    path = folder / f"{name}.onnx"
    if not path.exists():
        torch.manual_seed(0)
        source, options = EXPORTS[name]
        model = (RTDETR if "rtdetr" in source else YOLO)(source)
        shutil.move(model.export(format="onnx", **options), path)
    return path


def image(height, width):
    random = np.random.default_rng(height * 65536 + width)
    rows, columns = np.mgrid[0:height, 0:width]
    slope = np.stack([rows * 3 + columns, columns * 2, rows + columns * 5], 2)
    return ((slope + random.integers(0, 90, (height, width, 3))) % 256).astype(np.uint8)


def passing_on(source, target):
    """A model of the same input, first axis of outputs and metadata that gives what it is fed."""
    import onnx
    from onnx import helper
    model = onnx.load(source, load_external_data=False)
    value, first = model.graph.input[0], model.graph.output[0].type.tensor_type.shape.dim[0]
    kind = value.type.tensor_type.elem_type
    dims = [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
    graph = helper.make_graph([helper.make_node("Identity", [value.name], ["y"])], "passes", [helper.make_tensor_value_info(value.name, kind, dims)],
                              [helper.make_tensor_value_info("y", kind, [first.dim_param or first.dim_value, *dims[1:]])])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    made.metadata_props.extend(model.metadata_props)
    onnx.save(made, target)


def embed(program, model, output):
    done = subprocess.run([program, "embed", model, "-o", output, "--json", "--no-load"], capture_output=True, text=True)
    answer = json.loads(done.stdout)
    if done.returncode:
        sys.exit(f"{model}: {answer['error']}")
    return answer


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.update(YOLO_CONFIG_DIR=str(folder), YOLO_AUTOINSTALL="false", YOLO_VERBOSE="false", YOLO_OFFLINE="true")
    program = os.path.abspath(program)
    os.chdir(folder)
    import onnxruntime
    import ultralytics
    from ultralytics import RTDETR, YOLO
    from ultralytics.engine.predictor import BasePredictor
    from ultralytics.models.yolo.classify.predict import ClassificationPredictor
    made = {}
    for predictor in (BasePredictor, ClassificationPredictor):
        def preprocess(self, images, plain=predictor.preprocess):
            made["tensor"] = plain(self, images)
            return made["tensor"]
        predictor.preprocess = preprocess
    wrong = compared = 0
    for name in sys.argv[3:] or EXPORTS:
        path = export(folder, name)
        passing_on(path, folder / "passes.onnx")
        answer = embed(program, folder / "passes.onnx", folder / "passes.prep.onnx")
        embed(program, path, folder / "embedded.prep.onnx")
        session = lambda file: onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        tensors, plain, whole = session(folder / "passes.prep.onnx"), session(path), session(folder / "embedded.prep.onnx")
        model = RTDETR(path) if "rtdetr" in name else YOLO(path, task=answer["evidence"]["ultralytics"]["task"])
        differing = []
        for height, width in SIZES:
            pixels = image(height, width)
            made.clear()
            batch = tensors.get_inputs()[0].shape[0]
            count = batch if isinstance(batch, int) else 1
            bgr = np.ascontiguousarray(pixels[..., ::-1])
            try:
                model.predict([bgr] * count, verbose=False, save=False, device="cpu", batch=count)
            except Exception as error:  # drawn weights: what comes after the model may fail
                if "tensor" not in made:
                    sys.exit(f"{name} {height}x{width}: {error}")
            theirs = made["tensor"].numpy()
            ours = tensors.run(None, {tensors.get_inputs()[0].name: np.stack([pixels] * count)})[0]
            answers = whole.run(None, {whole.get_inputs()[0].name: np.stack([pixels] * count)})
            expected = plain.run(None, {plain.get_inputs()[0].name: theirs})
            same = ours.shape == theirs.shape and ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes()
            same &= all(a.tobytes() == b.tobytes() for a, b in zip(answers, expected))
            compared += 1
            if not same:
                apart = np.abs(ours.astype(np.float64) - theirs).max() * 255 if ours.shape == theirs.shape else f"{ours.shape} {theirs.shape}"
                differing.append(f"{height}x{width}: {apart}")
        wrong += len(differing)
        print(f"{name}: {answer['pipeline_from']}: {'; '.join(differing) or 'equal'}", flush=True)
    print(f"Ultralytics {ultralytics.__version__}: {compared - wrong} of {compared} images equal, tensors and outputs")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
