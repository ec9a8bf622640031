#!/usr/bin/env bash
# Checks the embedded models in other hosts: Python (ONNX Runtime 1.17, 1.23, newest), Node and WebAssembly.
#
# usage: tests/hosts/run.sh FOLDER    (virtual environments and packages are put there)
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p "$1"
work=$(cd "$1" && pwd)

cargo build --release -p prep-onnx
cargo rustc --profile shipped -p prep-onnx-op --lib --crate-type cdylib
cargo run --release --quiet -p prep-onnx-tests --example vectors -- "$work/vectors"
cargo run --release --quiet -p prep-onnx-tests --example answers -- "$work/answers"
cargo run --release --quiet -p prep-onnx-op --example reference_cases -- "$work/cases"
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

python() { # a virtual environment with these packages
  local name=$1; shift
  [ -x "$work/$name/bin/python" ] || python3 -m venv "$work/$name"
  "$work/$name/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}

library="$target/shipped/libprep_onnx_op.so"
sh op/tests/library.sh "$library"
[ "$(uname -m)" != x86_64 ] || python3 op/tests/codegen.py "$library"
for version in 1.17.3 1.23.2 newest; do
  case $version in
    newest) python newest onnxruntime onnx pillow numpy ;;
    *) python "$version" "onnxruntime==$version" 'onnx<1.17' 'numpy<2' ;;
  esac
  "$work/$version/bin/python" tests/hosts/check.py "$work/vectors"
  "$work/$version/bin/python" tests/hosts/check.py "$work/vectors" "$library"
  "$work/$version/bin/python" tests/hosts/answers.py "$work/answers"
  "$work/$version/bin/python" tests/hosts/answers.py "$work/answers" "$library"
  "$work/$version/bin/python" op/tests/python/op_library.py "$library" "$work/cases"
  "$work/$version/bin/python" op/tests/python/op_encoded.py "$library" "$target/release/prep-onnx"
done
"$work/newest/bin/python" tests/hosts/check_onnx.py "$work/vectors"
"$work/newest/bin/python" tests/hosts/check_onnx.py "$work/answers"
"$work/newest/bin/python" tests/parity/live_pillow.py "$target/release/prep-onnx"

(
  cd "$work"
  [ -f package.json ] || npm init --yes >/dev/null
  # Without its install script, onnxruntime-node has the CPU library alone, which is what is checked.
  npm install --silent --no-audit --no-fund --ignore-scripts onnxruntime-node onnxruntime-web
  node "$OLDPWD/tests/hosts/check.mjs" onnxruntime-node vectors 3
  node "$OLDPWD/tests/hosts/check.mjs" onnxruntime-web vectors 10
  node "$OLDPWD/tests/hosts/answers.mjs" onnxruntime-node answers
  node "$OLDPWD/tests/hosts/answers.mjs" onnxruntime-web answers
)
