"""Compares detectors of torchvision, with `detections=torchvision` after them, with the library's own answers.

    python tests/parity/after_torchvision.py PREP_ONNX FOLDER [NAME ...]

Needs torch, torchvision, onnx, onnxruntime and no network: the models have seeded weights, those of the classes scaled so that
detections exist. Each image, of 12 sizes, goes through the one file; through the exported model with `to_tensor` of torchvision before it,
where every bit has to be equal; and through the detector itself, which is printed alone: torch and ONNX Runtime add in other orders, and
with them NMS may keep another box.
"""
import pathlib
import subprocess
import sys
import warnings

import numpy as np
import onnxruntime
import torch
from torchvision.models import detection
from torchvision.transforms.functional import to_tensor

SIZES = [(720, 1280), (480, 640), (640, 640), (333, 500), (1080, 810), (97, 301), (640, 427), (375, 1242), (1200, 1600), (33, 50), (640, 639), (320, 320)]
MODELS = {
    "ssdlite320_mobilenet_v3_large": (6.0, {"score_thresh": 0.3}),
    "fasterrcnn_mobilenet_v3_large_320_fpn": (8.0, {"box_score_thresh": 0.3}),
}


class One(torch.nn.Module):
    """A detector of a batch of one image, as `embed` asks for it."""

    def __init__(self, detector):
        super().__init__()
        self.detector = detector

    def forward(self, images):
        found = self.detector([images[0]])[0]
        return found["boxes"], found["scores"], found["labels"]


def seeded(name):
    scale, options = MODELS[name]
    torch.manual_seed(0)
    model = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=5, **options).eval()
    normalisations = [module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for module in normalisations:
        module.train().momentum = None
    head = model.head.classification_head if hasattr(model, "head") else model.roi_heads.box_predictor.cls_score
    with torch.no_grad():
        model([to_tensor(photo((480, 640), seed)) for seed in (98, 99)])
        for parameter in head.parameters():
            parameter.mul_(scale)
    return model.eval()


def export(model, path):
    axes = {"images": {2: "height", 3: "width"}, **{name: {0: "found"} for name in ("boxes", "scores", "labels")}}
    names = {"input_names": ["images"], "output_names": ["boxes", "scores", "labels"]}
    torch.onnx.export(One(model).eval(), (torch.rand(1, 3, 240, 320),), path, opset_version=17, dynamo=False, dynamic_axes=axes, **names)


def photo(size, seed):
    """Bright and dark rectangles on noise."""
    random = np.random.default_rng(seed)
    image = random.integers(60, 120, (*size, 3), np.uint8)
    for _ in range(12):
        top, left = (random.integers(0, edge) for edge in size)
        image[top : top + size[0] // 3, left : left + size[1] // 3] = random.integers(0, 256, 3)
    return image


def main():
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    tool, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    pipeline = folder / "to_tensor.toml"
    pipeline.write_text('[[steps]]\nstep = "rescale"\ndivisor = 255\n')
    wrong = False
    for name in sys.argv[3:] or MODELS:
        model, path = seeded(name), folder / f"{name}.onnx"
        export(model, path)
        out = folder / f"{name}.prep.onnx"
        subprocess.run([tool, "embed", path, "--pipeline", pipeline, "--then", "detections=torchvision", "-o", out, "--quiet"], check=True)
        ours, plain = (onnxruntime.InferenceSession(each, providers=["CPUExecutionProvider"]) for each in (out, path))
        boxes = unequal = 0
        off, other = [0.0, 0.0], []
        for seed, size in enumerate(SIZES):
            image = photo(size, seed)
            got = dict(zip(("boxes", "scores", "labels", "image"), ours.run(None, {"image": image[None]})))
            expected = plain.run(None, {"images": to_tensor(image)[None].numpy()})
            unequal += any(got[key].tobytes() != value.tobytes() for key, value in zip(("boxes", "scores", "labels"), expected))
            with torch.no_grad():
                library = {key: value.numpy() for key, value in model([to_tensor(image)])[0].items()}
            boxes += len(library["boxes"])
            wrong = wrong or got["image"].any()
            if got["labels"].tolist() != library["labels"].tolist():
                other.append(size)
                continue
            for at, key in enumerate(("boxes", "scores")):
                off[at] = max([off[at], *np.abs(got[key] - library[key]).ravel()])
        print(f"{name}: {boxes} boxes of {len(SIZES)} images; {unequal} images with other bits than the exported model; torch itself: other boxes or another order in {len(other)} images, else {off[0]:.1e} pixels, {off[1]:.1e} in scores off", flush=True)
        wrong = wrong or boxes == 0 or unequal > 0
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
