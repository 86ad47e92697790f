pragma circom 2.1.9;

include "circomlib/circuits/bitify.circom";

// out = floor(in / 2^FRAC), signed; in [-2^(BITS-1), 2^(BITS-1)), enforced here.
template Rescale(BITS, FRAC) {
    assert(0 < FRAC && FRAC < BITS && BITS <= 253);
    signal input in;
    signal output out;

    var bias = 1 << (BITS - 1);
    signal bit[BITS] <== Num2Bits(BITS)(in + bias);

    var quotient = 0;
    for (var i = FRAC; i < BITS; i++) {
        quotient += bit[i] * (1 << (i - FRAC));
    }
    out <== quotient - (bias >> FRAC);
}
