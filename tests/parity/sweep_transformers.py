#!/usr/bin/env python3
"""Compares every image processor of the installed transformers with the reference, at its defaults, on 12 made images and a batch of two,
and writes the table of them. Needs transformers 5, torch, torchvision, Pillow 13; no network.

usage: cargo build --release -p prep-onnx-pipeline --example config_outputs
       sweep_transformers.py target/release/examples/config_outputs [--only REGEX] [--table pipeline/PROCESSORS.md]
"""

import argparse
import collections
import glob
import hashlib
import importlib
import inspect
import json
import os
import pathlib
import re
import subprocess
import tempfile

import numpy as np
import transformers
from PIL import Image
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES

SIZES = [(1, 1), (3, 500), (500, 3), (37, 53), (65, 64), (224, 224), (333, 500), (427, 640), (480, 640), (720, 1280), (1111, 777), (66, 1024)]
BATCHES = [[size] for size in SIZES] + [[(37, 53), (65, 64)]]
# What a class is called with beside one image, and what is no difference of ours.
VIDEO = "a list of images is one video to it"
ROWS = "it takes an image of 3 rows for one with its channels first"
EXCUSED = {"VideoMAE": {"37x53+65x64": VIDEO}, "Tvp": {"37x53+65x64": VIDEO}, "Vivit": {"37x53+65x64": VIDEO, "3x500": ROWS}, "Emu3": {"3x500": ROWS}, "VideoLlava": {"3x500": ROWS}}


