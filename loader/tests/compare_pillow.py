"""Compares every file of some folders with Pillow 13 and prints a table by format.

    cargo build --release -p prep-onnx-loader --example digests
    python loader/tests/compare_pillow.py target/release/examples/digests FOLDER... [--list]

Ours are the lines of the example `digests`; Pillow's are
`ImageOps.exif_transpose(Image.open(file)).convert("RGB")`. Columns: equal, other pixels, refused here only,
refused by Pillow only, refused by both. `--list` names the files of the middle three. The exit status is 1 when
any pixels differ, or when the decoder panicked.
"""

import collections
import hashlib
import multiprocessing
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps

COLUMNS = ("equal", "differ", "here only", "Pillow only", "both")


def pillow(path):
    """(height, width, digest), or the error."""
    warnings.simplefilter("ignore")
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        pixels = np.asarray(upright)
        return pixels.shape[0], pixels.shape[1], hashlib.sha256(pixels.tobytes()).hexdigest()
    except Exception as error:  # noqa: BLE001: Pillow raises many kinds
        return f"{type(error).__name__}: {error}"


def ours(binary, folder):
    """{path: (height, width, digest) or the error}, and what the decoder wrote to standard error."""
    run = subprocess.run([binary, folder], capture_output=True, text=True, errors="replace", check=False)
    results = {}
    for line in run.stdout.splitlines():
        parts = line.split("\t")
        if len(parts) == 4 and len(parts[3]) == 64:
            results[parts[0]] = (int(parts[1]), int(parts[2]), parts[3])
        elif len(parts) >= 3:
            results[parts[0]] = "\t".join(parts[1:])
    if run.returncode != 0:
        sys.exit(f"{binary} {folder}: exit {run.returncode}\n{run.stderr}")
    return results


def format_of(path):
    head = Path(path).open("rb").read(16)
    for name, magics in {
        "JPEG": [b"\xff\xd8\xff"], "PNG": [b"\x89PNG"], "GIF": [b"GIF8"], "BMP": [b"BM"], "WebP": [b"RIFF"],
        "TIFF": [b"II*\0", b"MM\0*", b"II\0*", b"MM*\0", b"II+\0", b"MM\0+"],
    }.items():
        if any(head.startswith(magic) for magic in magics):
            return name
    return "other"


def main():
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    binary, folders = arguments[0], arguments[1:]
    here = {}
    for folder in folders:
        here.update(ours(binary, folder))
    paths = sorted(here)
    with multiprocessing.Pool(2, maxtasksperchild=500) as pool:
        there = dict(zip(paths, pool.map(pillow, paths, chunksize=20)))
    table = collections.defaultdict(collections.Counter)
    listed = []
    panics = 0
    for path in paths:
        a, b = here[path], there[path]
        if isinstance(a, str) and "panicked" in a:
            panics += 1
        match (isinstance(a, tuple), isinstance(b, tuple)):
            case (True, True):
                column = "equal" if a == b else "differ"
            case (False, True):
                column = "here only"
            case (True, False):
                column = "Pillow only"
            case _:
                column = "both"
        table[format_of(path)][column] += 1
        if column not in ("equal", "both"):
            listed.append((column, path, a if isinstance(a, str) else "", b if isinstance(b, str) else ""))
    if "--list" in sys.argv:
        for entry in sorted(listed):
            print("\t".join(entry))
    print("format\t" + "\t".join(COLUMNS))
    for name, counts in sorted(table.items()):
        print(name + "\t" + "\t".join(str(counts[column]) for column in COLUMNS))
    print(f"{len(paths)} files, {panics} panics")
    differ = sum(counts["differ"] for counts in table.values())
    sys.exit(1 if differ or panics else 0)


if __name__ == "__main__":
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    main()
