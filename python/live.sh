#!/usr/bin/env bash
# Compares the installed package with transformers, timm, torchvision and open_clip live: 2 GB of them.
#
# usage: python/live.sh FOLDER    (virtual environments are put there)
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p "$1"
work=$(cd "$1" && pwd)

rm -rf "$work/wheels"
python3 python/build.py --out "$work/wheels"
[ -x "$work/live/bin/python" ] || python3 -m venv "$work/live"
python="$work/live/bin/python"
"$python" -m pip install --quiet --disable-pip-version-check --force-reinstall --no-deps "$work"/wheels/*.whl
"$python" -m pip install --quiet --disable-pip-version-check numpy onnxruntime onnx pytest pillow transformers timm torch torchvision open_clip_torch 'ray[data]'
"$python" python/tests/make_goldens.py --check
PREP_REQUIRE=onnxruntime,onnx,ray "$python" -m pytest python/tests_live
