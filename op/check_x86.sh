#!/bin/sh
# The levels of x86-64 processors that have no more than they take: runs the random cases of the op's exact suite under qemu as
# Nehalem (SSE4.1) and as Haswell (AVX2). An instruction that a level must not use ends it. Set PREP_CASES for more of them (100).
#     op/check_x86.sh
# On Debian it installs qemu where it is missing. Where it cannot run it says so; with PREP_REQUIRE=x86 it fails.
set -eu
cd "$(dirname "$0")/.."

skip() {
    echo "skipped: op/check_x86.sh: $1" >&2
    case ",${PREP_REQUIRE:-}," in
        *,x86,*) exit 1 ;;
        *) exit 0 ;;
    esac
}

[ "$(uname -m)" = x86_64 ] || skip "this is no x86-64 processor"
command -v qemu-x86_64 >/dev/null || { apt-get update -qq && apt-get install -y -qq qemu-user; } >/dev/null 2>&1 || true
command -v qemu-x86_64 >/dev/null || skip "no qemu-x86_64 (package qemu-user)"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
cargo test --release -q -p prep-onnx-op --test exact --no-run
for processor in Nehalem:sse41 Haswell:avx2; do
    level=${processor#*:}
    CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER="qemu-x86_64 -cpu ${processor%:*}" PREP_CASES=${PREP_CASES:-100} PREP_REQUIRE=$level \
        cargo test --release -q -p prep-onnx-op --test exact -- --nocapture random >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
    echo "$processor: $(grep 'outputs compared' "$log")"
done
