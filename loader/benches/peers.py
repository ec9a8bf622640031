"""Decode and load times of Pillow, libjpeg-turbo (simplejpeg, if installed) and this crate in one run.

    cargo build --release -p prep-onnx-loader --examples
    python loader/benches/peers.py TARGET/release/examples/load [FOLDER]

FOLDER (default: a temporary one) gets one JPEG per size and 512 small ones; the criterion bench reads the
sizes from there: PREP_BENCH_IMAGES=FOLDER/sizes cargo bench -p prep-onnx-loader. Needs Pillow and numpy.
"""

import io
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = ((500, 375), (1280, 720), (1920, 1080), (4000, 3000))


def scene(width, height, seed):
    """Octaves of noise under hard edges: about 2 bits per pixel at quality 90, as a photo has."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    cell = 256
    while cell >= 2:
        small = rng.normal(0, 1, (height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        for c in range(3):
            layer = Image.fromarray(small[..., c]).resize((width, height), Image.Resampling.BICUBIC)
            total[..., c] += np.asarray(layer) * (9.0 * cell**0.3)
        cell //= 2
    total += total.mean(axis=2, keepdims=True)
    y, x = np.mgrid[0:height, 0:width]
    total += (60 * ((x // 90 + y // 70) % 2))[..., None]
    return Image.fromarray(np.clip(total + 110, 0, 255).astype(np.uint8))


def make(folder):
    if (folder / "done").exists():
        return
    (folder / "sizes").mkdir(parents=True, exist_ok=True)
    (folder / "many").mkdir(exist_ok=True)
    (folder / "sixteen").mkdir(exist_ok=True)
    for width, height in SIZES:
        scene(width, height, width).save(folder / "sizes" / f"{width}x{height}.jpg", quality=90)
    for i in range(64):
        width, height = ((500, 375), (375, 500), (500, 333), (640, 480))[i % 4]
        data = io.BytesIO()
        scene(width, height, i).save(data, "JPEG", quality=90)
        for copy in range(8):
            (folder / "many" / f"{i + 64 * copy:03}.jpg").write_bytes(data.getvalue())
    for i in range(16):
        scene(512, 512, 900 + i).save(folder / "sixteen" / f"{i:02}.jpg", quality=90)
    (folder / "done").touch()


def best(work, rounds=15):
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def load_pillow(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def main():
    loader = sys.argv[1]
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp())
    make(folder)
    try:
        import simplejpeg
    except ImportError:
        simplejpeg = None
    print("decode alone, one thread, ms (best of 15)")
    for path in sorted((folder / "sizes").glob("*.jpg"), key=lambda p: p.stat().st_size):
        data = path.read_bytes()
        line = f"  {path.stem:>10} {8 * len(data) / np.prod([int(v) for v in path.stem.split('x')]):.2f} bpp"
        line += f"  Pillow {best(lambda: load_pillow(io.BytesIO(data))):.2f}"
        if simplejpeg:
            shape = simplejpeg.decode_jpeg(data, fastdct=False, fastupsample=False).shape
            out = np.empty(shape, np.uint8)
            turbo = best(lambda: simplejpeg.decode_jpeg(data, fastdct=False, fastupsample=False, buffer=out))
            line += f"  libjpeg-turbo {turbo:.2f}"
        timer = Path(loader).with_name("decode_time")
        ours = subprocess.run([timer, path], check=True, capture_output=True, text=True).stdout.split()
        print(f"{line}  exact {ours[-2]}  at least half the size {ours[-1]}")
    for name, threads in (("sixteen", 4), ("many", 2)):
        files = sorted((folder / name).glob("*.jpg"))
        with ThreadPoolExecutor(threads) as pool:
            pillow = len(files) / best(lambda: list(pool.map(load_pillow, files)), 5) * 1e3
        print(f"{len(files)} files, {threads} threads: Pillow pool {pillow:.0f} images/s")
        batch = "16" if name == "sixteen" else "32"
        for extra in ([], ["--fast", "256"]):
            command = [loader, str(folder / name), "--threads", str(threads), "--batch", batch, "--repeat", "64" if name == "sixteen" else "8", *extra]
            print(" ".join(extra) or "exact", subprocess.run(command, check=True, capture_output=True, text=True).stdout, sep="\n")


if __name__ == "__main__":
    main()
