#!/usr/bin/env python3
"""Fills a folder with what the fuzz targets start from: the committed images, models, presets and configs.

    tests/fuzz/seed.py FOLDER    FOLDER/TARGET/ for each target; a file is named after its content, so nothing is lost
"""

import hashlib
import itertools
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "loader/tests/corpus"
# Larger ones cost executions and reach no further.
LARGEST = 16384


def put(folder: Path, content: bytes) -> None:
    if 0 < len(content) <= LARGEST:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / hashlib.sha1(content).hexdigest()).write_bytes(content)


def images() -> list[bytes]:
    manifest = json.loads((CORPUS / "manifest.json").read_text())
    files = [(CORPUS / name).read_bytes() for name in manifest["files"]]
    packed = (CORPUS / "matrix.bin").read_bytes()
    matrix = json.loads((CORPUS / "matrix.json").read_text())
    # The matrix varies few things many times.
    for entry in list(matrix["files"].values())[::4]:
        files.append(packed[entry["offset"] :][: entry["length"]])
    return [file for file in files if len(file) <= LARGEST]


def encoded(files: list[bytes]) -> list[bytes]:
    calls = []
    for index in range(0, len(files), 2):
        call = bytes([index % 256])
        for file in files[index : index + 2]:
            call += len(file).to_bytes(2, "little") + file
        calls.append(call)
    return calls


def plans() -> list[bytes]:
    sizes = [
        {"exact": [7, 9]}, {"shortest_edge": 20}, {"shortest_edge": 20, "max_edge": 30}, {"longest_edge": 31},
        {"cover": [24, 17]}, {"target": [24, 17], "crop_pct": 0.875},
    ]  # fmt: skip
    filters = ["nearest", "nearest_exact", "bilinear", "bicubic", "lanczos", "box", "hamming"]
    crops = [None, {"size": [16, 13], "offset": "torchvision"}, {"size": [40, 41], "offset": "huggingface"}]
    divide = {"operator": "divide", "precision": "float32", "operands": [255, 255, 255]}
    shift = {"operator": "subtract", "precision": "float64", "operands": [0.5, 0.25, 0.125]}
    texts = []
    for index, (size, name, crop) in enumerate(itertools.product(sizes, filters, crops)):
        resampler = "torchvision" if name == "nearest_exact" else ["pillow", "pillow12"][index % 2]
        plan = {
            "version": 1,
            "resize": {"size": size, "filter": name, "resampler": resampler},
            "crop": crop,
            "channels": [[0, 1, 2], [2, 1, 0]][index % 2],
            "operations": [[], [divide], [divide, shift]][index % 3],
            "layout": ["nchw", "nhwc"][index % 2],
            "dtype": "uint8" if index % 3 == 0 else ["float32", "float16"][index % 2],
        }
        texts.append(json.dumps(plan, sort_keys=True).encode() + b"\0" + hashlib.sha256(bytes([index])).digest() * 4)
    # Choices.
    texts += [b"".join(hashlib.sha512(bytes([index, part])).digest() for part in range(4)) for index in range(200)]
    return texts


def configs() -> list[bytes]:
    beside = json.dumps({"model_type": "vit", "architectures": ["ViTModel"]}).encode()
    texts = []
    for path in sorted((ROOT / "tests/goldens/configs").glob("*.json")):
        texts += [b"\x01" + path.read_bytes(), b"\x03" + path.read_bytes() + b"\0" + beside]
    texts += [b"\0" + path.read_bytes() for path in sorted((ROOT / "models/presets").glob("*.toml"))]
    texts += [b"\0" + text.encode() for text in STEPS]
    return texts


# Steps that no preset has.
STEPS = [
    '''input = { format = "rgba", over = [255, 255, 255] }
[[steps]]
step = "letterbox"
size = 40
color = 114
''',
    '''input = { format = "nv12", matrix = "bt601", range = "full" }
[[steps]]
step = "rotate_to"
orientation = "portrait"
[[steps]]
step = "crop"
size = [3, 4]
top = 1
left = 0
[[steps]]
step = "grayscale"
rule = "opencv"
channels = 1
''',
    '''[[steps]]
step = "resize"
size = { rule = "smart", multiple = 28, min_pixels = 784, max_pixels = 3136 }
filter = "bicubic"
[[steps]]
step = "rescale"
divisor = 255
[[steps]]
step = "blocks"
patches = 14
merge = 2
repeat = 2
joined = true
''',
    '''[[steps]]
step = "rescale"
divisor = 255
[[steps]]
step = "resize"
size = [9, 12]
filter = "bilinear"
resampler = "torch"
[[steps]]
step = "pad"
to = [16, 16]
anchor = "top_left"
value = 0
''',
    '''input = { format = "bgr" }
[[steps]]
step = "resize"
size = { shortest_edge = 8, longest_edge = 13 }
filter = "area"
resampler = "opencv"
[[steps]]
step = "pad"
multiple = 4
color = [1, 2, 3]
''',
]


def lists() -> list[bytes]:
    text = "a.png\r\ncat\tgrün/b.jpg\n\nhttps://example.com/c.png\n"
    whole = [text.encode(), b"\xef\xbb\xbf" + text.encode(), b"gr\xfcn\\1.png\n", b"a\0b\n"]
    whole += [b"\xff\xfe" + text.encode("utf-16-le"), b"\xfe\xff" + text.encode("utf-16-be")]
    patterns = ["*.png", "**/*.{png,jpg}", "d/?.png", "[a-c].*", "d/**", "h\\{i\\}.png", "[[]x].png", "d/*/f.jpeg"]
    return [b"\0" + entry for entry in whole] + [b"\x01" + pattern.encode() for pattern in patterns]


def main() -> None:
    folder = Path(sys.argv[1])
    files = images()
    models = [path.read_bytes() for path in sorted((ROOT / "models/zoo").rglob("*.onnx"))]
    seeds = {
        "decode": files,
        "encoded": encoded(files),
        "plan": plans(),
        "rewriter": models,
        "configs": configs(),
        "lists": lists(),
    }
    for target, entries in seeds.items():
        for entry in entries:
            put(folder / target, entry)


if __name__ == "__main__":
    main()
