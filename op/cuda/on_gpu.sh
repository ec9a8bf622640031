#!/usr/bin/env bash
# Everything that needs a GPU, in two steps, since the machine with the GPU may have neither Rust nor a network:
#   op/cuda/on_gpu.sh pack FOLDER       builds test binary, library, cases and models into FOLDER
#   FOLDER/on_gpu.sh run [--record F]   on the machine with the GPU: level 1, compute-sanitizer, level 2, prep-onnx
# pack needs Rust and a Python with onnx and numpy; run needs bash, nvidia-smi and compute-sanitizer, and for level 2
# a Python with numpy and onnxruntime-gpu. PYTHON names the Python. In run, whatever is missing is a failure;
# `run --without-program` leaves out prep-onnx, for an onnxruntime-gpu that was cut down to its Python module.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python3}

pack() {
    local folder
    mkdir -p "$1"
    folder=$(cd "$1" && pwd)
    cd "$here/../.."
    cargo build --release -p prep-onnx-op
    cargo run --release -q -p prep-onnx-op --example reference_cases -- "$folder"
    cargo run --release -q -p prep-onnx-tests --example vectors -- "$folder/vectors"
    cargo build --release -p prep-onnx
    local target binary
    target=$(cargo metadata --format-version 1 --no-deps | "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
    cp "$target/release/libprep_onnx_op.so" "$target/release/prep-onnx" "$folder/"
    "$folder/prep-onnx" embed models/zoo/shapes-cnn.onnx -o "$folder/shapes-cnn.prep.onnx"
    cp -r models/demo "$folder/images"
    binary=$(cargo test --release -p prep-onnx-op --test cuda --no-run --message-format json |
        "$python" -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == "cuda": print(message["executable"])')
    cp "$binary" "$folder/cuda-tests"
    PYTHONPATH=op/tests/python "$python" - "$folder" <<'PYTHON'
import json, pathlib, sys
import onnx
from op_library import make_model
folder = pathlib.Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
for index, case in enumerate(cases):
    onnx.save(make_model(case), folder / f"{index}.onnx")
for index, case in enumerate(json.loads((folder / "timed.json").read_text())):
    onnx.save(make_model(case), folder / f"time-{index}.onnx")
PYTHON
    cp "$here/on_gpu.sh" "$here/on_gpu.py" tests/goldens/plans.json "$folder/"
    echo "packed $folder: $(du -sh "$folder" | cut -f1)"
}

run() {
    local program=yes
    [ "${1:-}" = --without-program ] && { program=no; shift; }
    export PREP_REQUIRE=cuda PREP_ONNX_PLANS="$here/plans.json"
    needs nvidia-smi "no NVIDIA driver on this machine" "it comes with the driver" "run this where a GPU is"
    needs compute-sanitizer "the kernel cannot be checked for races" "it comes with the CUDA toolkit" "put its folder on PATH"
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
    echo "== level 1: the driver API, against the scalar reference"
    "$here/cuda-tests" on_gpu --nocapture --test-threads=1
    echo "== compute-sanitizer"
    for tool in memcheck racecheck synccheck; do
        PREP_CASES=60 compute-sanitizer --tool "$tool" --error-exitcode 1 "$here/cuda-tests" --nocapture --test-threads=1 \
            on_gpu::gpu_random_cases on_gpu::gpu_layouts_types_orders_and_padding \
            on_gpu::gpu_random_plans on_gpu::gpu_resamplers_and_many_images
    done
    echo "== level 2: through ONNX Runtime"
    "$python" "$here/on_gpu.py" "$here" "$@"
    [ $program = yes ] || { echo "== all of it passed but prep-onnx, which was left out"; return; }
    echo "== prep-onnx --ep cuda"
    local runtime
    runtime=$("$python" -c 'import importlib.util as u; print(u.find_spec("onnxruntime").submodule_search_locations[0])')/capi
    "$here/prep-onnx" doctor --ep cuda --offline --runtime "$runtime"
    "$here/prep-onnx" verify "$here/shapes-cnn.prep.onnx" "$here/images" --ep cuda --offline --runtime "$runtime"
    echo "== all of it passed"
}

needs() { # program, what is wrong without it, why, what to do
    command -v "$1" >/dev/null && return
    printf 'error: %s: %s is not there\n  why: %s\n  fix: %s\n' "$2" "$1" "$3" "$4" >&2
    exit 1
}

case "${1:-}" in
    pack) pack "${2:?usage: on_gpu.sh pack FOLDER}" ;;
    run) shift; run "$@" ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
