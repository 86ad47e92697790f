pragma circom 2.1.6;

include "circomlib/circuits/poseidon.circom";
include "../../circuits/lib/poseidon.circom";

// circomlib's Poseidon beside ours, for the widths in use.
template PoseidonTwins() {
    signal input in[3];
    signal output theirs[3];
    signal output ours[3];

    component reference[3];
    component permutation[3];
    for (var n = 1; n <= 3; n++) {
        reference[n - 1] = PoseidonEx(n, 1);
        permutation[n - 1] = Permutation(n + 1);
        reference[n - 1].initialState <== 7;
        permutation[n - 1].in[0] <== 7;
        for (var i = 0; i < n; i++) {
            reference[n - 1].inputs[i] <== in[i];
            permutation[n - 1].in[i + 1] <== in[i];
        }
        theirs[n - 1] <== reference[n - 1].out[0];
        ours[n - 1] <== permutation[n - 1].out;
    }
}

component main = PoseidonTwins();
