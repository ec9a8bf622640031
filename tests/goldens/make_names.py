#!/usr/bin/env python3
"""Writes the tables of names in models/names: what the pretrained models of timm, torchvision and open_clip are fed with. Needs the three
libraries; no network. A table is pairs of lines: a config that `prep-onnx` reads, then the names that it is for.

usage: make_names.py [--check]    --check compares and writes nothing
       make_names.py --goldens    records what the libraries make of a picture, one for each config, in tests/goldens/names.json; torchvision's also
                                  of a uint8 tensor, which "torch" behind the name says
"""

import hashlib
import json
import pathlib
import sys
from dataclasses import asdict

import numpy as np
import open_clip
import timm
import torch
import torchvision
from PIL import Image
from open_clip.pretrained import get_pretrained_cfg
from open_clip.transform import PreprocessCfg, image_transform_v2, merge_preprocess_dict
from timm.data import create_transform, resolve_data_config
from timm.models._registry import _model_pretrained_cfgs

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "models/names"
PICTURE = HERE.parent / "images" / "extremes-301x227.png"
# What torchvision does to the frames of a video, through float32. torch on one thread rounds them otherwise.
FLOATS = {"resampler": "torch", "antialias": False}
KEYS = ("input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std")


def timm_rows():
    """(config, name, transform of a picture)"""
    names = {name: config for name, config in _model_pretrained_cfgs.items() if not name.endswith(".untrained")}
    for name in timm.list_models():
        config = timm.get_pretrained_cfg(name)
        if config is not None:
            names.setdefault(name, config)
    for name, config in names.items():
        data = resolve_data_config(pretrained_cfg=config.to_dict())
        chosen = {key: list(data[key]) if isinstance(data[key], tuple) else data[key] for key in KEYS}
        yield chosen, name, lambda picture, data=data: create_transform(**data, is_training=False)(picture)[None].numpy()


def steps(preset):
    """The steps of a transform of torchvision for a PIL image, or for a video of one frame."""
    video = type(preset).__name__ == "VideoClassification"
    found = []
    if getattr(preset, "resize_size", None):
        edges = preset.resize_size
        size = {"shortest_edge": edges[0]} if len(edges) == 1 else {"exact": list(edges)}
        found.append({"step": "resize", "size": size, "filter": preset.interpolation.value, "resampler": "pillow"} | (FLOATS if video else {}))
    if getattr(preset, "crop_size", None):
        found.append({"step": "center_crop", "size": [preset.crop_size[0], preset.crop_size[-1]]})
    found.append({"step": "rescale", "divisor": 255})
    mean, std = getattr(preset, "mean", None), getattr(preset, "std", None)
    if type(preset).__name__ == "OpticalFlow":
        mean, std = [0.5] * 3, [0.5] * 3
    if mean:
        found.append({"step": "normalize", "mean": list(mean), "std": list(std)})
    if video:
        found.append({"step": "blocks", "frame": True, "after_channels": True})
    return {"steps": found}


def torchvision_rows():
    for model in torchvision.models.list_models():
        for weights in torchvision.models.get_model_weights(model):
            preset = weights.transforms()
            kind = type(preset).__name__

            def run(picture, tensor=False, preset=preset, kind=kind):
                pixels = torch.from_numpy(np.array(picture).transpose(2, 0, 1).copy())
                if kind == "VideoClassification":
                    return preset(pixels[None])[None].numpy()
                flow = kind == "OpticalFlow"
                given = (pixels[None] if flow else pixels) if tensor else picture
                out = preset(given, given)[0] if flow else preset(given)
                return (out if out.ndim == 4 else out[None]).numpy()

            yield steps(preset), f"{type(weights).__name__}.{weights.name}", run


def open_clip_rows():
    for model, tag in open_clip.list_pretrained():
        config = merge_preprocess_dict(asdict(PreprocessCfg()), get_pretrained_cfg(model, tag))
        config["size"] = open_clip.get_model_config(model)["vision_cfg"].get("image_size", 224)
        run = image_transform_v2(PreprocessCfg(**config), is_train=False)
        yield {key: value for key, value in config.items() if value is not None}, f"{model}/{tag}", lambda picture, run=run: run(picture)[None].numpy()


LIBRARIES = {"timm": (timm, timm_rows), "torchvision": (torchvision, torchvision_rows), "open_clip": (open_clip, open_clip_rows)}


def golden(tensor):
    tensor = np.ascontiguousarray(tensor, dtype="<f4")
    return {"shape": list(tensor.shape), "sha": hashlib.sha256(tensor.tobytes()).hexdigest()[:32]}


def table(rows):
    """Distinct configs, those of most names first: (text, names, transform)."""
    groups = {}
    for config, name, run in rows:
        group = groups.setdefault(json.dumps(config, separators=(",", ":"), sort_keys=True), (set(), run))
        group[0].add(name)
    return sorted(((text, sorted(names), run) for text, (names, run) in groups.items()), key=lambda row: (-len(row[1]), row[0]))


def main():
    different, goldens = [], {}
    for name, (library, rows) in LIBRARIES.items():
        groups = table(rows())
        text = f"# {name} {library.__version__}, as tests/goldens/make_names.py writes it\n"
        text += "".join(f"{config}\n{' '.join(names)}\n" for config, names, _ in groups)
        path = FOLDER / f"{name}.txt"
        if not path.exists() or path.read_text() != text:
            different.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(text)
        print(f"{name}: {sum(len(names) for _, names, _ in groups)} names, {len(groups)} configs, {len(text)} bytes")
        if "--goldens" in sys.argv:
            picture = Image.open(PICTURE).convert("RGB")
            for _, names, run in groups:
                goldens[f"{name}:{names[0]}"] = golden(run(picture))
            if name == "torchvision":
                goldens |= {f"{name}:{names[0]} torch": golden(run(picture, True)) for _, names, run in groups}
    if "--goldens" in sys.argv:
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(golden)}" for name, golden in goldens.items())
        (HERE / "names.json").write_text("{\n" + lines + "\n}\n")
    print("different:" if different else "the tables are those of the libraries", *different)
    sys.exit(bool(different) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
