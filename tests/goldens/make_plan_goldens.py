#!/usr/bin/env python3
"""Records what the real Python libraries make of 12 made images in the pipelines of detectors, segmenters and readers.

Needs torch, torchvision, transformers 5, timm, Pillow 13, OpenCV, ultralytics and numpy; no network. Writes plans.json beside itself:
per case the pipeline, and per image (or batch) the SHA-256 of the tensor's bytes, followed by those of the mask where there is one; or the
library's error. torch has at least two threads: on one it resizes without antialiasing in another way. InsightFace, PaddleOCR, YOLOX and Keras stand here as the few lines of their own that resize and normalise; the presets of preset_cases.py, whose
names are "preset NAME", run the packages' own code.
usage: make_plan_goldens.py [CASE…]
       make_plan_goldens.py --measure target/release/examples/plan_outputs    (cargo build --release -p prep-onnx-pipeline --example plan_outputs)
"""

import hashlib
import json
import math
import pathlib
import random
import sys

import cv2
import numpy as np
import torch
from PIL import Image

import preset_cases
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv1
from torchvision.transforms.v2 import functional as tv2

HERE = pathlib.Path(__file__).resolve().parent
SIZES = [(1, 1), (3, 500), (500, 3), (37, 53), (65, 64), (224, 224), (333, 500), (427, 640), (480, 640), (720, 1280), (1111, 777), (66, 1024)]
EVEN = [(2, 2), (2, 500), (500, 2), (38, 54), (64, 66), (224, 224), (334, 500), (428, 640), (480, 640), (720, 1280), (1110, 778), (66, 1024)]
IN_MEAN, IN_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
CLIP_MEAN, CLIP_STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
HALF = [0.5, 0.5, 0.5]
F = 1 / 255
CASES = {}


