#!/usr/bin/env bash
# What takes too long for the gate: fuzzing, and the op's suite under AddressSanitizer and Miri.
#
#   tests/nightly.sh [--seconds N] [--jobs N] [PART...]
#
# A PART is a fuzz target (the name of a file in tests/fuzz/targets), `fuzz` for all of them, `asan` or `miri`; all
# without one. Each target runs until it has had N seconds (600) of processor time, however busy the machine is,
# `--jobs` of them (1) at a time, under AddressSanitizer. What was reached is kept in target/fuzz/corpus for the next
# run, what was found in target/fuzz/artifacts. Ends with 1 where something was found, and where PREP_REQUIRE names a
# part that cannot run here.
set -euo pipefail
cd "$(dirname "$0")/.."
# A cache around the compiler need not know the flags of sanitizers.
export RUSTC_WRAPPER='' CARGO_TERM_COLOR=never CARGO_INCREMENTAL=0

seconds=600 jobs=1 parts=()
# Seconds that one input may take.
slowest=10
while [ $# -gt 0 ]; do
  case $1 in
    --seconds | --jobs) declare "${1#--}=${2:?$1 needs a number}"; shift 2 ;;
    -h | --help) sed -n '2,11s/^# \{0,1\}//p' "$0"; exit ;;
    *) parts+=("$1"); shift ;;
  esac
done
mapfile -t all < <(basename -s .rs tests/fuzz/targets/*.rs)
[ ${#parts[@]} -gt 0 ] || parts=(fuzz asan miri)
targets=() asan='' miri=''
for part in "${parts[@]}"; do
  case " fuzz asan miri ${all[*]} " in *" $part "*) ;; *)
    echo "nightly: $part is no part: expected fuzz, asan, miri or one of ${all[*]}" >&2
    exit 2 ;;
  esac
  case $part in
    fuzz) targets=("${all[@]}") ;;
    asan | miri) declare "$part=yes" ;;
    *) targets+=("$part") ;;
  esac
done

host=$(rustc -vV | sed -n 's/^host: //p')
target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")
failed=''

# cannot PART WHY
cannot() {
  echo "skipped: $1: $2"
  case ",${PREP_REQUIRE:-}," in *",$1,"*) failed=yes ;; esac
}

# A nightly compiler from rustup, or the one that is here with nightly's flags allowed.
nightly() {
  if rustup run nightly rustc -V >/dev/null 2>&1 ||
    rustup toolchain install nightly --profile minimal >/dev/null 2>&1; then
    RUSTUP_TOOLCHAIN=nightly "$@"
  else
    RUSTC_BOOTSTRAP=1 "$@"
  fi
}

# libFuzzer counts seconds of the clock, so it is run again until the user time reaches the number.
fuzz_one() {
  local target=$1 corpus=$fuzz/corpus/$1 artifacts=$fuzz/artifacts/$1 dictionary left
  # The files in a call of the encoded op are those that are decoded alone.
  dictionary=tests/fuzz/dict/${target/encoded/decode}.dict
  mkdir -p "$corpus" "$artifacts"
  : >"$fuzz/$target.log"
  : >"$fuzz/$target.time"
  while left=$((seconds - $(used "$target"))) && [ "$left" -gt 0 ]; do
    # 16 KiB: the largest seed.
    { TIMEFORMAT=%U && time TMPDIR=$scratch LSAN_OPTIONS=suppressions=$scratch/leaks \
      "$binaries/$target" "$corpus" "$seeds/$target" -dict="$dictionary" -max_total_time="$left" \
      -max_len=16384 -timeout="$slowest" -rss_limit_mb=2048 -artifact_prefix="$artifacts/" -print_final_stats=1 \
      >>"$fuzz/$target.log" 2>&1; } 2>>"$fuzz/$target.time" && continue
    forget_starved "$target" && continue
    echo "$target: ended early:" && grep -am 3 -E '^==|panicked|SUMMARY|ERROR' "$fuzz/$target.log" || tail -n 3 "$fuzz/$target.log"
    touch "$fuzz/$target.early"
    return
  done
  forget_starved "$target" || true
}

# forget_starved TARGET: deletes what was slow by the clock and is not by the processor; whether there was any
forget_starved() {
  local input starved=1
  while read -r input; do
    (ulimit -t "$slowest" && "$binaries/$1" "$input") >/dev/null 2>&1 || continue
    rm "$input"
    starved=0
  done < <(find "$fuzz/artifacts/$1" -type f -newer "$fuzz/started" \( -name 'timeout-*' -o -name 'slow-unit-*' \))
  return "$starved"
}

# used TARGET: whole seconds of user time so far
used() { awk '{ sum += $1 } END { print int(sum) }' "$fuzz/$1.time"; }

row() {
  local log=$fuzz/$1.log last executions seconds found
  last=$(grep -a 'cov: ' "$log" | tail -n 1)
  executions=$(awk '/^stat::number_of_executed_units:/ { sum += $2 } END { print sum + 0 }' "$log")
  seconds=$(used "$1")
  found=$(find "$fuzz/artifacts/$1" -type f -newer "$fuzz/started" | wc -l)
  # An early end without a kept input is one too.
  [ ! -e "$fuzz/$1.early" ] && [ "$executions" -gt 0 ] && [ "$found" -eq 0 ] || failed=yes
  printf '%-10s %9s %12s %9s %8s %8s %9s\n' "$1" "$seconds" "$executions" "$((executions / (seconds > 0 ? seconds : 1)))" \
    "$(sed -n 's/.*cov: \([0-9]*\).*/\1/p' <<<"$last")" "$(sed -n 's/.*ft: \([0-9]*\).*/\1/p' <<<"$last")" "$found"
}

