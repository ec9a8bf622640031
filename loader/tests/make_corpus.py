"""Writes tests/corpus: small images of every kind (corpus_kinds/) and a manifest with Pillow's pixels of each.

Needs Pillow 13 and numpy. Deterministic: the same Pillow writes the same files.

    python tests/make_corpus.py

manifest.json: one entry per file with "height", "width" and "sha256" of the RGB bytes that
`ImageOps.exif_transpose(Image.open(file)).convert("RGB")` gives, or "error" with Pillow's message.
"draft" has the digests of Pillow's scaled JPEG decodes by denominator. Lossy WebP entries carry a "png" with Pillow's pixels, to measure the distance.
"""

import hashlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import PIL
from corpus_kinds.bmp import bmp
from corpus_kinds.common import FILES, saved
from corpus_kinds.gif import gif
from corpus_kinds.jpeg import jpeg
from corpus_kinds.not_images import not_images
from corpus_kinds.png import png
from corpus_kinds.tiff import tiff
from corpus_kinds.webp import webp
from PIL import Image, ImageOps

HERE = Path(__file__).parent / "corpus"


def entry(name, data):
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # noqa: BLE001: Pillow raises many kinds
        return {"error": f"{type(error).__name__}: {error}".replace(str(HERE), "").split(" at 0x")[0].split("<")[0]}
    pixels = np.asarray(upright)
    result = {
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }
    if "lossy" in name:
        result["png"] = f"pixels/{Path(name).stem}.png"
        result["_pixels"] = saved(upright, "PNG", optimize=True)
    return result


def draft(data, denominator):
    """The digest of Pillow's own scaled decode."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (image.width // denominator, image.height // denominator))
        pixels = np.asarray(image.convert("RGB"))
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def main():
    for group in (jpeg, png, gif, bmp, tiff, webp, not_images):
        group()
    Image.MAX_IMAGE_PIXELS = 89478485
    manifest = {"pillow": PIL.__version__, "files": {}}
    total = 0
    for name, data in sorted(FILES.items()):
        path = HERE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        total += len(data)
        result = entry(name, data)
        if (png_data := result.pop("_pixels", None)) is not None:
            target = HERE / result["png"]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(png_data)
            total += len(png_data)
        manifest["files"][name] = result
    scaled = [f"jpeg/{tag}_{kind}.jpg" for tag in ("444", "422", "420") for kind in ("33x50", "progressive", "16x16")]
    scaled += ["jpeg/gray.jpg", "jpeg/cmyk_adobe.jpg", "jpeg/440.jpg"]
    drafts = {name: {d: draft(FILES[name], d) for d in (2, 4, 8)} for name in scaled}
    lines = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in manifest["files"].items())
    (HERE / "manifest.json").write_text(f'{{"pillow": "{PIL.__version__}", "draft": {json.dumps(drafts, indent=1)}, "files": {{\n{lines}\n}}}}\n')
    print(f"{len(FILES)} files, {total} bytes, Pillow {PIL.__version__}", file=sys.stderr)


main()
