#!/bin/sh
# Builds the native prover and puts twopm_zk/_native.abi3.so into the checkout: `native/build.sh`.
#
# Incremental: seconds where nothing changed; otherwise a line every few seconds says where it is.
# Ends with 1 and one line where Rust or its crates are missing;
# the snarkjs backend then does the work. Field products use mulx and adx where this machine has them; such a
# build says so on machines without, instead of crashing. CARGO, CARGO_TARGET_DIR and PYTHON are honoured.
set -eu

cd "$(dirname "$0")"
cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-$PWD/target}
python=${PYTHON:-../.venv/bin/python}
command -v "$python" >/dev/null 2>&1 || python=python3
log=$(mktemp)
told=
trap 'rm -f "$log"; [ -z "$told" ] || kill "$told" 2>/dev/null' EXIT

fail() {
    echo "native prover not built: $1 (snarkjs will be used)" >&2
    exit 1
}

command -v "$cargo" >/dev/null 2>&1 || fail "cargo was not found; install Rust 1.89 or later"

features=""
if [ "$(uname -m)" = x86_64 ] && grep -qw adx /proc/cpuinfo 2>/dev/null && grep -qw bmi2 /proc/cpuinfo; then
    features="--features asm"
fi

while sleep 4 && kill -0 $$ 2>/dev/null; do
    echo "native prover: $(tail -n 1 "$log" | sed 's/^ *//')"
done &
told=$!

# shellcheck disable=SC2086  # two words or none
if ! "$cargo" build --release --locked -p twopm-zk-python $features --target-dir "$target" >"$log" 2>&1; then
    if grep -qE 'failed to (download|get|fetch|load source)|[Cc]ould not resolve|spurious network|[Uu]nable to update|no matching package' "$log"; then
        fail "its crates cannot be downloaded"
    fi
    tail -n 40 "$log" >&2
    fail "cargo build failed"
fi
kill "$told"
told=

built="$target/release/lib_native.so"
[ -f "$built" ] || built="$target/release/lib_native.dylib"
installed=../twopm_zk/_native.abi3.so
if ! cmp -s "$built" "$installed"; then
    # a new file: programs that run the old one keep it
    cp "$built" "$installed.tmp" && mv "$installed.tmp" "$installed"
fi
"$python" -c "
import importlib.machinery, importlib.util, sys
loader = importlib.machinery.ExtensionFileLoader('_native', '$installed')
module = importlib.util.module_from_spec(importlib.util.spec_from_loader('_native', loader))
loader.exec_module(module)
reason = module.unsupported()
sys.exit(reason)
" || fail "the extension cannot be loaded by $python"
echo "native prover built: twopm_zk/_native.abi3.so"