def image(height, width):
    """As pipeline/examples/config_outputs.rs makes it."""
    count = height * width * 3
    with np.errstate(over="ignore"):
        state = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(height * 65536 + width)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    noise = (mixed >> np.uint64(56)).reshape(height, width, 3).astype(np.int64)
    y, x, c = np.indices((height, width, 3))
    return Image.fromarray(((noise // 3 + 2 * x + 3 * y + 50 * c) % 256).astype(np.uint8))


def classes():
    found = {}
    for path in sorted(glob.glob(os.path.dirname(transformers.__file__) + "/models/*/image_processing*.py")):
        name = f"transformers.models.{path.split('/')[-2]}.{os.path.basename(path)[:-3]}"
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            print("left out:", name, error)
            continue
        for attribute, value in vars(module).items():
            if inspect.isclass(value) and value.__module__ == name and re.search(r"ImageProcessor(Pil)?$", attribute):
                found[attribute] = value
    return found


# A list of images is one sample to these; a list of lists is several.
NESTED = re.compile("Idefics[23]|SmolVLM|UltraVBert|GraniteDocling|Mllama")


def run(processor, images):
    if NESTED.search(type(processor).__name__):
        images = [[image] for image in images]
    kind = "pt" if getattr(processor, "backend", "") == "torchvision" else "np"
    out = processor(images=images if len(images) > 1 else images[0], return_tensors=kind)
    named = out if hasattr(out, "keys") else {"pixel_values": out}
    values = named[next(key for key in ("pixel_values_images", "pixel_values", "images") if key in named)]
    if isinstance(values, list):
        values = np.stack([np.asarray(value) for value in values])
    return np.ascontiguousarray(np.asarray(values), dtype="<f4"), named


def hashed(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:32]


def others(named, ours):
    """What the class gives beside the values that is an output of ours: (key, whether it is equal)."""
    def numbers(key):
        return [[int(number) for number in row] for row in np.asarray(named[key]).reshape(-1, np.asarray(named[key]).shape[-1])]

    source = [[int(number) for number in row[:2]] for row in ours["geometry"]]
    for key in named:
        if key == "image_grid_thw":
            yield key, numbers(key) == ours["grid"]
        elif key in ("spatial_shapes", "image_grid_hw"):
            yield key, numbers(key) == [row[1:] for row in ours["grid"]]
        elif key == "reshaped_input_sizes":
            yield key, numbers(key) == ours["sizes"]
        elif key == "original_sizes":
            yield key, numbers(key) == source
        elif key == "image_sizes":
            # Of the image as it came, or as it was resized.
            yield key, numbers(key) in (source, ours["sizes"])
        elif key in ("pixel_mask", "pixel_attention_mask"):
            mask = np.asarray(named[key]).astype("<i8")
            shape = [mask.shape[0], *mask.shape[2:]] if mask.ndim == 4 and mask.shape[1] == 1 else list(mask.shape)
            # Masks of patches and of tiles are not ours.
            if len(shape) == 3 and all(shape[1:] == of for of in ours["mask"]["shape"]):
                yield key, hashed(mask) == ours["mask"]["sha"]


def shown(batch):
    return "+".join(f"{height}x{width}" for height, width in batch)


def within(note, processor, backend, batch, ask):
    """Whether the values of a batch differ by no more than the note says."""
    theirs, _ = run(processor, [image(*size) for size in batch])
    with tempfile.NamedTemporaryFile() as file:
        ask({"config": processor.to_json_string(), "backend": backend, "batches": [batch], "to": file.name})
        ours = np.fromfile(file.name, dtype="<f4")
    if ours.size != theirs.size:
        return False
    bound = float(re.search("differ by up to ([0-9.e-]+)", note)[1])
    # Divided by the least deviation; and what float32 adds when it normalises.
    scale = 1 / min(processor.image_std) if "before the normalisation" in note and processor.do_normalize else 1
    return np.abs(ours.astype(np.float64) - theirs.ravel().astype(np.float64)).max() <= bound * scale + 2 * np.spacing(np.abs(theirs).max())


def judge(name, kind, ask):
    """(verdict, what to say)"""
    try:
        processor = kind(**({"apply_ocr": False} if "LayoutLM" in name else {}))
    except Exception as error:
        return "library", f"cannot be made without arguments: {type(error).__name__}"
    backend = "torchvision" if getattr(processor, "backend", "") == "torchvision" else "pillow"
    answer = ask({"config": processor.to_json_string(), "backend": backend, "batches": BATCHES})
    if "error" in answer:
        return "refused", answer["why"] or answer["error"]
    excused = EXCUSED.get(re.sub("ImageProcessor(Pil)?$", "", name), {})
    equal, differing, notes, beside = 0, [], set(), {}
    for batch, ours in zip(BATCHES, answer["results"]):
        key = shown(batch)
        try:
            theirs, named = run(processor, [image(*size) for size in batch])
        except Exception:
            continue
        if key in excused:
            notes.add(excused[key])
        elif "error" in ours:
            notes.add(f"{key} is refused: {ours['error'].split(': ')[-1]}")
        elif ours["shape"] == list(theirs.shape) and ours["sha"] == hashed(theirs):
            equal += 1
            for output, same in others(named, ours):
                beside.setdefault(output, []).append(key if not same else None)
        else:
            differing.append(key)
    if differing:
        bound = [note for note in answer["notes"] if "differ by up to" in note]
        if not bound or any(not within(bound[0], processor, backend, batch, ask) for batch in BATCHES if shown(batch) in differing):
            return "wrong", f"other values for {', '.join(differing)}"
        return "bound", bound[0]
    for output in [output for output, keys in beside.items() if any(keys)]:
        if said := [note for note in answer["notes"] if output in note]:
            notes.update(said)
            del beside[output]
    if wrong := [f"{output} for {', '.join(filter(None, keys))}" for output, keys in beside.items() if any(keys)]:
        return "wrong", f"another {'; another '.join(wrong)}"
    counted = f"{equal} of {len(BATCHES)}"
    return "exact", "; ".join([f"{counted}, with {', '.join(sorted(beside))}" if beside else counted] + sorted(notes))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("program")
    arguments.add_argument("--only", default="")
    arguments.add_argument("--table", type=pathlib.Path)
    arguments = arguments.parse_args()
    transformers.logging.set_verbosity(50)
    program = subprocess.Popen([arguments.program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def ask(question):
        program.stdin.write(json.dumps(question) + "\n")
        program.stdin.flush()
        return json.loads(program.stdout.readline())

    types = collections.defaultdict(list)
    for model_type, names in IMAGE_PROCESSOR_MAPPING_NAMES.items():
        for name in names.values():
            types[name].append(model_type)
    rows = {name: judge(name, kind, ask) for name, kind in sorted(classes().items()) if re.search(arguments.only, name)}
    for name, (verdict, said) in rows.items():
        print(f"{name:44s} {verdict:8s} {said}")
    count = collections.Counter(verdict for verdict, _ in rows.values())
    models = collections.defaultdict(set)
    for name, (verdict, _) in rows.items():
        for model_type in types[name]:
            models[model_type].add(verdict)
    covered = sum(verdicts <= {"exact", "bound"} for verdicts in models.values())
    summary = ", ".join(f"{number} {verdict}" for verdict, number in count.most_common())
    print(f"{len(rows)} classes and backends: {summary}; {covered} of {len(models)} model types in every backend")
    if arguments.table:
        lines = [
            "# Image processors of transformers",
            "",
            f"Written by `tests/parity/sweep_transformers.py` with transformers {transformers.__version__}: each class of both backends at its defaults, on 12 made images",
            f"(1 x 1 to 1111 x 777) and a batch of two, bit for bit. {len(rows)} classes and backends: {summary}; {covered} of {len(models)} model types in every backend they have.",
            "Other keys of the same classes: `tests/goldens/make_hub_goldens.py`.",
            "",
            "| class | | compared, or why not |",
            "|---|---|---|",
        ]
        lines += [f"| {name} | {verdict} | {said} |" for name, (verdict, said) in rows.items()]
        arguments.table.write_text("\n".join(lines) + "\n")
    raise SystemExit(count["wrong"] > 0)


if __name__ == "__main__":
    main()