def image(height, width, channels=3):
    """SplitMix64 noise over a slope; the test makes the same."""
    count = height * width * channels
    with np.errstate(over="ignore"):
        state = (np.arange(1, count + 1, dtype=np.uint64) + np.uint64(height * 65536 + width)) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    noise = (mixed >> np.uint64(56)).reshape(height, width, channels).astype(np.int64)
    y, x, c = np.indices((height, width, channels))
    return ((noise // 3 + 2 * x + 3 * y + 50 * c) % 256).astype(np.uint8)


def case(name, steps, input=None, sizes=SIZES, channels=3, layout="nchw", dtype="float32", batches=False):
    def register(function):
        pipeline = {"steps": steps}
        if input:
            pipeline["input"] = input
        CASES[name] = dict(pipeline=pipeline, sizes=sizes, channels=channels, layout=layout, dtype=dtype, batches=batches, run=function)
        return function
    return register


def resize(size, filter, resampler="torchvision", **more):
    return {"step": "resize", "size": size, "filter": filter, "resampler": resampler, **more}


def both(mean, std):
    return {"step": "rescale_normalize", "factor": F, "mean": mean, "std": std}


DIV = {"step": "rescale", "divisor": 255}
BGR = {"step": "channel_order", "order": "bgr"}


def chw(array):
    return np.ascontiguousarray(array.transpose(2, 0, 1))[None]


def processor(module, name, **config):
    import importlib
    cls = getattr(importlib.import_module(f"transformers.models.{module}.image_processing_{module}"), name)
    made = cls(**config)

    def run(images):
        out = made(images=[Image.fromarray(i) for i in images], return_tensors="pt")
        values = out["pixel_values"]
        mask = out.get("pixel_mask")
        return [np.asarray(values)] + ([np.asarray(mask)] if mask is not None else [])
    return run


# Hugging Face, torchvision backend
def hf(name, steps, module, cls, **more):
    batches = more.pop("batches", False)
    case(name, steps, batches=batches)(processor(module, cls, **more))


hf("detr-800-1333", [resize({"shortest_edge": 800, "longest_edge": 1333}, "bilinear"), both(IN_MEAN, IN_STD), {"step": "pad", "to": "batch"}],
   "detr", "DetrImageProcessor", batches=True)
hf("sam-1024", [resize({"longest_edge": 1024}, "bilinear"), both(IN_MEAN, IN_STD), {"step": "pad", "to": 1024, "value": 0}],
   "sam", "SamImageProcessor")
hf("depth-anything-518", [resize({"rule": "dpt", "height": 518, "width": 518, "multiple": 14, "keep_aspect_ratio": True}, "bicubic"), both(IN_MEAN, IN_STD)],
   "dpt", "DPTImageProcessor", size={"height": 518, "width": 518}, keep_aspect_ratio=True, ensure_multiple_of=14, resample=3, image_mean=IN_MEAN, image_std=IN_STD)
hf("llava-square-pad", [{"step": "pad", "to": "square", "anchor": "center", "color": [int(m * 255) for m in CLIP_MEAN]}, resize({"shortest_edge": 336}, "bicubic"),
   {"step": "center_crop", "size": 336, "offset": "huggingface"}, both(CLIP_MEAN, CLIP_STD)], "llava", "LlavaImageProcessor", do_pad=True, size={"shortest_edge": 336}, crop_size=336)
hf("donut", [{"step": "rotate_to", "orientation": "portrait"}, resize({"shortest_edge": 480}, "bilinear"), resize({"rule": "thumbnail", "height": 640, "width": 480}, "bilinear"),
   {"step": "pad", "to": [640, 480], "anchor": "center"}, both(HALF, HALF)], "donut", "DonutImageProcessor", size={"height": 640, "width": 480}, do_align_long_axis=True)
hf("perceiver", [{"step": "crop", "of_shorter_edge": [0.875, 0.875]}, resize([224, 224], "bicubic"), both(IN_MEAN, IN_STD)], "perceiver", "PerceiverImageProcessor")
hf("swin2sr", [{"step": "rescale", "factor": F}, {"step": "pad", "to": {"multiple_above": 8}, "mode": "symmetric"}], "swin2sr", "Swin2SRImageProcessor")
hf("vilt", [resize({"rule": "vilt", "shortest": 384, "multiple": 32}, "bicubic"), both(HALF, HALF), {"step": "pad", "to": "batch"}], "vilt", "ViltImageProcessor", batches=True)
hf("textnet", [resize({"rule": "textnet", "shortest": 640, "multiple": 32}, "bilinear"), both(IN_MEAN, IN_STD)], "textnet", "TextNetImageProcessor")
hf("yolos", [resize({"rule": "yolos", "shortest": 512, "longest": 864, "multiple": 16}, "bilinear"), both(IN_MEAN, IN_STD), {"step": "pad", "to": "batch"}],
   "yolos", "YolosImageProcessor", size={"shortest_edge": 512, "longest_edge": 864}, batches=True)


@case("qwen2-vl", [resize({"rule": "smart", "multiple": 28, "min_pixels": 3136, "max_pixels": 200704}, "bicubic"), both(CLIP_MEAN, CLIP_STD),
                   {"step": "blocks", "patches": 14, "merge": 2, "repeat": 2, "joined": True}], sizes=[s for s in SIZES if max(s) / min(s) < 200])
def qwen(images):
    from transformers.models.qwen2_vl.image_processing_qwen2_vl import Qwen2VLImageProcessor
    return [np.asarray(Qwen2VLImageProcessor(size={"shortest_edge": 3136, "longest_edge": 200704})(images=[Image.fromarray(i) for i in images], return_tensors="pt")["pixel_values"])]


# Tiles, and the whole beside them.
def idefics3(longest, tile):
    def run(images):
        from transformers.models.idefics3.image_processing_idefics3 import Idefics3ImageProcessor
        processor = Idefics3ImageProcessor(size={"longest_edge": longest}, max_image_size={"longest_edge": tile})
        return [np.asarray(processor(images=[[Image.fromarray(i)] for i in images], return_tensors="pt")["pixel_values"])]
    steps = [resize({"rule": "idefics3", "longest": longest}, "lanczos"), resize({"rule": "idefics3_tiles", "multiple": tile}, "lanczos"),
             {"step": "overview", "size": [tile, tile], "filter": "lanczos", "resampler": "torchvision", "of": "here"}, both(HALF, HALF), {"step": "blocks", "tiles": [tile, tile]}]
    return steps, run


for longest, tile in [(96, 32), (32, 32)]:
    steps, run = idefics3(longest, tile)
    case(f"idefics3 {longest} in tiles of {tile}", steps)(run)


@case("siglip2-naflex", [resize({"rule": "naflex", "patch": 16, "patches": 64}, "bilinear"), both(HALF, HALF), {"step": "blocks", "patches": 16, "order": "channels_last", "rows": 64}])
def naflex(images):
    from transformers.models.siglip2.image_processing_siglip2 import Siglip2ImageProcessor
    return [np.asarray(Siglip2ImageProcessor(max_num_patches=64)(images=[Image.fromarray(i) for i in images], return_tensors="pt")["pixel_values"])]


# Ultralytics
def letterbox(**arguments):
    from ultralytics.data.augment import LetterBox
    return lambda images: [chw(LetterBox((640, 640), **arguments)(image=images[0]).astype(np.float32) / np.float32(255))]


case("letterbox-640", [{"step": "letterbox", "size": 640}, DIV])(letterbox())
case("letterbox-no-scale-up", [{"step": "letterbox", "size": [640, 640], "scale_up": False}, DIV])(letterbox(scaleup=False))
case("letterbox-minimal", [{"step": "letterbox", "size": 640, "stride": 32}, DIV])(letterbox(auto=True))


@case("yolox", [{"step": "letterbox", "size": 640, "anchor": "top_left", "rounding": "down"}, BGR, {"step": "rescale", "factor": 1}])
def yolox(images):
    img = images[0][..., ::-1].copy()
    padded = np.ones((640, 640, 3), np.uint8) * 114
    r = min(640 / img.shape[0], 640 / img.shape[1])
    small = cv2.resize(img, (int(img.shape[1] * r), int(img.shape[0] * r)), interpolation=cv2.INTER_LINEAR).astype(np.uint8)
    padded[: int(img.shape[0] * r), : int(img.shape[1] * r)] = small
    return [chw(padded.astype(np.float32))]


@case("scrfd", [{"step": "letterbox", "size": 640, "anchor": "top_left", "rounding": "insightface", "color": 0}, {"step": "normalize", "mean": 127.5, "std": 128}])
def scrfd(images):
    img = images[0]
    ratio = img.shape[0] / img.shape[1]
    height, width = (640, int(640 / ratio)) if ratio > 1 else (int(640 * ratio), 640)
    canvas = np.zeros((640, 640, 3), np.uint8)
    canvas[:height, :width] = cv2.resize(img, (width, height))
    return [cv2.dnn.blobFromImage(canvas[..., ::-1], 1.0 / 128, (640, 640), (127.5,) * 3, swapRB=True)]


@case("paddleocr-det", [resize({"rule": "paddleocr_det", "limit": 960, "limit_type": "max"}, "bilinear", "opencv"), BGR, {"step": "rescale", "factor": F}, {"step": "normalize", "mean": IN_MEAN, "std": IN_STD}])
def paddle_det(images):
    img = images[0][..., ::-1]
    h, w = img.shape[:2]
    ratio = 960.0 / max(h, w) if max(h, w) > 960 else 1.0
    h, w = (max(int(round(int(edge * ratio) / 32) * 32), 32) for edge in (h, w))
    img = cv2.resize(np.ascontiguousarray(img), (w, h))
    return [chw((img.astype("float32") * np.float32(1.0 / 255.0) - np.array(IN_MEAN, "float32")) / np.array(IN_STD, "float32"))]


@case("paddleocr-rec", [resize({"rule": "paddleocr_rec", "height": 48, "width": 320}, "bilinear", "opencv"), BGR, DIV, {"step": "normalize", "mean": 0.5, "std": 0.5},
                        {"step": "pad", "to": {"text_line": [48, 320]}, "value": 0}], batches=True)
def paddle_rec(images):
    ratio = max([320 / 48] + [i.shape[1] * 1.0 / i.shape[0] for i in images])
    out = []
    for img in images:
        width = int(48 * ratio)
        h, w = img.shape[:2]
        small = width if math.ceil(48 * (w / float(h))) > width else int(math.ceil(48 * (w / float(h))))
        line = cv2.resize(np.ascontiguousarray(img[..., ::-1]), (small, 48)).astype("float32").transpose((2, 0, 1)) / 255
        line -= 0.5
        line /= 0.5
        padded = np.zeros((3, 48, width), np.float32)
        padded[:, :, :small] = line
        out.append(padded)
    return [np.stack(out)]


@case("keras-caffe", [resize(224, "nearest", "pillow"), BGR, {"step": "normalize", "mean": [103.939, 116.779, 123.68], "std": 1}], layout="nhwc")
def keras(images):
    x = np.asarray(Image.fromarray(images[0]).resize((224, 224), Image.NEAREST), dtype="float32")[..., ::-1].copy()
    for channel, mean in enumerate([103.939, 116.779, 123.68]):
        x[..., channel] -= mean
    return [x[None]]


# Gray, alpha, YCbCr
@case("gray-ocr-64", [{"step": "grayscale"}, resize({"rule": "height", "height": 64}, "bilinear", "pillow"), DIV])
def gray_ocr(images):
    gray = Image.fromarray(images[0]).convert("L")
    gray = gray.resize((max(int(gray.width * 64 / gray.height), 1), 64), Image.BILINEAR)
    return [np.asarray(gray, np.float32)[None, None] / np.float32(255)]


@case("gray-opencv", [{"step": "grayscale", "rule": "opencv", "channels": 3}, resize([64, 96], "bilinear", "opencv")], dtype="uint8")
def gray_opencv(images):
    gray = cv2.resize(cv2.cvtColor(images[0], cv2.COLOR_RGB2GRAY), (96, 64))
    return [chw(np.repeat(gray[..., None], 3, 2))]


@case("gray-torchvision", [resize([64, 96], "bilinear"), {"step": "grayscale", "rule": "torchvision"}], dtype="uint8")
def gray_torchvision(images):
    tensor = tv2.resize(tv2.pil_to_tensor(Image.fromarray(images[0])), [64, 96], antialias=True)
    return [tv2.rgb_to_grayscale(tensor, 1)[None].numpy()]


@case("gray-input", [resize([64, 96], "bicubic", "pillow"), DIV], input={"format": "gray"}, channels=1)
def gray_input(images):
    picture = Image.fromarray(images[0][..., 0]).resize((96, 64), Image.BICUBIC).convert("RGB")
    return [chw(np.asarray(picture, np.float32) / np.float32(255))]


@case("rgba-over-white", [resize([64, 96], "bilinear", "pillow")], input={"format": "rgba", "over": [255, 255, 255]}, channels=4, dtype="uint8")
def rgba(images):
    picture = Image.fromarray(images[0], "RGBA")
    flat = Image.alpha_composite(Image.new("RGBA", picture.size, (255, 255, 255)), picture).convert("RGB")
    return [chw(np.asarray(flat.resize((96, 64), Image.BILINEAR)))]


@case("rgba-dropped", [resize([64, 96], "bilinear", "pillow")], input={"format": "rgba"}, channels=4, dtype="uint8")
def rgba_dropped(images):
    return [chw(np.asarray(Image.fromarray(images[0], "RGBA").convert("RGB").resize((96, 64), Image.BILINEAR)))]


def planar(name, code):
    @case(name, [resize([64, 96], "bilinear", "opencv")], input={"format": name, "matrix": "bt601", "range": "limited"}, sizes=[(h * 3 // 2, w) for h, w in EVEN], channels=1, dtype="uint8")
    def run(images):
        return [chw(cv2.resize(cv2.cvtColor(images[0], code), (96, 64)))]


planar("nv12", cv2.COLOR_YUV2RGB_NV12)
planar("i420", cv2.COLOR_YUV2RGB_I420)


# Arithmetics.
for mode in ("bilinear", "bicubic"):
    def no_antialias(images, mode=mode):
        return [tv2.resize(tv2.pil_to_tensor(Image.fromarray(images[0])), [64, 96], InterpolationMode[mode.upper()], antialias=False)[None].numpy()]

    def floats(images, mode=mode, antialias=True, size=(64, 96)):
        tensor = tv2.pil_to_tensor(Image.fromarray(images[0])).contiguous().to(torch.float32) / 255
        return [tv2.resize(tensor, list(size), InterpolationMode[mode.upper()], antialias=antialias)[None].numpy()]

    def version_1(images, mode=mode):
        tensor = torch.from_numpy(images[0]).permute(2, 0, 1).contiguous()
        return [tv1.resize(tensor, [64, 96], InterpolationMode[mode.upper()], antialias=True)[None].numpy()]

    case(f"torchvision-{mode}-plain", [resize([64, 96], mode, antialias=False)], dtype="uint8")(no_antialias)
    case(f"torch-{mode}", [DIV, resize([64, 96], mode, "torch")])(floats)
    case(f"torch-{mode}-plain", [DIV, resize([64, 96], mode, "torch", antialias=False)])(lambda images, run=floats: run(images, antialias=False))
    for antialias in (True, False):
        case(f"torch-{mode}{'' if antialias else '-plain'}-large", [DIV, resize([300, 421], mode, "torch", antialias=antialias)])(lambda images, run=floats, antialias=antialias: run(images, antialias=antialias, size=(300, 421)))
    case(f"torchvision-1-{mode}", [resize([64, 96], mode, "torch")], dtype="uint8")(version_1)

# Compared by --measure alone: OpenCV's vector code rounds some values otherwise.
MEASURED = {}
for name, flag in (("bicubic", cv2.INTER_CUBIC), ("area", cv2.INTER_AREA)):
    MEASURED[f"opencv-{name}"] = ([resize([64, 96], name, "opencv")], lambda images, flag=flag: [chw(cv2.resize(images[0], (96, 64), interpolation=flag))])

for name, flag in (("nearest", cv2.INTER_NEAREST), ("bilinear", cv2.INTER_LINEAR)):
    case(f"opencv-{name}", [resize([64, 96], name, "opencv")], dtype="uint8")(lambda images, flag=flag: [chw(cv2.resize(images[0], (96, 64), interpolation=flag))])


# timm
@case("timm-border", [resize({"rule": "fit", "height": 248, "width": 248, "rounding": "timm", "enlarge": True}, "bicubic", "pillow"),
                      {"step": "pad", "to": 224, "anchor": "center_torchvision", "color": [124, 116, 104]}, DIV, {"step": "normalize", "mean": IN_MEAN, "std": IN_STD}])
def timm_border(images):
    from timm.data import create_transform
    transform = create_transform((3, 224, 224), interpolation="bicubic", mean=IN_MEAN, std=IN_STD, crop_pct=0.9, crop_mode="border")
    return [transform(Image.fromarray(images[0]))[None].numpy()]


@case("timm-crop-pct-1.15", [resize({"target": [224, 224], "crop_pct": 1.15}, "bicubic", "pillow"), {"step": "center_crop", "size": 224}, DIV, {"step": "normalize", "mean": IN_MEAN, "std": IN_STD}])
def timm_above(images):
    from timm.data import create_transform
    transform = create_transform((3, 224, 224), interpolation="bicubic", mean=IN_MEAN, std=IN_STD, crop_pct=1.15, crop_mode="center")
    return [transform(Image.fromarray(images[0]))[None].numpy()]


preset_cases.register(case)


def digest(parts):
    joined = hashlib.sha256()
    for part in parts:
        part = np.ascontiguousarray(part)
        joined.update(part.astype(part.dtype.newbyteorder("<")).tobytes())
    return joined.hexdigest()


def measure(program):
    """Compares every value of what has not the library's bits with it: the largest distance, and how many values differ."""
    import subprocess
    import tempfile
    random.seed(1)
    sizes = SIZES + [(64 * k, 96 * k) for k in (2, 3)] + [(random.randint(1, 700), random.randint(1, 700)) for _ in range(30)]
    print("torch", torch.__version__, torch.backends.cpu.get_cpu_capability(), "OpenCV", cv2.__version__)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for name, (steps, _) in MEASURED.items():
            for height, width in sizes:
                stem = folder / f"{name}.{height}x{width}"
                pathlib.Path(f"{stem}.json").write_text(json.dumps({"steps": steps, "output": {"dtype": "uint8"}}))
                pathlib.Path(f"{stem}.in").write_bytes(image(height, width).tobytes())
        subprocess.run([program, folder], check=True)
        for name, (_, run) in MEASURED.items():
            worst, where, differ, count = 0, None, 0, 0
            for height, width in sizes:
                ours = np.frombuffer((folder / f"{name}.{height}x{width}.out").read_bytes(), dtype=np.uint8)
                theirs = np.asarray(run([image(height, width)])[0]).ravel()
                apart = np.abs(ours.astype(np.float64) - theirs)
                differ, count = differ + int((apart > 0).sum()), count + apart.size
                if apart.max() > worst:
                    worst, where = apart.max(), f"{height}x{width}: {ours[apart.argmax()]} and {theirs[apart.argmax()]}"
            print(f"{name}: {differ} of {count} values differ, by {worst:.3g} at most ({where})", flush=True)


def main():
    if sys.argv[1:2] == ["--measure"]:
        return measure(sys.argv[2])
    path = HERE / "plans.json"
    written = json.loads(path.read_text()) if path.exists() else {}
    for name in sys.argv[1:] or CASES:
        entry = CASES[name]
        groups = [[size] for size in entry["sizes"]]
        if entry["batches"]:
            groups += [[(333, 500), (427, 640), (224, 224)], [(66, 1024), (480, 640)]]
        results = {}
        for group in groups:
            key = "+".join(f"{h}x{w}" for h, w in group)
            try:
                made = entry["run"]([image(h, w, entry["channels"]) for h, w in group])
                results[key] = digest(made)
            except Exception as error:
                results[key] = f"error: {type(error).__name__}"
        written[name] = {"pipeline": entry["pipeline"], "channels": entry["channels"], "layout": entry["layout"], "dtype": entry["dtype"], "results": results}
        print(name, sum(str(r).startswith("error") for r in results.values()), "errors", flush=True)
    lines = (json.dumps(name) + ": " + json.dumps(value) for name, value in written.items())
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
