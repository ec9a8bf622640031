#!/usr/bin/env python3
"""Builds a release: wheels, archives of the command line, SHA256SUMS.

    python/release.py [--out FOLDER] [--build-std] [TARGET…]

For each target a wheel with the op library in it, and an archive with the program, the op library, README and licences; they come
into FOLDER once `release_check.py` has found their parts to be there, for that target, and without needs that its systems may not
meet. zig links all of them, so one machine builds for the others; it, cargo-zigbuild, maturin and lief come from pip into a virtual
environment below the target folder. Rust has to have the target's standard library (`rustup target add TARGET`), or, with
--build-std, a nightly with the source of one (`rustup +nightly component add rust-src`), which is built then. A target that cannot
be built is said at the end, which is an error.

Archives have no times and no owners in them: equal inputs give equal bytes.
"""

import argparse
import gzip
import hashlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import third_party
from build import HERE, LICENCES, ROOT, THIRD_PARTY, Machine, op_library, run, target_folder, tools, wheel

#: Targets, and the tags of their wheels.
TARGETS = {
    "x86_64-unknown-linux-gnu": "manylinux2014",
    "aarch64-unknown-linux-gnu": "manylinux2014",
    "x86_64-unknown-linux-musl": "musllinux_1_2",
    "aarch64-unknown-linux-musl": "musllinux_1_2",
    "x86_64-pc-windows-gnu": "off",
    "aarch64-apple-darwin": "off",
}
#: The day that files in an archive of zip are of, which has to have one.
DAY = (1980, 1, 1, 0, 0, 0)


def has_std(target: str) -> bool:
    """Whether Rust has the standard library of this target."""
    asked = subprocess.run(["rustc", "--print", "target-libdir", "--target", target], capture_output=True, text=True)
    return asked.returncode == 0 and any(pathlib.Path(asked.stdout.strip()).glob("libstd-*"))


def program(machine: Machine) -> pathlib.Path:
    """Builds the command line."""
    folder = machine.build("release", "-p", "prep-onnx", "--bin", "prep-onnx")
    (found,) = (path for path in (folder / "prep-onnx", folder / "prep-onnx.exe") if path.is_file())
    return found


def packed_tar(path: pathlib.Path, folder: str, files: dict[str, tuple[bytes, bool]]) -> None:
    with path.open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", mtime=0, filename="") as zipped:
        with tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, (data, runs) in files.items():
                about = tarfile.TarInfo(f"{folder}/{name}")
                about.size, about.mode = len(data), 0o755 if runs else 0o644
                archive.addfile(about, io.BytesIO(data))


def packed_zip(path: pathlib.Path, folder: str, files: dict[str, tuple[bytes, bool]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, (data, runs) in files.items():
            about = zipfile.ZipInfo(f"{folder}/{name}", DAY)
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = (0o100755 if runs else 0o100644) << 16
            archive.writestr(about, data)


def archive(machine: Machine, version: str, binary: pathlib.Path, library: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Packs the command line."""
    target = machine.target
    folder = f"prep-onnx-{version}-{target}"
    texts = [(name, ROOT / name) for name in ("README.md", "CHANGELOG.md", *LICENCES)]
    files = {binary.name: (binary.read_bytes(), True), library.name: (library.read_bytes(), False)}
    files |= {name: (path.read_bytes(), False) for name, path in texts}
    files[THIRD_PARTY] = (third_party.text(["prep-onnx", "prep-onnx-op"], target).encode(), False)
    is_windows = "windows" in str(target)
    path = out / f"{folder}.{'zip' if is_windows else 'tar.gz'}"
    (packed_zip if is_windows else packed_tar)(path, folder, files)
    print(f"{path} {path.stat().st_size:,} bytes")
    return path


def version() -> str:
    text = (ROOT / "Cargo.toml").read_text(encoding="utf-8")
    found = re.search(r'\[workspace\.package\]\nversion = "([^"]+)"', text)
    return found[1] if found else sys.exit("Cargo.toml has no version")


def release(target: str, std: bool, out: pathlib.Path, python: pathlib.Path) -> None:
    """Builds what there is for a target; it lies in `out` once it is checked."""
    machine = Machine(target, zig=True, compatibility=TARGETS[target], std=std)
    library, binary = op_library(machine), program(machine)
    with tempfile.TemporaryDirectory(prefix=".unchecked-", dir=out) as folder:
        made = wheel(machine, library, pathlib.Path(folder))
        packed = archive(machine, version(), binary, library, pathlib.Path(folder))
        run(python, HERE / "release_check.py", target, made, packed)
        for path in (made, packed):
            path.replace(out / path.name)


def main() -> None:
    about, _, more = (__doc__ or "").partition("\n\n")
    arguments = argparse.ArgumentParser(description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("targets", nargs="*", metavar="TARGET", help=f"by default all: {', '.join(TARGETS)}")
    arguments.add_argument("--out", type=pathlib.Path, help="where everything goes; by default target/release-files")
    arguments.add_argument("--build-std", action="store_true", help="build the standard libraries that Rust lacks")
    given = arguments.parse_args()
    if unknown := [target for target in given.targets if target not in TARGETS]:
        arguments.error(f"unknown target {unknown[0]}: expected one of {', '.join(TARGETS)}")
    out = (given.out or target_folder() / "release-files").resolve()
    out.mkdir(parents=True, exist_ok=True)
    programs = tools("release-tools", "maturin>=1.13,<2", "cargo-zigbuild", "ziglang", "lief>=0.17")
    os.environ["PATH"] = os.pathsep.join([str(programs), os.environ.get("PATH", "")])
    failed: dict[str, str] = {}
    for target in given.targets or TARGETS:
        std = not has_std(target)
        if std and not given.build_std:
            failed[target] = f"Rust has no standard library for it: rustup target add {target}, or --build-std"
            continue
        try:
            release(target, std, out, programs / "python")
        except subprocess.CalledProcessError as error:
            failed[target] = f"{' '.join(map(str, error.cmd[:3]))} … ended with {error.returncode}"
        except SystemExit as error:
            failed[target] = str(error.code)
    # Of what an earlier run for other targets left there, too.
    packed = sorted(path for path in out.iterdir() if path.name.endswith((".whl", ".tar.gz", ".zip")))
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in packed]
    (out / "SHA256SUMS").write_text("".join(sums), encoding="utf-8", newline="\n")
    print("".join(sums), end="")
    for target, why in failed.items():
        print(f"not built: {target}: {why}", file=sys.stderr)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
