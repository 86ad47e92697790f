#!/bin/sh
# Builds the fuzzer of the native module's readers, native/target/fuzz/fuzz: `native/fuzz/build.sh`.
#
# libFuzzer is compiled from C++, and told of branches and comparisons by LLVM, whose pass any Rust has. Ends with 3 and
# one line where Rust, a C++ compiler or the crates are missing. CARGO and CARGO_TARGET_DIR are honoured.
set -eu

cd "$(dirname "$0")"
cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-$PWD/../target}/fuzz
log=$(mktemp)
trap 'rm -f "$log"' EXIT

missing() {
    echo "fuzzer of the native module not built: $1" >&2
    exit 3
}

command -v "$cargo" >/dev/null 2>&1 || missing "cargo was not found"
command -v "${CXX:-c++}" >/dev/null 2>&1 || missing "a C++ compiler was not found"
export RUSTC_WRAPPER="$PWD/instrumented.sh"
if ! "$cargo" build --release --locked --target-dir "$target" >"$log" 2>&1; then
    if grep -qE 'failed to (download|get|fetch|load source)|[Cc]ould not resolve|spurious network|[Uu]nable to update|no matching package' "$log"; then
        missing "its crates cannot be downloaded"
    fi
    tail -n 40 "$log" >&2
    exit 1
fi
ln -sf release/fuzz "$target/fuzz"
