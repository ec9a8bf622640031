#!/usr/bin/env python3
"""Writes the tables of names that come from the Python libraries; needs transformers, timm; no network.

  pipeline/src/import/huggingface/model_types.rs   the image processor of each model type of transformers
  models/preset-ids.txt                            after the names written by hand, timm's names of the models whose
                                                   evaluation transform a preset is

usage: make_tables.py [--check]    --check compares and writes nothing
"""

import pathlib
import sys

from timm.data import resolve_data_config
from timm.models._registry import _model_pretrained_cfgs
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

ROOT = pathlib.Path(__file__).resolve().parents[2]
MODEL_TYPES = ROOT / "pipeline/src/import/huggingface/model_types.rs"
IDS = ROOT / "models/preset-ids.txt"
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# preset -> (interpolation, crop_pct) at 224 x 224, centre crop, ImageNet's statistics
PRESETS = {"imagenet": ("bilinear", 0.875), "timm": ("bicubic", 0.875), "timm-0.95": ("bicubic", 0.95)}


def model_types():
    head = MODEL_TYPES.read_text().split("&[\n")[0] + "&[\n"
    rows = {}
    for model_type, backends in IMAGE_PROCESSOR_MAPPING_NAMES.items():
        name = backends.get("torchvision") or backends.get("pil")
        rows[model_type] = name.removesuffix("Pil").removesuffix("ImageProcessor")
    return head + "".join(f'    ("{key}", "{rows[key]}"),\n' for key in sorted(rows)) + "];\n"


def ids():
    by_hand = [line for line in IDS.read_text().splitlines() if " timm:" not in line]
    wanted = {((3, 224, 224), *choice, "center", *IMAGENET): preset for preset, choice in PRESETS.items()}
    lines = []
    for name, config in _model_pretrained_cfgs.items():
        if "." not in name or name.endswith(".untrained"):
            continue
        data = resolve_data_config(pretrained_cfg=config.to_dict())
        key = (tuple(data["input_size"]), data["interpolation"], data["crop_pct"], data["crop_mode"], tuple(data["mean"]), tuple(data["std"]))
        if key in wanted:
            lines.append(f"{wanted[key]} timm:{name}")
    return "\n".join(by_hand + sorted(lines)) + "\n"


def main():
    different = []
    for path, text in ((MODEL_TYPES, model_types()), (IDS, ids())):
        if path.read_text() != text:
            different.append(str(path.relative_to(ROOT)))
            if "--check" not in sys.argv:
                path.write_text(text)
    print("different:" if different else "the tables are those of the libraries", *different)
    sys.exit(bool(different) and "--check" in sys.argv)


if __name__ == "__main__":
    main()
