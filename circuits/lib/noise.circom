pragma circom 2.1.6;

include "fixed_point.circom";

// Noise that a data owner adds to the rounded sums of an update, so that the sum over all nodes is differentially private
// (Dwork, McSherry, Nissim, Smith 2006). That it was drawn from a distribution nobody can see; that it is small is proven: a
// liar's noise moves no sum by more than the bound for each of its proofs.

// Sums that carry noise: all of them, or none where NOISE is 0.
function NOISES(COUNT, NOISE) { return NOISE > 0 ? COUNT : 0; }

// The largest magnitude of noise in a sum: 2^NOISE times 2^UNIT, the size that the sum is measured by.
function NOISE_BOUND(UNIT, NOISE) { return NOISE > 0 ? 1 << (NOISE + UNIT) : 0; }

// The largest NOISE: sums of 1,024 updates stay in their lanes.
function MAX_NOISE() { return 16; }

// BoundedNoise: noise[k] is in [-2^(NOISE + UNIT[k]), 2^(NOISE + UNIT[k])).
//
// noise   signed, any field element; drawn before and for one sum alone, which is the prover's own interest
// Sound   at most 2^81 in magnitude, so that the biased number is the only one in its range
template BoundedNoise(COUNT, UNIT, NOISE) {
    assert(0 < NOISE && NOISE <= MAX_NOISE());
    signal input noise[COUNT];

    for (var k = 0; k < COUNT; k++) {
        RangeCheck(NOISE + UNIT[k] + 1)(noise[k] + NOISE_BOUND(UNIT[k], NOISE));
    }
}
