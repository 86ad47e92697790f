pragma circom 2.1.6;

// Two faults on purpose, for the tests of twopm_zk/circuit/soundness: `hint` has no constraint, and only the sum of
// `left` and `right` is pinned.
template Underconstrained() {
    signal input in;
    signal output out;

    signal hint <-- in + 1;
    signal left <-- in \ 2;
    signal right <-- in - in \ 2;
    left + right === in;
    signal used <== left * right;
    signal kept <== hint * 0 + used;
    out <== in * in + kept - used;
}

component main = Underconstrained();
