#!/usr/bin/env python3
"""Builds the op library and the wheel around it: build.py [--out FOLDER] [--interpreter PYTHON].

Needs Rust; maturin comes from pip into a virtual environment below the target folder, unless it is installed. The wheel lies in
FOLDER, by default target/wheels, and runs on systems as new as this one. `release.py` builds those for others.

A wheel is for every CPython from 3.10 on, by its stable interface. One without the GIL has none: its wheel is for it alone, and is
built where such an interpreter is named.
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import venv
import zipfile

import apple
import third_party
import windows

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PACKAGE = HERE / "prep_onnx"
LIBRARIES = ("libprep_onnx_op.so", "libprep_onnx_op.dylib", "prep_onnx_op.dll")
LICENCES = ("LICENSE-APACHE", "LICENSE-MIT")
THIRD_PARTY = "LICENSE-THIRD-PARTY"
#: An index that carries the wheel refuses larger ones long after users do.
MOST_BYTES = 12_000_000
#: The oldest glibc that wheels of manylinux2014 may ask for, and the oldest macOS on arm64.
GLIBC, MACOS = "2.17", "11.0"


@dataclasses.dataclass(frozen=True)
class Machine:
    """For which machine is built, and how."""

    #: A target of rustc; this machine's own where there is none.
    target: str | None = None
    #: Whether zig links: for systems that this one is not, down to the oldest glibc.
    zig: bool = False
    #: The tag of the wheel's platform.
    compatibility: str = "linux"
    #: Whether the standard library is built, too, by a nightly Rust that has its source.
    std: bool = False
    #: The one interpreter that a wheel is for; every CPython by the stable interface where there is none.
    interpreter: str | None = None

    def environment(self) -> dict[str, str]:
        found = {}
        if self.zig and "linux" not in str(self.target):
            # zig keeps what nobody calls, nearly half of an extension module; rustc leaves it out where it sees all code at once.
            found["CARGO_PROFILE_RELEASE_LTO"] = "thin"
        if "darwin" in str(self.target):
            # Of the extension module; the program is a package with settings of its own in Cargo.toml, and cargo leaves it its symbols.
            found["CARGO_PROFILE_RELEASE_STRIP"] = "symbols"
            found["MACOSX_DEPLOYMENT_TARGET"] = MACOS
            if self.zig:
                found["RUSTFLAGS"] = f"{os.environ.get('RUSTFLAGS', '')} -L framework={apple.stubs(target_folder() / 'apple')}".strip()
        if self.std:
            found |= {"RUSTUP_TOOLCHAIN": "nightly", "CARGO_UNSTABLE_BUILD_STD": "std,panic_abort"}
        return found

    def linker(self) -> list[str]:
        """Options of cargo for linking, beside what zig's wrappers do."""
        return windows.linker(self.target, target_folder() / "windows") if self.zig and self.target and "windows" in self.target else []

    def build(self, profile: str, *arguments: str) -> pathlib.Path:
        """Runs cargo; the folder of what it built."""
        triple = f"{self.target}.{GLIBC}" if self.target and self.zig and self.target.endswith("linux-gnu") else self.target
        command = ["cargo-zigbuild" if self.zig else "cargo", "rustc", "--quiet", "--profile", profile, *arguments]
        environment = self.environment()
        if "cdylib" in arguments and self.target and self.target.endswith("musl"):
            # Where musl is linked statically, Rust makes no shared libraries.
            environment["RUSTFLAGS"] = f"{os.environ.get('RUSTFLAGS', '')} -C target-feature=-crt-static".strip()
        command += ["--target", triple] if triple else []
        command += self.linker()
        if "cdylib" in arguments and "darwin" in str(self.target):
            # Else the library is called by the path that it was built at.
            command += ["--", "-C", f"link-arg=-Wl,-install_name,@rpath/{LIBRARIES[1]}"]
        run(*command, **environment)
        return target_folder() / (self.target or "") / profile


def run(*command: object, **environment: str) -> None:
    print("+", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT, env={**os.environ, **environment})


