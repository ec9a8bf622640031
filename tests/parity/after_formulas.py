"""Compares detectors of YOLOv5 (and v7) and of YOLOX, with their steps after the model, with what those projects publish.

    python tests/parity/after_formulas.py PREP_ONNX FOLDER [yolov5 yolox]

Needs torch, torchvision, onnx, onnxruntime and no network. Neither project is a package with weights, so that heads with their published
decoding (anchors, objectness, grids) are exported with seeded weights, scaled so that detections exist and overlap. Each image, of 12
sizes, goes through the one file; the published post-processing, written down here, gets the output that the same file gives with
--keep-outputs. Boxes may be 0.01 pixels off, scores 1e-5.
"""
import pathlib
import subprocess
import sys

import numpy as np

from after_ultralytics import SIZES, image, spread

EDGE, CLASSES = 640, 4
STRIDES = (8, 16, 32)
ANCHORS = [[10, 13, 16, 30, 33, 23], [30, 61, 62, 45, 59, 119], [116, 90, 156, 198, 373, 326]]


def yolov5():
    import torch

    class Head(torch.nn.Module):
        """Detect of yolov5/models/yolo.py, in its form for export, over a layer for each stride."""

        def __init__(self):
            super().__init__()
            self.m = torch.nn.ModuleList(torch.nn.Conv2d(3, 3 * (5 + CLASSES), 2 * stride, stride, stride // 2) for stride in STRIDES)

        def forward(self, images):
            z = []
            for layer, stride, anchors in zip(self.m, STRIDES, ANCHORS):
                x = layer(images)
                edge = EDGE // stride
                x = x.view(-1, 3, 5 + CLASSES, edge, edge).permute(0, 1, 3, 4, 2)
                y, x_ = torch.meshgrid(torch.arange(edge), torch.arange(edge), indexing="ij")
                grid = torch.stack((x_, y), 2).expand(1, 3, edge, edge, 2) - 0.5
                anchor_grid = torch.tensor(anchors, dtype=torch.float32).view(1, 3, 1, 1, 2).expand(1, 3, edge, edge, 2)
                xy, wh, conf = x.sigmoid().split((2, 2, CLASSES + 1), 4)
                xy = (xy * 2 + grid) * stride
                wh = (wh * 2) ** 2 * anchor_grid
                z.append(torch.cat((xy, wh, conf), 4).reshape(-1, 3 * edge * edge, 5 + CLASSES))
            return torch.cat(z, 1)

    return Head()


def yolox():
    import torch

    class Head(torch.nn.Module):
        """YOLOXHead with decode_in_inference=False, as its export has it, over a layer for each stride."""

        def __init__(self):
            super().__init__()
            self.m = torch.nn.ModuleList(torch.nn.Conv2d(3, 5 + CLASSES, 2 * stride, stride, stride // 2) for stride in STRIDES)

        def forward(self, images):
            outputs = []
            for layer in self.m:
                x = layer(images / 255)
                outputs.append(torch.cat((x[:, :4], x[:, 4:].sigmoid()), 1).flatten(2))
            return torch.cat(outputs, 2).permute(0, 2, 1)

    return Head()


def yolov5_answers(prediction, size):
    """non_max_suppression of yolov5/utils/general.py without multi_label, at detect.py's thresholds, and its scale_boxes."""
    import torch
    import torchvision

    x = torch.from_numpy(prediction[0])
    x = x[x[:, 4] > 0.25]
    x[:, 5:] *= x[:, 4:5]
    box = torch.cat((x[:, :2] - x[:, 2:4] / 2, x[:, :2] + x[:, 2:4] / 2), 1)
    conf, j = x[:, 5:].max(1, keepdim=True)
    x = torch.cat((box, conf, j.float()), 1)[conf.view(-1) > 0.25]
    x = x[x[:, 4].argsort(descending=True)[:30000]]
    kept = torchvision.ops.nms(x[:, :4] + x[:, 5:6] * 7680, x[:, 4], 0.45)[:1000]
    boxes, scores, labels = x[kept, :4].numpy(), x[kept, 4].numpy(), x[kept, 5].numpy().astype(np.int64)
    height, width = size
    gain = min(EDGE / height, EDGE / width)
    pad = (EDGE - width * gain) / 2, (EDGE - height * gain) / 2
    boxes = (boxes - np.float32(pad * 2)) / np.float32(gain)
    return clipped(boxes, size), scores, labels


def yolox_answers(prediction, size):
    """demo_postprocess and multiclass_nms of yolox/utils/demo_utils.py, as demo/ONNXRuntime calls them."""
    outputs = prediction.copy()
    grids, expanded = [], []
    for stride in STRIDES:
        edge = EDGE // stride
        xv, yv = np.meshgrid(np.arange(edge), np.arange(edge))
        grids.append(np.stack((xv, yv), 2).reshape(1, -1, 2))
        expanded.append(np.full((1, edge * edge, 1), stride))
    grids, expanded = np.concatenate(grids, 1), np.concatenate(expanded, 1)
    outputs[..., :2] = (outputs[..., :2] + grids) * expanded
    outputs[..., 2:4] = np.exp(outputs[..., 2:4]) * expanded
    rows = outputs[0]
    scores = rows[:, 4:5] * rows[:, 5:]
    half = rows[:, 2:4] / 2
    ratio = min(EDGE / size[0], EDGE / size[1])
    boxes = np.concatenate((rows[:, :2] - half, rows[:, :2] + half), 1) / ratio
    labels, best = scores.argmax(1), scores.max(1)
    valid = best > 0.1
    boxes, best, labels = boxes[valid], best[valid], labels[valid]
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1 + 1) * (y2 - y1 + 1)
    # There `scores.argsort()[::-1]`, which leaves the order of equal scores open: here the first comes first.
    order, keep = (-best).argsort(kind="stable"), []
    while order.size > 0:
        i = order[0]
        keep.append(i)
        rest = order[1:]
        w = np.maximum(0.0, np.minimum(x2[i], x2[rest]) - np.maximum(x1[i], x1[rest]) + 1)
        h = np.maximum(0.0, np.minimum(y2[i], y2[rest]) - np.maximum(y1[i], y1[rest]) + 1)
        overlap = w * h / (areas[i] + areas[rest] - w * h)
        order = rest[overlap <= 0.45]
    keep = keep[:1000]
    return clipped(boxes[keep], size), best[keep], labels[keep]


def clipped(boxes, size):
    return np.clip(boxes, 0, np.float32([size[1], size[0], size[1], size[0]])).astype(np.float32)


MODELS = {
    "yolov5": (yolov5, yolov5_answers, "detections=yolov5", '[[steps]]\nstep = "letterbox"\nsize = 640\n[[steps]]\nstep = "rescale"\ndivisor = 255\n'),
    "yolox": (yolox, yolox_answers, "detections=yolox", "yolox"),
}


def export(name, path):
    import torch

    torch.manual_seed(7)
    model = MODELS[name][0]().eval()
    scale = 255 if name == "yolox" else 1
    photo = torch.from_numpy(image((EDGE, EDGE), 1).transpose(2, 0, 1)[None] / np.float32(255)) * scale
    for layer in model.m:
        spread(model, layer, photo, 1.2, 0.9 if name == "yolov5" else 0.98)
    torch.onnx.export(model, (photo,), path, input_names=["images"], output_names=["output"], opset_version=17, dynamo=False)


def main():
    import onnxruntime

    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for name in sys.argv[3:] or MODELS:
        _, answers, step, pipeline = MODELS[name]
        path, out = folder / f"{name}.onnx", folder / f"{name}.prep.onnx"
        if not path.exists():
            export(name, path)
        if "\n" in pipeline:
            (folder / f"{name}.toml").write_text(pipeline)
            given = [str(folder / f"{name}.toml")]
        else:
            given = [pipeline, "--size", str(EDGE)]
        subprocess.run([tool, "embed", str(path), "--pipeline", *given, "--then", step, "--keep-outputs", "-o", str(out), "--quiet"], check=True)
        session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        count = unequal = 0
        worst = scores_off = 0.0
        for seed, size in enumerate(SIZES):
            got = dict(zip(names, session.run(None, {"image": image(size, seed)[None]})))
            boxes, scores, labels = answers(got["output"], size)
            count += len(labels)
            if labels.shape != got["labels"].shape or (labels != got["labels"]).any():
                unequal += 1
                print(f"  {name} {size}: {len(labels)} boxes there, {len(got['labels'])} here, or other classes")
                continue
            if not len(labels):
                continue
            worst = max(worst, float(np.abs(boxes - got["boxes"]).max()))
            scores_off = max(scores_off, float(np.abs(scores - got["scores"]).max()))
        print(f"{name}: {count} boxes of {len(SIZES)} images, {unequal} images with others; {scores_off:.2e} off in scores; {worst:.2e} pixels off", flush=True)
        wrong += bool(unequal or worst > 0.01 or scores_off > 1e-5 or not count)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
