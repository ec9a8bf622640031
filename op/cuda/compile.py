#!/usr/bin/env python3
"""Compiles preprocess.cu to preprocess.ptx.zz, which is committed: no user needs a CUDA toolkit.

    python3 op/cuda/compile.py           writes preprocess.ptx.zz, the PTX in zlib's format
    python3 op/cuda/compile.py --check   compiles and compares; exit code 1 when the committed file holds another PTX
    python3 op/cuda/compile.py --text    prints the PTX in the committed file

Needs no GPU: NVRTC comes from the wheel below, installed into a temporary virtual environment, or into the
folder that --venv names, which is kept. Linux x86-64 only. The output is the same bytes every time.
"""
import argparse
import ctypes
import glob
import pathlib
import subprocess
import sys
import tempfile
import venv
import zlib

WHEEL = "nvidia-cuda-nvrtc-cu12==12.0.140"
# compute_70 is the oldest that CUDA 13 drivers still translate; fmad has no float code to change.
OPTIONS = ["--gpu-architecture=compute_70", "--std=c++17", "--fmad=false", "--restrict"]
HERE = pathlib.Path(__file__).resolve().parent


def install(folder):
    """The path of libnvrtc in a virtual environment in `folder`, made if absent."""
    pattern = str(folder / "lib/python3*/site-packages/nvidia/cuda_nvrtc/lib/libnvrtc.so.12")
    if not glob.glob(pattern):
        venv.create(folder, with_pip=True)
        subprocess.run([folder / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps",
                        "--disable-pip-version-check", WHEEL], check=True)
    return glob.glob(pattern)[0]


def compile_ptx(library, source, name):
    # libnvrtc looks its builtins up by name: load them first.
    for builtins in glob.glob(str(pathlib.Path(library).parent / "libnvrtc-builtins.so.*")):
        ctypes.CDLL(builtins, mode=ctypes.RTLD_GLOBAL)
    nvrtc = ctypes.CDLL(library)
    nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
    program = ctypes.c_void_p()

    def check(code):
        if code:
            raise RuntimeError(nvrtc.nvrtcGetErrorString(code).decode())

    def text(size_of, text_of):
        size = ctypes.c_size_t()
        check(size_of(program, ctypes.byref(size)))
        buffer = ctypes.create_string_buffer(size.value)
        check(text_of(program, buffer))
        return buffer.value

    check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, name.encode(), 0, None, None))
    options = [option.encode() for option in OPTIONS]
    code = nvrtc.nvrtcCompileProgram(program, len(options), (ctypes.c_char_p * len(options))(*options))
    log = text(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog).decode().strip()
    if log:
        print(log, file=sys.stderr)
    check(code)
    return text(nvrtc.nvrtcGetPTXSize, nvrtc.nvrtcGetPTX)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare with the committed file instead of writing it")
    parser.add_argument("--text", action="store_true", help="print the PTX in the committed file")
    parser.add_argument("--venv", type=pathlib.Path, help="keep the virtual environment here")
    arguments = parser.parse_args()
    source, target = HERE / "preprocess.cu", HERE / "preprocess.ptx.zz"
    if arguments.text:
        sys.stdout.buffer.write(zlib.decompress(target.read_bytes()))
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        library = install(arguments.venv or pathlib.Path(temporary))
        ptx = compile_ptx(library, source.read_bytes(), source.name)
    if not arguments.check:
        target.write_bytes(zlib.compress(ptx, 9))
        print(f"wrote {target.name}: {target.stat().st_size} bytes, {len(ptx)} of PTX")
        return 0
    # Compared as text: another zlib may find another form of the same bytes.
    if target.exists() and zlib.decompress(target.read_bytes()) == ptx:
        print(f"{target.name} is what {source.name} compiles to: {len(ptx)} bytes")
        return 0
    print(f"{target.name} is not what {source.name} compiles to: run op/cuda/compile.py and commit it", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
