pragma circom 2.1.6;

include "lib/rounding.circom";

// RoundHalfUp with the range check that it leaves to its caller: 16 bits of which 8 are rounded away.
template Rounded() {
    signal input in;
    signal output out;

    out <== RoundHalfUp(8)(in);
    RangeCheck(8)(out + BIAS(8));
}

component main = Rounded();
