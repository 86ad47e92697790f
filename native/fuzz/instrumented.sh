#!/bin/sh
# A compiler for cargo: `instrumented.sh rustc ARGUMENTS...`. libFuzzer is told of branches and comparisons in what reads
# files, by a pass of LLVM that every Rust has; arithmetic would be slower, and teach it nothing.
set -eu

case " $* " in
*" --crate-name twopm_zk_prover "* | *" --crate-name fuzz "* | *" --crate-name serde_json "*)
    pass="-Cllvm-args=-sanitizer-coverage"
    exec "$@" --cfg fuzzing -Cpasses=sancov-module $pass-level=4 $pass-inline-8bit-counters $pass-pc-table \
        $pass-trace-compares $pass-stack-depth
    ;;
esac
exec "$@"
