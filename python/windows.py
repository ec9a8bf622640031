"""Linking for Windows by zig: what cargo-zigbuild and maturin ask of it, with a mend."""

import pathlib

#: maturin has every library of a build export `PyInit_prep_onnx._native`, the module's path, which none has: here the extension module
#: exports the function that it has, and nothing else, of which there would be more than a library may have; the others, what rustc
#: says.
_LINKER = """#!/bin/sh
case "$*" in
  *_native*.dll*) exports='{exports}' ;;
  *) exports= ;;
esac
for argument do
  shift
  case $argument in
    */prep_onnx._native.def) [ -z "$exports" ] || set -- "$@" "$exports" ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec cargo-zigbuild zig cc -- -s -fno-sanitize=all -target x86_64-windows-gnu "$@"
"""


def linker(target: str, folder: pathlib.Path) -> list[str]:
    """Writes the linker into the folder; the options of cargo that have it called."""
    folder.mkdir(parents=True, exist_ok=True)
    exports, path = folder / "native.def", folder / "linker.sh"
    exports.write_text("LIBRARY _native\nEXPORTS\n    PyInit__native\n", encoding="utf-8")
    path.write_text(_LINKER.format(exports=exports), encoding="utf-8")
    path.chmod(0o755)
    return ["--config", f'target.{target}.linker="{path}"']
