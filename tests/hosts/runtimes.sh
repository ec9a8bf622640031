#!/usr/bin/env bash
# Checks standard ops for a known size (`--lower standard --image-size`) in runtimes that know neither the op library
# nor functions: OpenVINO's reader, tract, MNN, and the OpenVINO and QNN providers of ONNX Runtime. Too long for the gate.
#
# usage: tests/hosts/runtimes.sh FOLDER    (virtual environments and models are put there)
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
work=$(cd "$1" && pwd)

cargo build --release -p prep-onnx
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

failed=''
check() { # RUNTIME PACKAGE...: in an environment of its own, since packages bring ONNX Runtimes of their own
  local name=$1; shift
  [ -x "$work/$name/bin/python" ] || python3 -m venv "$work/$name"
  "$work/$name/bin/python" -m pip install --quiet --disable-pip-version-check numpy "$@"
  "$work/$name/bin/python" tests/hosts/runtimes.py "$name" "$work/models" || failed=yes
}

[ -x "$work/make/bin/python" ] || python3 -m venv "$work/make"
"$work/make/bin/python" -m pip install --quiet --disable-pip-version-check numpy onnx onnxruntime
"$work/make/bin/python" tests/hosts/runtimes.py make "$work/models" "$target/release/prep-onnx"
check openvino openvino
check tract tract
check mnn MNN
check openvino-provider onnxruntime-openvino
check qnn-provider onnxruntime onnxruntime-qnn
[ -z "$failed" ]
