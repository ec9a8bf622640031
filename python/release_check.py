#!/usr/bin/env python3
"""Checks what release.py wrote for a target, without running it: release_check.py TARGET FILE…

A wheel has the extension module, the command line and one op library in it, an archive the program and the op library. All are for
the target's processor, have the names that hosts look up, and ask the system for nothing that is not on every one of its kind: no
other libraries, no newer glibc or macOS, no code without a signature where macOS runs none. Needs lief, which reads all formats.
"""

import pathlib
import re
import sys
import tarfile
import zipfile

import lief

#: What every system of the kind has. Of glibc, what manylinux2014 allows.
LIBRARIES = {
    "linux-gnu": r"lib(c|m|dl|rt|gcc_s|pthread)\.so\.\d|ld-linux-[a-z0-9-]+\.so\.\d",
    "linux-musl": r"libc(\.musl-[a-z0-9_]+)?\.so(\.1)?",
    "windows-gnu": r"(?i:kernel32|ntdll|advapi32|bcryptprimitives|ws2_32|userenv|shell32|ole32|msvcrt|python3|api-ms-win-(core|crt)-[a-z0-9-]+)\.dll",
    "apple-darwin": r"/usr/lib/lib(System\.B|iconv\.2|charset\.1)\.dylib|/System/Library/Frameworks/CoreFoundation\.framework/Versions/A/CoreFoundation",
}
#: The op library, the extension module, the program.
NAMES = {
    "linux": ("libprep_onnx_op.so", "_native.abi3.so", "prep-onnx"),
    "windows": ("prep_onnx_op.dll", "_native.pyd", "prep-onnx.exe"),
    "apple": ("libprep_onnx_op.dylib", "_native.abi3.so", "prep-onnx"),
}
PROCESSORS = {
    "x86_64": (lief.ELF.ARCH.X86_64, lief.PE.Header.MACHINE_TYPES.AMD64, lief.MachO.Header.CPU_TYPE.X86_64),
    "aarch64": (lief.ELF.ARCH.AARCH64, lief.PE.Header.MACHINE_TYPES.ARM64, lief.MachO.Header.CPU_TYPE.ARM64),
}
#: The newest that may be asked for.
GLIBC, MACOS = (2, 17), (11, 0)


class Wrong(Exception):
    """What is wrong with a file."""


def files(path: pathlib.Path) -> dict[str, bytes]:
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            return {member.name: stream.read() for member in archive if (stream := archive.extractfile(member))}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def only(inside: dict[str, bytes], name: str) -> bytes:
    found = [path for path in inside if path.rsplit("/", 1)[-1] == name]
    if len(found) != 1:
        raise Wrong(f"has {len(found)} files {name}: expected one")
    return inside[found[0]]


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))


def exported(binary: object) -> set[str]:
    if isinstance(binary, lief.PE.Binary):
        return {entry.name for entry in binary.get_export().entries} if binary.has_exports else set()
    # Of Mach-O, names have an underscore before them.
    prefix = "_" if isinstance(binary, lief.MachO.Binary) else ""
    return {str(symbol.name).removeprefix(prefix) for symbol in binary.exported_symbols}


def check_binary(target: str, name: str, data: bytes, symbol: str | None) -> None:
    binary = lief.parse(data)
    if isinstance(binary, lief.ELF.Binary):
        processor, needed = binary.header.machine_type, list(binary.libraries)
        asked = [aux.name for of in binary.symbols_version_requirement for aux in of.get_auxiliary_symbols()]
        newest = max((version(one) for one in asked if one.startswith("GLIBC_")), default=(0,))
        if newest > GLIBC:
            raise Wrong(f"{name} asks for glibc {'.'.join(map(str, newest))}: expected at most {'.'.join(map(str, GLIBC))}")
        is_format = "linux" in target
    elif isinstance(binary, lief.PE.Binary):
        processor, needed = binary.header.machine, [one.name for one in (*binary.imports, *binary.delay_imports)]
        is_format = "windows" in target
    elif isinstance(binary, lief.MachO.Binary):
        processor, needed = binary.header.cpu_type, [one.name for one in binary.libraries if one.command != lief.MachO.LoadCommand.TYPE.ID_DYLIB]
        oldest = tuple(binary.build_version.minos[:2]) if binary.has_build_version else tuple(binary.version_min.version[:2])
        if oldest > MACOS:
            raise Wrong(f"{name} asks for macOS {'.'.join(map(str, oldest))}: expected at most {'.'.join(map(str, MACOS))}")
        own = [one.name for one in binary.libraries if one.command == lief.MachO.LoadCommand.TYPE.ID_DYLIB]
        if any(not one.startswith("@rpath/") for one in own):
            raise Wrong(f"{name} is called {own[0]}: expected @rpath/ and its name")
        if not binary.has_code_signature:
            raise Wrong(f"{name} is not signed: macOS on arm64 ends it at once")
        is_format = "darwin" in target
    else:
        raise Wrong(f"{name} is no program or library")
    if not is_format or processor not in PROCESSORS[target.split("-")[0]]:
        raise Wrong(f"{name} is for another machine: got {type(binary).__module__} {processor}")
    allowed = next(pattern for system, pattern in LIBRARIES.items() if target.endswith(system))
    if foreign := [library for library in needed if not re.fullmatch(allowed, library)]:
        raise Wrong(f"{name} needs {', '.join(foreign)}, which not every system has")
    if symbol and symbol not in exported(binary):
        raise Wrong(f"{name} does not export {symbol}")
    print(f"  {name}: {len(data):,} bytes, needs {', '.join(needed) or 'nothing'}")


def check(target: str, path: pathlib.Path) -> None:
    print(path.name)
    inside = files(path)
    library, module, program = next(names for system, names in NAMES.items() if system in target)
    check_binary(target, library, only(inside, library), "RegisterCustomOps")
    if path.suffix == ".whl":
        check_binary(target, module, only(inside, module), "PyInit__native")
        if b"prep-onnx=prep_onnx.__main__:main" not in only(inside, "entry_points.txt").replace(b" ", b""):
            raise Wrong("has no command prep-onnx")
        only(inside, "py.typed")
    else:
        check_binary(target, program, only(inside, program), None)
    for name in ("LICENSE-APACHE", "LICENSE-MIT", "LICENSE-THIRD-PARTY"):
        only(inside, name)


def main() -> None:
    target, *paths = sys.argv[1:]
    for path in map(pathlib.Path, paths):
        try:
            check(target, path)
        except Wrong as error:
            sys.exit(f"{path.name}: {error}")


if __name__ == "__main__":
    main()
