#!/usr/bin/env python3
"""Records what the real Python libraries make of every picture in tests/images.

Needs torch, torchvision, transformers 5, timm, Pillow 13 and numpy; no network. Writes beside itself:
  configs/<case>.json   the config exactly as the library saves it (Hugging Face: save_pretrained; timm: save_config_for_hf),
                        for `*-legacy` cases as older hub repositories carry it
  goldens.json          per case and image the SHA-256 of the tensor's bytes (C order, little endian, batch dimension
                        included), or the library's own error
  resize.json           per filter and size pair the SHA-256 of the uint8 HWC result of Pillow 13, Pillow 12 and torchvision

A `sample` holds eight values, the elements i * (n - 1) // 7 of the flat tensor, as hexadecimal bits.
usage: make_goldens.py [--pillow12 PYTHON]    PYTHON has numpy and Pillow 12; without it those results are kept as they are
"""

import argparse
import hashlib
import importlib
import json
import pathlib
import platform
import subprocess
import tempfile

import numpy as np
import PIL
import timm
import torch
import torchvision
import transformers
from PIL import Image

import resize_cases

HERE = pathlib.Path(__file__).resolve().parent
IMAGES = HERE.parent / "images"
IN_MEAN, IN_STD, HALF = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], [0.5, 0.5, 0.5]
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
NEAREST, LANCZOS, BILINEAR, BICUBIC, BOX, HAMMING = 0, 1, 2, 3, 4, 5
IMAGENET = {"image_mean": IN_MEAN, "image_std": IN_STD}
STANDARD = {"image_mean": HALF, "image_std": HALF}
CLIP = {"image_mean": CLIP_MEAN, "image_std": CLIP_STD}


def square(n):
    return {"height": n, "width": n}


# case -> (package, class stem, arguments: the values that checkpoints of this model carry)
HF = {
    "vit": ("vit", "ViT", dict(size=square(224), resample=BILINEAR, **STANDARD)),
    "deit": ("deit", "DeiT", dict(size=square(256), crop_size=square(224), do_center_crop=True, resample=BICUBIC, **IMAGENET)),
    "beit": ("beit", "Beit", dict(size=square(224), do_center_crop=False, resample=BICUBIC, **STANDARD)),
    "beit-crop": ("beit", "Beit", dict(size=square(256), crop_size=square(224), do_center_crop=True, resample=BICUBIC, **STANDARD)),
    "swin": ("vit", "ViT", dict(size=square(224), resample=BICUBIC, **IMAGENET)),
    "convnext-224": ("convnext", "ConvNext", dict(size={"shortest_edge": 224}, crop_pct=0.875, resample=BICUBIC, **IMAGENET)),
    "convnext-384": ("convnext", "ConvNext", dict(size={"shortest_edge": 384}, crop_pct=0.875, resample=BICUBIC, **IMAGENET)),
    "resnet": ("convnext", "ConvNext", dict(size={"shortest_edge": 224}, crop_pct=0.875, resample=BILINEAR, **IMAGENET)),
    "clip": ("clip", "CLIP", dict(size={"shortest_edge": 224}, crop_size=square(224), resample=BICUBIC, **CLIP)),
    "siglip": ("siglip", "Siglip", dict(size=square(224), resample=BICUBIC, **STANDARD)),
    "siglip-lanczos": ("siglip", "Siglip", dict(size=square(364), resample=LANCZOS, **STANDARD)),
    "blip": ("blip", "Blip", dict(size=square(384), resample=BICUBIC, **CLIP)),
    "dinov2": ("bit", "Bit", dict(size={"shortest_edge": 256}, crop_size=square(224), do_center_crop=True, resample=BICUBIC, do_convert_rgb=True, **IMAGENET)),
    "mobilenet-v2": ("mobilenet_v2", "MobileNetV2", dict(size={"shortest_edge": 256}, crop_size=square(224), do_center_crop=True, resample=BILINEAR, **STANDARD)),
    "trocr": ("vit", "ViT", dict(size=square(384), resample=BILINEAR, **STANDARD)),
    "efficientnet": ("efficientnet", "EfficientNet", dict(size=square(224), resample=NEAREST, do_center_crop=False, rescale_offset=False, include_top=True, image_mean=IN_MEAN, image_std=[0.47853944, 0.4732864, 0.47434163])),
    "vit-box": ("vit", "ViT", dict(size=square(224), resample=BOX, **STANDARD)),
    "vit-hamming": ("vit", "ViT", dict(size=square(224), resample=HAMMING, **STANDARD)),
    "vit-raw": ("vit", "ViT", dict(size={"height": 160, "width": 224}, resample=BILINEAR, do_rescale=False, do_normalize=False)),
    "clip-crop-only": ("clip", "CLIP", dict(do_resize=False, crop_size={"height": 225, "width": 222}, **CLIP)),
    "mobilenet-odd-crop": ("mobilenet_v2", "MobileNetV2", dict(size={"shortest_edge": 231}, crop_size={"height": 224, "width": 220}, do_center_crop=True, resample=BILINEAR, **STANDARD)),
}

