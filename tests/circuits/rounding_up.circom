pragma circom 2.1.6;

include "lib/rounding.circom";

// RoundHalfUp where nothing is rounded: as many more bits, and none.
template NothingRounded() {
    signal input in;
    signal output out[2];

    out[0] <== RoundHalfUp(-8)(in);
    out[1] <== RoundHalfUp(0)(in);
}

component main = NothingRounded();
