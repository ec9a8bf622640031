#!/usr/bin/env python3
"""Builds the op library and the wheel around it: build.py [--target TRIPLE] [--out FOLDER] [--zig].

Needs Rust; maturin comes from pip into a virtual environment below the target folder, unless it is installed. The wheel lies in
FOLDER, by default target/wheels.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGE = HERE / "prep_onnx"
LIBRARIES = ("libprep_onnx_op.so", "libprep_onnx_op.dylib", "prep_onnx_op.dll")
#: An index that carries the wheel refuses larger ones long after users do.
MOST_BYTES = 12_000_000


def run(*command: object, **environment: str) -> None:
    print("+", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT, env={**os.environ, **environment})


def target_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def maturin() -> list[str]:
    """The command, from a virtual environment of ours where there is none."""
    if found := shutil.which("maturin"):
        return [found]
    folder = target_folder() / "maturin"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        venv.create(folder, with_pip=True)
        run(python, "-m", "pip", "install", "--quiet", "maturin>=1.9.4,<2")
    return [str(python), "-m", "maturin"]


def op_library(target: str | None, zig: bool) -> pathlib.Path:
    """Builds the op library as it is shipped."""
    cargo = ["cargo", "rustc", "--quiet", "--profile", "shipped", "-p", "prep-onnx-op", "--lib", "--crate-type", "cdylib"]
    if zig:
        # The oldest glibc that wheels of manylinux2014 may ask for.
        cargo[1:2] = ["zigbuild"]
        cargo = [word for word in cargo if word not in ("--crate-type", "cdylib")]
    triple = f"{target}.2.17" if zig and target and target.endswith("linux-gnu") else target
    run(*cargo, *(["--target", triple] if triple else []))
    folder = target_folder() / (target or "") / "shipped"
    for name in LIBRARIES:
        if (folder / name).is_file():
            return folder / name
    sys.exit(f"no op library in {folder}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--target", help="a target of rustc, for another machine")
    arguments.add_argument("--out", type=pathlib.Path, help="where the wheel goes")
    arguments.add_argument("--zig", action="store_true", help="link with zig, for the oldest systems that the wheel may run on")
    given = arguments.parse_args()
    out = given.out or target_folder() / "wheels"
    library = op_library(given.target, given.zig)
    for name in LIBRARIES:
        (PACKAGE / name).unlink(missing_ok=True)
    # What an import from the source folder finds, which is no part of a wheel.
    for left in PACKAGE.glob("_native.*.so"):
        left.unlink()
    shutil.copy2(library, PACKAGE / library.name)
    command = [*maturin(), "build", "--release", "--manifest-path", HERE / "Cargo.toml", "--out", out]
    command += ["--target", given.target] if given.target else []
    command += ["--zig"] if given.zig else ["--compatibility", "linux"]
    before = set(out.glob("*.whl")) if out.is_dir() else set()
    started = {path: path.stat().st_mtime_ns for path in before}
    run(*command)
    written = [path for path in out.glob("*.whl") if started.get(path) != path.stat().st_mtime_ns]
    for wheel in written:
        size = wheel.stat().st_size
        print(f"{wheel} {size:,} bytes")
        if size > MOST_BYTES:
            sys.exit(f"{wheel.name} is larger than {MOST_BYTES:,} bytes")


if __name__ == "__main__":
    main()