# Older hub files: whole numbers as sizes, `feature_extractor_type`, keys left out. Loaded with the class's from_dict.
LEGACY = {
    "vit-legacy": ("vit", "ViT", {"do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor", "resample": 2, "size": 224, **STANDARD}),
    "deit-legacy": ("deit", "DeiT", {"crop_size": 224, "do_center_crop": True, "do_normalize": True, "do_resize": True, "feature_extractor_type": "DeiTFeatureExtractor", "resample": 3, "size": 256, **IMAGENET}),
    "clip-legacy": ("clip", "CLIP", {"crop_size": 224, "do_center_crop": True, "do_normalize": True, "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor", "resample": 3, "size": 224, **CLIP}),
    "resnet-legacy": ("convnext", "ConvNext", {"crop_pct": 0.875, "do_normalize": True, "do_resize": True, "feature_extractor_type": "ConvNextFeatureExtractor", "resample": 3, "size": 224, **IMAGENET}),
    "trocr-legacy": ("vit", "ViT", {"do_normalize": True, "do_resize": True, "feature_extractor_type": "ViTFeatureExtractor", "resample": 2, "size": 384, **STANDARD}),
}

# case -> (timm model name, changes of its data config)
TIMM = {
    "timm-resnet50-a1": ("resnet50.a1_in1k", {}),
    "timm-resnet50-tv": ("resnet50.tv_in1k", {}),
    "timm-vit-base-augreg": ("vit_base_patch16_224.augreg_in1k", {}),
    "timm-vit-base-384": ("vit_base_patch16_384.augreg_in1k", {}),
    "timm-convnext-base-384": ("convnext_base.fb_in22k_ft_in1k_384", {}),
    "timm-swin-tiny": ("swin_tiny_patch4_window7_224.ms_in1k", {}),
    "timm-efficientnet-b0": ("efficientnet_b0.ra_in1k", {}),
    "timm-mobilenetv3": ("mobilenetv3_large_100.ra_in1k", {}),
    "timm-non-square": ("resnet18.a1_in1k", {"input_size": (3, 160, 224)}),
    "timm-border": ("resnet18.a1_in1k", {"crop_mode": "border", "crop_pct": 0.9}),
}

TORCHVISION = {
    "torchvision-resnet50-v1": "ResNet50_Weights.IMAGENET1K_V1",
    "torchvision-resnet50-v2": "ResNet50_Weights.IMAGENET1K_V2",
    "torchvision-swin-t": "Swin_T_Weights.IMAGENET1K_V1",
    "torchvision-vit-b16": "ViT_B_16_Weights.IMAGENET1K_V1",
    "torchvision-efficientnet-b0": "EfficientNet_B0_Weights.IMAGENET1K_V1",
}


def processor_class(package, stem, backend):
    if backend == "pil":
        return getattr(importlib.import_module(f"transformers.models.{package}.image_processing_pil_{package}"), f"{stem}ImageProcessorPil")
    return getattr(importlib.import_module(f"transformers.models.{package}.image_processing_{package}"), f"{stem}ImageProcessor")


def saved_config(processor):
    with tempfile.TemporaryDirectory() as folder:
        processor.save_pretrained(folder)
        return (pathlib.Path(folder) / "preprocessor_config.json").read_text()


