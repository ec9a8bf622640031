#!/usr/bin/env python3
"""Records what transformers, timm and torchvision make of drawn images and of the demo's photos, for test_pipeline.py and
test_docs.py: make_goldens.py [--check]. Needs them, torch and Pillow 13."""

import hashlib
import json
import pathlib
import sys

import numpy as np
import timm
import torchvision
import transformers
from conftest import ROOT, SIZES, drawn
from PIL import Image

FILE = pathlib.Path(__file__).with_name("goldens.json")
PROCESSORS = ["CLIPImageProcessor", "CLIPImageProcessorPil", "ViTImageProcessor", "ConvNextImageProcessorPil", "SiglipImageProcessor"]


def sha(tensor) -> str:
    return hashlib.sha256(np.ascontiguousarray(tensor).tobytes()).hexdigest()


def case(name, call, **how):
    images = {f"{height}x{width}": Image.fromarray(drawn(height, width)) for height, width in SIZES if min(height, width) > 1}
    return {"name": name, **how, "sha256": {size: sha(call(image)) for size, image in images.items()}}


def of_transformers(name):
    processor = getattr(transformers, name)()
    kind = "np" if name.endswith("Pil") else "pt"
    resampler = "pillow" if name.endswith("Pil") else "torchvision"

    def call(image):
        return np.asarray(processor(image, return_tensors=kind)["pixel_values"])

    return case(name, call, config=json.loads(processor.to_json_string()), resampler=resampler)


def main():
    model = timm.create_model("resnet18.a1_in1k", pretrained=False)
    transform = timm.data.create_transform(**timm.data.resolve_data_config({}, model=model))
    weights = torchvision.models.ResNet50_Weights.IMAGENET1K_V2
    cases = [of_transformers(name) for name in PROCESSORS]
    cases.append(case("timm", lambda image: transform(image).numpy()[None], preset="timm:resnet18.a1_in1k"))
    cases.append(case("torchvision", lambda image: weights.transforms()(image).numpy()[None], preset=f"torchvision:{weights}"))
    clip = transformers.CLIPImageProcessor()
    photos = sorted((ROOT / "models/demo").glob("*.png"))[:6]
    demo = {photo.name: sha(np.asarray(clip(Image.open(photo), return_tensors="pt")["pixel_values"])[0]) for photo in photos}
    text = json.dumps({"cases": cases, "demo": demo}, indent=1) + "\n"
    if "--check" in sys.argv:
        raise SystemExit(FILE.read_text() != text)
    FILE.write_text(text)


if __name__ == "__main__":
    main()
