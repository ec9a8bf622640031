#!/usr/bin/env python3
"""Finds the image processors of transformers whose BatchFeature is equal to a pipeline's in every bit and key, on 12 drawn images
and two batches of two; writes prep_onnx/_transformers_classes.json, of which `prep_onnx.transformers` registers, and PROCESSORS.md.

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

import transformers
import transformers.models
from PIL import Image

import prep_onnx.transformers as prep
from prep_onnx import Pipeline, PrepOnnxError, _class_calls, _class_outputs
from prep_onnx._features import FORMS, Made, source_sizes

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "tests"))
from drawing import drawn  # noqa: E402

SIZES = [(1, 1), (3, 500), (500, 3), (37, 53), (65, 64), (224, 224), (333, 500), (427, 640), (480, 640), (720, 1280), (1111, 777), (66, 1024)]
BATCHES = [[size] for size in SIZES] + [[(37, 53), (65, 64)], [(333, 500), (333, 500)]]
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


def gives(pipeline: Pipeline, output: str) -> bool:
    try:
        pipeline(drawn(64, 64), outputs=[output])
    except PrepOnnxError:
        return False
    return True


def forms(made: Made) -> dict[str, object]:
    """Everything that a key can be, of what there is."""
    found = {}
    for name, form in FORMS.items():
        if set(form.outputs) <= set(made.outputs):
            try:
                found[name] = form.make(made)
            except (AttributeError, IndexError, ValueError):
                # The class has no such attribute, or the tensor no such shape.
                continue
    return found


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
    ours_of_it = prep._restored(kind, processor.__dict__)
    keys, compared = None, 0
    for batch in BATCHES:
        name = "+".join(f"{height}x{width}" for height, width in batch)
        images = [Image.fromarray(drawn(*size, seed)) for seed, size in enumerate(batch)]
        try:
            theirs = dict(processor(images=images, return_tensors="pt" if getattr(processor, "backend", "") == "torchvision" else "np"))
        except Exception as error:
            theirs = error
        try:
            rgb = [_class_calls.rgb_of(ours_of_it, image, False) for image in images]
            made = Made(_class_outputs.outputs_of(pipeline, rgb, outputs), source_sizes(rgb), processor)
        except _class_outputs.Handed:
            # To the class, which refuses it, too, or can have it.
            continue
        if isinstance(theirs, Exception):
            said = str(theirs).strip().splitlines() or [type(theirs).__name__]
            return None, f"{name}: refused by the class alone: {said[0]}"
        fits = {key: {form for form, ours in forms(made).items() if _class_outputs.same(ours, value)} for key, value in theirs.items()}
        keys = {key: (keys[key] if keys else set(FORMS)) & found for key, found in fits.items()} if not keys or set(keys) == set(fits) else {}
        lacking = sorted(key for key, found in keys.items() if not found)
        if lacking or not keys:
            return None, f"{name}: {', '.join(lacking) or 'other keys'} of the result: other values, or none of ours"
        compared += 1
    if not keys:
        return None, "it takes none of the images"
    chosen = {key: min(found, key=list(FORMS).index) for key, found in keys.items()}
    if not any(form.startswith("tensor") for form in chosen.values()):
        return None, f"{', '.join(chosen)}: none of them is the tensor"
    threads = "; torch on one thread has other bits: then the class itself is called" if _class_outputs.differs_on_one_thread(pipeline) else ""
    return chosen, f"{compared} of {len(BATCHES)}{threads}"


def lists_equal(processor) -> bool:
    """Whether without `return_tensors` each value is a list of the tensors of the images."""
    images = [Image.fromarray(drawn(224, 224, seed)) for seed in (1, 2)]
    ours = Pipeline.from_huggingface(processor)(images)
    for value in processor(images=images).values():
        if not isinstance(value, list) or len(value) != len(ours):
            return False
        if not all(_class_outputs.same(one, other) for one, other in zip(ours, value)):
            return False
    return True


def of_the_other(name: str, rows: dict[str, tuple[dict[str, str] | None, str]]) -> str:
    """What of the class's other backend is to be said beside one that is equal."""
    pil = name.endswith("Pil")
    other = name.removesuffix("Pil") if pil else f"{name}Pil"
    if other not in rows:
        return f"; there is no {'Pillow' if prep._is_torchvision(classes()[name]) else 'torchvision'} backend"
    return "" if rows[other][0] else f"; its {'torchvision' if pil else 'Pillow'} backend is not equal"


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
    for name, (keys, said) in rows.items():
        if keys:
            rows[name] = keys, f"{said}{of_the_other(name, rows)}"
    table = {"transformers": transformers.__version__, "classes": {name: keys for name, (keys, _) in rows.items() if keys}, "lists": lists}
    (HERE / "prep_onnx/_transformers_classes.json").write_text(json.dumps(table, indent=1) + "\n")
    lines = [
        "# The backend for transformers",
        "",
        f"Written by `python/make_processors.py` with transformers {transformers.__version__}. Each class at its defaults, of both of its backends (`…Pil` is",
        "Pillow's), on 12 drawn images (1 x 1 to 1111 x 777) and two batches of two: every key of the BatchFeature, every bit; what the class",
        "refuses is refused. What a key can be is in `prep_onnx/_features.py`: outputs of a pipeline and what follows from them; `source_sizes`",
        "are height and width of the images as they came. A batch that is not compared is one that the class refuses, too, or is called for",
        "itself. A processor with other switches than its class is compared on five drawn images when it is first called. Whoever is not",
        f"registered is transformers' own with `backend=\"prep\"`, which says so. {summary}.",
        "",
        "| class | keys, and what they are of a pipeline | compared, or why not |",
        "|---|---|---|",
    ]
    for name, (keys, said) in rows.items():
        lines.append(f"| {name} | {', '.join(f'{key}: {kind}' for key, kind in keys.items()) if keys else '-'} | {said} |")
    (HERE / "PROCESSORS.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