def summary(tensor):
    """(shape, dtype, entry) of a float32 or uint8 tensor."""
    tensor = np.ascontiguousarray(tensor)
    if tensor.dtype not in (np.float32, np.uint8) or not np.isfinite(tensor).all():
        raise SystemExit(f"unexpected tensor: {tensor.dtype}, finite: {np.isfinite(tensor).all()}")
    little = tensor.astype(tensor.dtype.newbyteorder("<")).ravel()
    picks = [little[i * (little.size - 1) // 7].tobytes()[::-1].hex() for i in range(8)]
    return list(tensor.shape), str(tensor.dtype), {"sha256": hashlib.sha256(little.tobytes()).hexdigest(), "sample": " ".join(picks)}


def record(head, pictures, run):
    """`head` with the tensors of all pictures, which share shape and dtype."""
    entries, kinds = {}, set()
    for name, picture in pictures.items():
        try:
            tensor = run(picture.copy())
        except Exception as error:  # what the library says is the golden
            entries[name] = {"error": f"{type(error).__name__}: {error}"[:300]}
            continue
        shape, dtype, entries[name] = summary(tensor)
        kinds.add((tuple(shape), dtype))
    if len(kinds) != 1:
        raise SystemExit(f"{head}: shapes and dtypes {kinds}")
    shape, dtype = kinds.pop()
    return {**head, "shape": list(shape), "dtype": dtype, "images": entries}


def hugging_face(pictures):
    cases = {}
    for name, (package, stem, config) in {**HF, **LEGACY}.items():
        for backend in ("pil", "torchvision"):
            cls = processor_class(package, stem, backend)
            legacy = name in LEGACY
            processor = cls.from_dict(dict(config)) if legacy else cls(**config)
            if legacy and getattr(processor, "do_rescale", None) is not True:
                raise ValueError(f"{name}: do_rescale is {processor.do_rescale}")
            assert processor.backend == backend, (processor.backend, backend)
            text = json.dumps(config, indent=2) + "\n" if legacy else saved_config(processor)
            path = HERE / "configs" / f"hf-{name}.json"
            if backend == "torchvision" and path.read_text() != text:
                path = HERE / "configs" / f"hf-{name}.torchvision.json"
            path.write_text(text)
            head = {"library": "transformers", "class": cls.__name__, "backend": backend, "config": f"configs/{path.name}"}
            kind = "np" if backend == "pil" else "pt"
            cases[f"hf-{name}.{backend}"] = record(head, pictures, lambda p: np.asarray(processor(images=p, return_tensors=kind)["pixel_values"]))
            print(f"hf-{name}.{backend}", flush=True)
    return cases


def timm_cases(pictures):
    from timm.data import create_transform, resolve_data_config
    from timm.models._hub import save_config_for_hf

    cases = {}
    for name, (model_name, changes) in TIMM.items():
        with torch.device("meta"):
            model = timm.create_model(model_name, pretrained=False)
        path = HERE / "configs" / f"{name}.json"
        save_config_for_hf(model, str(path), data_config=changes)
        saved = json.loads(path.read_text())
        data = resolve_data_config({}, pretrained_cfg=saved["pretrained_cfg"])
        transform = create_transform(**data, is_training=False)
        head = {"library": "timm", "model": model_name, "config": f"configs/{path.name}", "transform": repr(transform)}
        cases[name] = record(head, pictures, lambda p: transform(p)[None].numpy())
        print(name, flush=True)
    return cases


def torchvision_cases(pictures):
    cases = {}
    for name, weights in TORCHVISION.items():
        transform = torchvision.models.get_weight(weights).transforms()
        head = {"library": "torchvision", "weights": weights, "input": "PIL image", "transform": repr(transform)}
        cases[name] = record(head, pictures, lambda p: transform(p)[None].numpy())
        print(name, flush=True)
    return cases


def torchvision_resize():
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional

    results = {}
    for name in ("bilinear", "bicubic", "lanczos", "nearest", "nearest_exact"):
        mode, hashes = InterpolationMode[name.upper()], []
        for pair in resize_cases.PAIRS:
            pixels = functional.pil_to_tensor(resize_cases.source(pair))
            width, height = pair[2]
            out = functional.resize(pixels, [height, width], interpolation=mode, antialias=True)
            hashes.append(resize_cases.digest(out.permute(1, 2, 0).numpy()))
        results[name] = hashes
    return {"version": torchvision.__version__, "results": results}


def dump(path, data, depth):
    """JSON with one line per value below `depth`, so that a diff shows which golden moved."""

    def text(value, level):
        if level == depth or not isinstance(value, dict):
            return json.dumps(value)
        inner = ",\n".join(" " * (level + 1) + json.dumps(k) + ": " + text(v, level + 1) for k, v in value.items())
        return "{\n" + inner + "\n" + " " * level + "}"

    path.write_text(text(data, 0) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pillow12", metavar="PYTHON")
    args = parser.parse_args()
    (HERE / "configs").mkdir(exist_ok=True)
    versions = {m.__name__.lower().replace("pil", "pillow"): m.__version__ for m in (PIL, np, torch, torchvision, transformers, timm)}
    machine = {"arch": platform.machine(), "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(), "python": platform.python_version()}

    pairs = [{"image": name, "crop": crop, "out": list(out)} for name, crop, out in resize_cases.PAIRS]
    old = json.loads((HERE / "resize.json").read_text()) if (HERE / "resize.json").exists() else {}
    if args.pillow12:
        pillow12 = json.loads(subprocess.run([args.pillow12, str(HERE / "resize_cases.py")], capture_output=True, check=True, text=True).stdout)
    else:
        pillow12 = old["pillow12"]
    dump(HERE / "resize.json", {"pairs": pairs, "machine": machine, "pillow": resize_cases.pillow(), "pillow12": pillow12, "torchvision": torchvision_resize()}, 3)

    pictures = {path.stem: Image.open(path).convert("RGB") for path in sorted(IMAGES.glob("*.png"))}
    cases = {**torchvision_cases(pictures), **timm_cases(pictures), **hugging_face(pictures)}
    dump(HERE / "goldens.json", {"versions": versions, "machine": machine, "cases": cases}, 4)
    failed = sum("error" in entry for case in cases.values() for entry in case["images"].values())
    print(f"{len(cases)} cases of {len(pictures)} pictures; {failed} results are errors of the library")


if __name__ == "__main__":
    main()
