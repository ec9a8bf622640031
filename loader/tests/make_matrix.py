"""Writes tests/corpus/matrix.bin and matrix.json: many tiny files of odd kinds, one after another, and what Pillow
makes of each.

Needs Pillow 13 and numpy. Deterministic: the same Pillow writes the same files.

    python tests/make_matrix.py

The files are those of `matrix/orientation.py`, `matrix/containers.py` and `matrix/restarts.py`, the odd ones of `matrix/tiff.py`, and
every 37th of its combinations; all combinations are compared by `compare_pillow.py`. matrix.json: name to
"offset" and "length" in matrix.bin, and "height", "width" and "sha256" of the RGB bytes, or "error" with the kind
of Pillow's exception. Entries with "plain" have the pixels of the same samples in the plainest form, because Pillow
is wrong about the file itself, for the reason that stands there.
"""

import hashlib
import io
import itertools
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import PIL
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parent / "matrix"))
import containers  # noqa: E402
import orientation  # noqa: E402
import restarts  # noqa: E402
import tiff  # noqa: E402

HERE = Path(__file__).parent / "corpus"


def files():
    for name, data in orientation.everything():
        yield f"orientation/{name}", data
    for name, data in containers.everything():
        yield f"containers/{name}", data
    for name, data in restarts.everything():
        yield f"restarts/{name}", data
    for name, data in tiff.odd():
        yield f"tiff/{name}", data
    for name, data in itertools.islice(tiff.matrix(), 0, None, 37):
        yield f"tiff/{name}", data


def pillow(data):
    try:
        with Image.open(io.BytesIO(data)) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except Exception as error:  # noqa: BLE001: Pillow raises many kinds
        return {"error": type(error).__name__}
    pixels = np.asarray(upright)
    return {"height": pixels.shape[0], "width": pixels.shape[1], "sha256": hashlib.sha256(pixels.tobytes()).hexdigest()}


def expected(name, data):
    """Pillow's pixels; where it is wrong, those of the same samples in their plain form."""
    group, short = name.split("/")
    if group == "tiff" and short[0] == "p" and short[1].isdigit() and (why := tiff.wrong_in_pillow(short)):
        plain = tiff.plain_name(short)
        return pillow(next(data for name, data in tiff.matrix() if name == plain)) | {"plain": why}
    return pillow(data)


def main():
    warnings.simplefilter("ignore")
    packed, entries = bytearray(), {}
    for name, data in files():
        assert name not in entries, name
        entries[name] = {"offset": len(packed), "length": len(data), **expected(name, data)}
        packed += data
    (HERE / "matrix.bin").write_bytes(packed)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items())
    (HERE / "matrix.json").write_text(f'{{"pillow": "{PIL.__version__}", "files": {{\n{lines}\n}}}}\n')
    print(f"{len(entries)} files, {len(packed)} bytes, Pillow {PIL.__version__}", file=sys.stderr)


main()
