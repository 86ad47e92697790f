pragma circom 2.1.6;

include "commitment.circom";
include "fixed_point.circom";

// ModelCommitment: H(TAG_MODEL, context, packed weights), recomputed by the contracts from published weights.
//
// context   any field element: see Context in policy.circom; opened only where a statement needs it
// weights   biased, [0, 2^WEIGHT_BITS), enforced here; the intercept is last
// Sound     range-checked weights make the packing injective, so `out` binds context and weights
template ModelCommitment(WEIGHTS) {
    signal input context;
    signal input weights[WEIGHTS];
    signal output out;

    var PER = 240 \ WEIGHT_BITS();
    var ELEMENTS = (WEIGHTS + PER - 1) \ PER;
    for (var k = 0; k < WEIGHTS; k++) {
        RangeCheck(WEIGHT_BITS())(weights[k]);
    }
    component pack = Pack(WEIGHTS, WEIGHT_BITS(), PER);
    pack.values <== weights;
    component hash = PublicHash(ELEMENTS + 1, TAG_MODEL(), WEIGHTS);
    hash.items[0] <== context;
    for (var k = 0; k < ELEMENTS; k++) {
        hash.items[k + 1] <== pack.packed[k];
    }
    out <== hash.out;
}
