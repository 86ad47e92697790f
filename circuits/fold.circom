pragma circom 2.2.0;

include "lib/segment.circom";

// Fold: the partial sum after is the one before plus every update in the segment.
//
// Public inputs, in this order: partialBefore, segmentDigest, partialAfter.
// What each private value may be: see Segment and Partial.
template Fold(SLOTS, FEATURES, X_FRAC) {
    var WEIGHTS = FEATURES + 1;
    input RoundUpdates(SLOTS, WEIGHTS) updates;
    signal input nextBlinding;
    signal output partialBefore;
    signal output segmentDigest;
    signal output partialAfter;

    component segment = Segment(SLOTS, WEIGHTS, X_FRAC);
    segment.updates <== updates.segment;
    segmentDigest <== segment.digest;

    component partial = Partial(WEIGHTS, X_FRAC);
    partial.opened <== updates.partial;
    partialBefore <== partial.commitment;

    component next = SecretHash(WEIGHTS + 2, TAG_PARTIAL(), X_FRAC);
    next.items[0] <== nextBlinding;
    next.items[1] <== segment.count + partial.count;
    for (var k = 0; k < WEIGHTS; k++) {
        next.items[k + 2] <== segment.sum[k] + partial.sum[k];
    }
    partialAfter <== next.out;
}