def target_folder() -> pathlib.Path:
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def tools(name: str, *requirements: str) -> pathlib.Path:
    """The programs of a virtual environment of ours with these packages."""
    folder = target_folder() / name
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    # Written last, so that neither an install that was interrupted nor one of other packages counts.
    installed, wanted = folder / "installed.txt", "\n".join(requirements)
    if not installed.is_file() or installed.read_text(encoding="utf-8") != wanted:
        venv.create(folder, with_pip=True)
        run(programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements)
        installed.write_text(wanted, encoding="utf-8")
    return programs


def maturin() -> list[str]:
    """The command."""
    if found := shutil.which("maturin"):
        return [found]
    return [str(tools("maturin", "maturin>=1.9.4,<2") / "python"), "-m", "maturin"]


#: What an interpreter says of itself, as PyO3 reads it. The workspace has PyO3 look for none (`.cargo/config.toml`).
_CONFIG = """
import struct, sys, sysconfig
print("implementation=CPython")
print(f"version={sys.version_info[0]}.{sys.version_info[1]}")
print(f"pointer_width={8 * struct.calcsize('P')}")
print("shared=true")
print("suppress_build_script_link_lines=true")
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    print("build_flags=Py_GIL_DISABLED")
"""


def for_interpreter(interpreter: str) -> dict[str, str]:
    """The environment in which PyO3 builds for this interpreter alone."""
    said = subprocess.run([interpreter, "-c", _CONFIG], check=True, capture_output=True, text=True).stdout
    path = target_folder() / "pyo3.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(said, encoding="utf-8")
    return {"PYO3_CONFIG_FILE": str(path)}


def op_library(machine: Machine) -> pathlib.Path:
    """Builds the op library as it is shipped."""
    folder = machine.build("shipped", "-p", "prep-onnx-op", "--lib", "--crate-type", "cdylib")
    for name in LIBRARIES:
        if (folder / name).is_file():
            return folder / name
    sys.exit(f"no op library in {folder}")


def wheel(machine: Machine, library: pathlib.Path, out: pathlib.Path) -> pathlib.Path:
    """Builds the wheel with the op library `library` in it."""
    for name in LIBRARIES:
        (PACKAGE / name).unlink(missing_ok=True)
    # What an import from the source folder finds, which is no part of a wheel.
    for left in PACKAGE.glob("_native.*.so"):
        left.unlink()
    shutil.copy2(library, PACKAGE / library.name)
    for name in LICENCES:
        shutil.copy2(ROOT / name, HERE / name)
    (HERE / THIRD_PARTY).write_text(third_party.text(["prep-onnx-python", "prep-onnx-op"], machine.target), encoding="utf-8")
    command = [*maturin(), "build", "--release", "--manifest-path", HERE / "Cargo.toml", "--out", out]
    command += ["--target", machine.target] if machine.target else []
    command += ["--zig"] if machine.zig else []
    command += ["--compatibility", machine.compatibility, *machine.linker()]
    environment = machine.environment()
    if machine.interpreter:
        command += ["--interpreter", machine.interpreter, "--no-default-features"]
        environment |= for_interpreter(machine.interpreter)
    started = {path: path.stat().st_mtime_ns for path in out.glob("*.whl")}
    run(*command, **environment)
    (written,) = (path for path in out.glob("*.whl") if started.get(path) != path.stat().st_mtime_ns)
    with zipfile.ZipFile(written) as packed:
        inside = {name: packed.getinfo(name).file_size for name in packed.namelist()}
    if inside.get(f"prep_onnx/{library.name}") != library.stat().st_size:
        written.unlink()
        sys.exit(f"{written.name} has not the op library {library}")
    size = written.stat().st_size
    print(f"{written} {size:,} bytes")
    if size > MOST_BYTES:
        sys.exit(f"{written.name} is larger than {MOST_BYTES:,} bytes")
    return written


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=pathlib.Path, help="where the wheel goes")
    arguments.add_argument("--interpreter", help="the one Python that the wheel is for, such as one without the GIL")
    given = arguments.parse_args()
    machine = Machine(interpreter=given.interpreter)
    wheel(machine, op_library(machine), given.out or target_folder() / "wheels")


if __name__ == "__main__":
    main()