if [ ${#targets[@]} -gt 0 ]; then
  fuzz=$target_dir/fuzz binaries=$target_dir/fuzz/$host/release
  command -v cargo-fuzz >/dev/null || cargo install --quiet --locked cargo-fuzz
  for target in "${targets[@]}"; do
    CARGO_TARGET_DIR=$fuzz nightly cargo fuzz build --fuzz-dir tests/fuzz "$target"
  done
  # Temporary files of a target in memory, where the system has such a folder.
  scratch=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
  trap 'rm -rf "$scratch"' EXIT
  seeds=$scratch/seeds
  # What a thread frees at its very end, seen while the thread is at it.
  printf 'leak:%s\n' __cxa_thread_atexit_impl >"$scratch/leaks"
  python3 tests/fuzz/seed.py "$seeds"
  touch "$fuzz/started"
  (cd "$fuzz" && rm -f "${targets[@]/%/.early}")
  for target in "${targets[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n || true; done
    fuzz_one "$target" &
  done
  wait
  printf '%-10s %9s %12s %9s %8s %8s %9s\n' target 'user s' executions exec/s cov ft findings
  for target in "${targets[@]}"; do row "$target"; done
  echo "panics in dependencies, which the loader makes an error of one image:"
  (cd "$fuzz" && grep -ah '^panic in a dependency: ' "${targets[@]/%/.log}" | sort -u | sed 's/^[^:]*: /  /') || echo "  none"
  find "$fuzz/artifacts" -type f -newer "$fuzz/started" -printf 'found: %p\n'
fi

if [ -n "$asan" ]; then
  echo "the op's suite under AddressSanitizer"
  CARGO_TARGET_DIR=$target_dir/asan RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address \
    CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true \
    cargo test --release --target "$host" -p prep-onnx-op || failed=yes
fi

if [ -n "$miri" ]; then
  echo "the op's exact suite under Miri"
  if rustup +nightly component add miri rust-src >/dev/null 2>&1; then
    # The floats are deterministic because reference and op must compute the same weights. The features choose AVX2.
    CARGO_TARGET_DIR=$target_dir/miri RUSTFLAGS=-Ctarget-feature=+avx2,+fma \
      MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-deterministic-floats" \
      cargo +nightly miri test -p prep-onnx-op --test exact || failed=yes
  else
    cannot miri "rustup has no Miri here (rustup +nightly component add miri rust-src)"
  fi
fi

[ -z "$failed" ]
