#!/bin/sh
# The NEON kernels on any machine: cross-compiles the op's suites of both versions and the shared library for 64-bit ARM, runs
# the suites under qemu, and checks the library's exports and needs. Set PREP_CASES for more random cases.
#     op/check_neon.sh
# On Debian it installs what is missing. Where the target cannot be had it says so; with PREP_REQUIRE=neon it fails.
set -eu
cd "$(dirname "$0")/.."
target=aarch64-unknown-linux-gnu

skip() {
    echo "skipped: op/check_neon.sh: $1" >&2
    case ",${PREP_REQUIRE:-}," in
        *,neon,*) exit 1 ;;
        *) exit 0 ;;
    esac
}

need() {
    command -v "$1" >/dev/null && return
    { apt-get update -qq && apt-get install -y -qq "$2"; } >/dev/null 2>&1
    command -v "$1" >/dev/null
}

if [ "$(uname -m)" = aarch64 ]; then
    need readelf binutils || skip "no readelf"
    prefix=
else
    command -v rustup >/dev/null || skip "no rustup to add the target $target with"
    rustup target add "$target" >/dev/null 2>&1 || skip "rustup cannot add the target $target"
    need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu || skip "no aarch64-linux-gnu-gcc (package gcc-aarch64-linux-gnu)"
    need qemu-aarch64 qemu-user || skip "no qemu-aarch64 (package qemu-user)"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER="qemu-aarch64 -L /usr/aarch64-linux-gnu"
    prefix=aarch64-linux-gnu-
fi

# Emulated, a case takes some forty times as long.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
PREP_CASES=${PREP_CASES:-100} PREP_REQUIRE=neon \
    cargo test --release --target "$target" -p prep-onnx-op --test exact -- --nocapture >"$log" 2>&1 ||
    { cat "$log" >&2; exit 1; }
grep -E 'compared|^test result' "$log"
PREP_CASES=${PREP_CASES:-60} PREP_REQUIRE=neon \
    cargo test --release --target "$target" -p prep-onnx-op --test staged random_plans -- --nocapture >"$log" 2>&1 ||
    { cat "$log" >&2; exit 1; }
grep -E 'compared|^test result' "$log"

folder=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
cargo rustc --quiet --profile shipped --target "$target" -p prep-onnx-op --lib --crate-type cdylib
BINUTILS=$prefix op/tests/library.sh "$folder/$target/shipped/libprep_onnx_op.so"
