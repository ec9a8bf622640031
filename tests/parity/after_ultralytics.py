"""Compares models of Ultralytics with their steps after the model to `YOLO.predict` of the same weights.

    python tests/parity/after_ultralytics.py PREP_ONNX FOLDER [NAME:TASK[:nms] ...]

Needs ultralytics, onnx, onnxruntime and no network: the models are built from their yaml files with seeded weights, whose last
layers are scaled so that detections exist; yolov5n is YOLOv5u, and `nms` an export with its own NMS. FOLDER keeps the exported models. Each image, of 12 sizes, goes through the one file and
through the library with the exported model: the same boxes in the same order, coordinates within 0.01 pixels, scores within 1e-5.
"""
import pathlib
import shutil
import subprocess
import sys

import numpy as np

SIZES = [(720, 1280), (480, 640), (640, 640), (333, 500), (1080, 810), (97, 301), (640, 427), (375, 1242), (1200, 1600), (33, 50), (640, 639), (768, 577)]
MODELS = ["yolov8n:detect", "yolo11n:detect", "yolo11n-seg:segment", "yolo11n-pose:pose", "yolo11n-obb:obb", "yolo11n-cls:classify", "yolo26n:detect", "yolov5n:detect", "yolov8n:detect:nms", "yolov5n:detect:nms"]


def spread(model, layer, photo, deviation, part):
    """Scales a layer so that each of its channels varies over `photo` with this deviation, and `part` of all values are below -1.5."""
    import torch

    seen = []
    hook = layer.register_forward_hook(lambda _, inputs, output: seen.append(output.detach()))
    with torch.no_grad():
        layer.bias.data.zero_()
        model(photo)
        mean, scale = seen[-1].mean((0, 2, 3)), deviation / seen[-1].std((0, 2, 3))
        layer.weight.data *= scale.view(-1, 1, 1, 1)
        layer.bias.data = -mean * scale
        values = (seen[-1] - mean.view(1, -1, 1, 1)) * scale.view(1, -1, 1, 1)
        layer.bias.data += -1.5 - float(torch.quantile(values.flatten()[:4_000_000].double(), part))
    hook.remove()


def export(name, task, path, nms=False):
    import torch
    from ultralytics import YOLO

    torch.manual_seed(7)
    yolo = YOLO(name + ".yaml", task=task)
    noise = torch.Generator().manual_seed(3)
    model = yolo.model.train()
    with torch.no_grad():
        for _ in range(2):
            model(torch.rand(2, 3, 320, 320, generator=noise))
    model.eval()
    head = model.model[-1]
    photo = torch.from_numpy(image((640, 640), 1).transpose(2, 0, 1)[None] / np.float32(255))
    for towers in (getattr(head, "cv3", None), getattr(head, "one2one_cv3", None)):
        for tower in towers or []:
            spread(model, tower[-1], photo, 2.0, 0.9998)
    if task in ("obb", "segment"):
        for tower in head.cv4:
            spread(model, tower[-1], photo, 2.0, 0.5)
    if task == "classify":
        head.linear.weight.data *= 20
    size = 224 if task == "classify" else 640
    made = yolo.export(format="onnx", imgsz=size, opset=17, simplify=False, nms=nms)
    shutil.move(made, path)


def image(size, seed):
    """Smooth shapes over noise: something that a network answers differently from place to place."""
    random = np.random.default_rng(seed)
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    picture = np.zeros((height, width, 3), np.float32)
    for channel in range(3):
        for _ in range(6):
            y, x, r = random.uniform(0, height), random.uniform(0, width), random.uniform(5, max(height, width) / 3)
            picture[..., channel] += random.uniform(-90, 140) * (((rows - y) ** 2 + (columns - x) ** 2) < r * r)
    picture += random.uniform(0, 80, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def main():
    import onnxruntime
    from ultralytics import YOLO
    from ultralytics.utils import LOGGER

    LOGGER.setLevel("ERROR")
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for name, task, *nms in (model.split(":") for model in sys.argv[3:] or MODELS):
        path = folder / f"{'-'.join((name, *nms))}.onnx"
        if not path.exists():
            export(name, task, path, bool(nms))
        name = path.stem
        out = folder / f"{name}.prep.onnx"
        subprocess.run([tool, "embed", str(path), "--answers", "-o", str(out), "--quiet"], check=True)
        session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        library = YOLO(str(path), task=task)
        worst = {"boxes": 0.0, "scores": 0.0}
        count, unequal, bits, masks = 0, 0, 0, [0, 0]
        for seed, size in enumerate(SIZES):
            rgb = image(size, seed)
            got = dict(zip(names, session.run(None, {"image": rgb[None]})))
            result = library.predict(rgb[..., ::-1], imgsz=224 if task == "classify" else 640, conf=0.25, iou=0.7, max_det=300, retina_masks=True, rect=False, device="cpu", verbose=False)[0]
            if task == "classify":
                top = result.probs.data.cpu().numpy()
                order = np.argsort(-top, kind="stable")[:5]
                count += 1
                unequal += int((order != got["indices"][0]).any())
                worst["scores"] = max(worst["scores"], float(np.abs(top[order] - got["scores"][0]).max()))
                bits += int((top[order] == got["scores"][0]).all())
                continue
            found = result.obb if task == "obb" else result.boxes
            data = found.data.cpu().numpy()
            scores, labels = found.conf.cpu().numpy(), found.cls.cpu().numpy().astype(np.int64)
            if labels.shape != got["labels"].shape or (labels != got["labels"]).any():
                unequal += 1
                print(f"  {name} {size}: {len(labels)} boxes in the library, {len(got['labels'])} here, or other classes")
                continue
            count += len(labels)
            if not len(labels):
                continue
            pairs = [(found.xyxy.cpu().numpy(), got["boxes"])]
            if task == "obb":
                pairs.append((data[:, :5], got["rotated"]))
            if task == "pose":
                pairs.append((result.keypoints.data.cpu().numpy(), got["keypoints"]))
            if task == "segment":
                theirs = result.masks.data.cpu().numpy() > 0
                differs = theirs != (got["masks"] > 0)
                masks[0] += int(differs.sum())
                masks[1] += differs.size
            worst["boxes"] = max(worst["boxes"], *(float(np.abs(a - b).max()) for a, b in pairs))
            worst["scores"] = max(worst["scores"], float(np.abs(scores - got["scores"]).max()))
            bits += int(all((a == b).all() for a, b in pairs) and (scores == got["scores"]).all())
        line = f"{name}: {count} boxes of {len(SIZES)} images, {unequal} images with others; off by {worst['boxes']:.2e} pixels, {worst['scores']:.2e} in scores; {bits} images bit-equal"
        if task == "segment":
            line += f"; masks differ in {masks[0]} of {masks[1]} pixels"
        print(line, flush=True)
        if unequal or worst["boxes"] > 0.01 or worst["scores"] > 1e-5 or not count or masks[0] > masks[1] * 1e-3:
            wrong += 1
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
