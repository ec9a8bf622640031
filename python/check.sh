#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment with ONNX Runtime, and runs the package's tests there.
#
# usage: python/check.sh FOLDER    (virtual environments are put there)
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
work=$(cd "$1" && pwd)

rm -rf "$work/wheels" "$work/empty"
python3 python/build.py --out "$work/wheels"
python3 -m venv "$work/empty"
python="$work/empty/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check "$work"/wheels/*.whl
# It needs NumPy and nothing else.
"$python" -c 'import prep_onnx, numpy; prep_onnx.Pipeline.from_preset("clip")(numpy.zeros((9, 9, 3), numpy.uint8))'
"$work/empty/bin/prep-onnx" --version
"$python" -m pip install --quiet --disable-pip-version-check onnxruntime pytest
PREP_REQUIRE=onnxruntime "$python" -m pytest python/tests/test_docs.py -k readme
"$python" -m pip install --quiet --disable-pip-version-check onnx pillow mypy "pyright[nodejs]" "tritonclient[grpc]"
PREP_REQUIRE=onnxruntime,onnx,tritonclient,mypy,pyright,pillow "$python" -m pytest python/tests
