#!/usr/bin/env bash
# Checks the embedded models in a browser, Chromium, in each build of onnxruntime-web: /wasm, /webgpu and /jspi. The GPU is one of
# software, which takes seconds for a session: too long for the gate. On Debian it installs what is missing; where Chromium cannot be
# had it says so, and with PREP_REQUIRE=chromium it fails.
#
# usage: tests/hosts/chromium.sh FOLDER [EVERY]    (packages and models are put there; only each EVERYth model, 5 if not given)
set -euo pipefail
cd "$(dirname "$0")/../.."
every=${2:-5}
mkdir -p "$1"
work=$(cd "$1" && pwd)

skip() {
  echo "skipped: tests/hosts/chromium.sh: $1" >&2
  case ",${PREP_REQUIRE:-}," in
    *,chromium,*) exit 1 ;;
    *) exit 0 ;;
  esac
}

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }
browser >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 || true
browser >/dev/null || skip "no chromium (package chromium)"
command -v npm >/dev/null || skip "no npm"

cargo build --release -p prep-onnx
cargo run --release --quiet -p prep-onnx-tests --example vectors -- "$work/vectors"
target=$(cargo metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')

repository=$PWD
cd "$work"
[ -f package.json ] || npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts onnxruntime-web puppeteer-core
node "$repository/tests/hosts/chromium.mjs" "$(browser)" "$target/release/prep-onnx" vectors "$every"
