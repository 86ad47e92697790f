pragma circom 2.1.6;

include "fixed_point.circom";

// RoundHalfUp: out = floor((in + 2^(DROPPED-1)) / 2^DROPPED), signed; in 2^-DROPPED where DROPPED is 0 or less.
//
// in     |in + 2^(DROPPED-1)| < 2^252, by the caller's bound table
// out    in [-2^(BITS-1), 2^(BITS-1)) with BITS + DROPPED <= 253, enforced by the caller
// Sound  in + 2^(DROPPED-1) = out 2^DROPPED + rest, where both sides are below 2^252 < FIELD_ORDER / 2 in magnitude:
//        equal mod FIELD_ORDER means equal, and the rest in [0, 2^DROPPED) makes the quotient unique
template RoundHalfUp(DROPPED) {
    assert(-252 < DROPPED && DROPPED < 252);
    signal input in;
    signal output out;

    if (DROPPED > 0) {
        var HALF = 1 << (DROPPED - 1);
        // the hint shifts a positive number: 2^252 more, a multiple of 2^DROPPED
        out <-- ((in + HALF + (1 << 252)) >> DROPPED) - (1 << (252 - DROPPED));
        RangeCheck(DROPPED)(in + HALF - out * (1 << DROPPED));
    } else {
        out <== in * (1 << -DROPPED);
    }
}
