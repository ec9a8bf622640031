#!/bin/sh
# The level `vnni` in the encoding of AVX-VNNI, on x86-64 processors without it: runs the random cases of the op's exact suite with
# this one instruction emulated (tests/vex/emulate.c). Set PREP_CASES for more of them (50, a minute).
#     op/check_vex.sh
# Elsewhere it says that it is skipped; with PREP_REQUIRE=vex it fails.
set -eu
cd "$(dirname "$0")/.."

skip() {
    echo "skipped: op/check_vex.sh: $1" >&2
    case ",${PREP_REQUIRE:-}," in
        *,vex,*) exit 1 ;;
        *) exit 0 ;;
    esac
}

[ "$(uname -m)" = x86_64 ] || skip "this is no x86-64 processor"
grep -qw avx2 /proc/cpuinfo || skip "this processor lacks AVX2"
command -v gcc >/dev/null || skip "no gcc"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
gcc -O2 -Wall -Werror -shared -fPIC -o "$folder/emulate.so" op/tests/vex/emulate.c
# A folder of its own: what these flags make is of no use to other builds.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/vex" RUSTFLAGS="--cfg emulated_vex"
cargo test --release -p prep-onnx-op --test exact --no-run
PREP_CASES=${PREP_CASES:-50} PREP_REQUIRE=vnni LD_PRELOAD="$folder/emulate.so" \
    cargo test --release -q -p prep-onnx-op --test exact -- --nocapture random 2>"$folder/log" || {
    cat "$folder/log" >&2
    exit 1
}
grep -E "outputs compared|instructions emulated" "$folder/log"
grep -qE "[1-9][0-9]* instructions emulated" "$folder/log" ||
    skip "nothing was emulated: the processor has AVX-VNNI itself, and the suite runs it"
