#!/usr/bin/env python3
"""Finds the image processors of transformers whose BatchFeature is equal to a pipeline's in every bit and key, on 12 drawn images
and a batch of two; writes prep_onnx/_transformers_classes.json, of which `prep_onnx.transformers` registers, and PROCESSORS.md.

Needs transformers 5.24, torch, torchvision, Pillow 13 and the package: make_processors.py [--only REGEX]
"""

import argparse
import collections
import importlib
import inspect
import json
import pathlib
import pkgutil
import re
import sys

import numpy as np
import transformers
import transformers.models
from PIL import Image

from prep_onnx import Pipeline, PrepOnnxError
from prep_onnx.transformers import SOURCE_SIZES, source_sizes

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "tests"))
from drawing import drawn  # noqa: E402

SIZES = [(1, 1), (3, 500), (500, 3), (37, 53), (65, 64), (224, 224), (333, 500), (427, 640), (480, 640), (720, 1280), (1111, 777), (66, 1024)]
BATCHES = [[size] for size in SIZES] + [[(37, 53), (65, 64)]]
OUTPUTS = ("mask", "sizes", "grid")


def classes() -> dict[str, type]:
    found = {}
    for package in pkgutil.iter_modules(transformers.models.__path__):
        for suffix in ("", "_pil"):
            name = f"transformers.models.{package.name}.image_processing{suffix and '_pil'}_{package.name}"
            try:
                module = importlib.import_module(name)
            except ImportError:
                continue
            for attribute, value in vars(module).items():
                if inspect.isclass(value) and value.__module__ == name and re.search(r"ImageProcessor(Pil)?$", attribute):
                    found[attribute] = value
    return dict(sorted(found.items()))


def arrays(feature) -> dict[str, np.ndarray | None]:
    """What a BatchFeature holds; None for what is no array."""
    out = {}
    for key, value in feature.items():
        try:
            out[key] = np.asarray(value if not isinstance(value, list) else np.stack([np.asarray(part) for part in value]))
        except Exception:
            out[key] = None
    return out


def equal(ours, theirs) -> bool:
    return theirs is not None and ours.dtype == theirs.dtype and ours.shape == theirs.shape and ours.tobytes() == theirs.tobytes()


def gives(pipeline: Pipeline, output: str) -> bool:
    try:
        pipeline(drawn(64, 64), outputs=[output])
    except PrepOnnxError:
        return False
    return True


def judge(kind) -> tuple[dict[str, str] | None, str]:
    """What each key is, or None; and what to say."""
    try:
        processor = kind()
    except Exception as error:
        return None, f"cannot be made without arguments: {type(error).__name__}"
    try:
        pipeline = Pipeline.from_huggingface(processor)
    except PrepOnnxError as error:
        return None, f"not expressed: {re.sub('^line [0-9]+: ', '', error.what)}"
    outputs = [output for output in OUTPUTS if gives(pipeline, output)]
    keys, compared = None, 0
    for batch in BATCHES:
        name = "+".join(f"{height}x{width}" for height, width in batch)
        images = [Image.fromarray(drawn(*size)) for size in batch]
        try:
            theirs = arrays(processor(images=images, return_tensors="pt" if getattr(processor, "backend", "") == "torchvision" else "np"))
        except Exception as error:
            theirs = error
        try:
            ours = pipeline(images, outputs=outputs)
        except PrepOnnxError as error:
            # What we refuse is handed to the class, which refuses it, too, or can have a batch of mixed sizes.
            if len(batch) > 1 or isinstance(theirs, Exception):
                continue
            return None, f"{name}: {error.what}"
        if isinstance(theirs, Exception):
            said = str(theirs).strip().splitlines() or [type(theirs).__name__]
            return None, f"{name}: refused by the class alone: {said[0]}"
        ours[SOURCE_SIZES] = source_sizes(images)
        fits = {key: {output for output, array in ours.items() if equal(array, value)} for key, value in theirs.items()}
        keys = {key: (keys[key] if keys else set(ours)) & found for key, found in fits.items()} if not keys or set(keys) == set(fits) else {}
        lacking = sorted(key for key, found in keys.items() if not found)
        if lacking or not keys:
            return None, f"{name}: {', '.join(lacking) or 'other keys'} of the result: other values, or none of ours"
        compared += 1
    if not keys:
        return None, "it takes none of the images"
    # A tensor is meant where a mask of ones is equal, too.
    order = ("tensor", *OUTPUTS, SOURCE_SIZES)
    chosen = {key: min(found, key=order.index) for key, found in keys.items()}
    if "tensor" not in chosen.values():
        return None, f"{', '.join(chosen)}: none of them is the tensor"
    return chosen, f"{compared} of {len(BATCHES)}"


def lists_equal(processor) -> bool:
    """Whether without `return_tensors` each value is a list of the tensors of the images."""
    images = [Image.fromarray(drawn(224, 224, seed)) for seed in (1, 2)]
    ours = Pipeline.from_huggingface(processor)(images)
    for value in processor(images=images).values():
        if not isinstance(value, list) or len(value) != len(ours):
            return False
        if not all(equal(one, np.asarray(other)) for one, other in zip(ours, value)):
            return False
    return True


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", default="")
    given = arguments.parse_args()
    transformers.logging.set_verbosity(50)
    rows, lists = {}, []
    for name, kind in classes().items():
        if re.search(given.only, name):
            rows[name] = keys, said = judge(kind)
            if keys and set(keys.values()) == {"tensor"} and lists_equal(kind()):
                lists.append(name)
            print(f"{name:44s} {keys or '-'} {said}", flush=True)
    count = collections.Counter(keys is not None for keys, _ in rows.values())
    summary = f"{len(rows)} classes: {count[True]} equal and registered, {count[False]} left to transformers"
    print(summary)
    if given.only:
        return
    table = {"transformers": transformers.__version__, "classes": {name: keys for name, (keys, _) in rows.items() if keys}, "lists": lists}
    (HERE / "prep_onnx/_transformers_classes.json").write_text(json.dumps(table, indent=1) + "\n")
    lines = [
        "# The backend for transformers",
        "",
        f"Written by `python/make_processors.py` with transformers {transformers.__version__}. Each class at its defaults, of both of its backends (`…Pil` is",
        "Pillow's), on 12 drawn images (1 x 1 to 1111 x 777) and a batch of two: every key of the BatchFeature, every bit; what the class",
        "refuses is refused. `source_sizes` are height and width of the images as they came. Whoever is not registered is transformers'",
        f"own with `backend=\"prep\"`, which says so. {summary}.",
        "",
        "| class | keys, and what they are of a pipeline | compared, or why not |",
        "|---|---|---|",
    ]
    for name, (keys, said) in rows.items():
        lines.append(f"| {name} | {', '.join(f'{key}: {kind}' for key, kind in keys.items()) if keys else '-'} | {said} |")
    (HERE / "PROCESSORS.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
