pragma circom 2.2.0;

include "commitment.circom";

// OpenedUpdates: what opens the update commitments of one segment; a tag of names, which constrains nothing.
bus OpenedUpdates(SLOTS, WEIGHTS) {
    signal used[SLOTS];
    signal blinding[SLOTS];
    signal rows[SLOTS];
    signal gradient[SLOTS][WEIGHTS];
}

// PartialSum: what opens a partial sum; likewise.
bus PartialSum(WEIGHTS) {
    signal present;
    signal blinding;
    signal rows;
    signal gradient[WEIGHTS];
}

// RoundUpdates: everything that a statement about a round's sum opens.
bus RoundUpdates(SLOTS, WEIGHTS) {
    OpenedUpdates(SLOTS, WEIGHTS) segment;
    PartialSum(WEIGHTS) partial;
}

// Segment: the updates behind one segment's digest, and their sum.
//
// updates.used        0 or 1, enforced here; an unused slot leaves digest and sums alone
// updates.blinding, rows, gradient   open the update commitments
// digest      chain of Poseidon(previous, updateCommitment) over the used slots, from 0, which is no domain of another
//             hash; the contract keeps the same chain, so the used slots are exactly its updates, in its order
//             (the unit of the gradient, X_FRAC, is in their domain: updates of another unit do not open)
// Sound       rows and gradient are not range-checked: every commitment in the contract's digest was proven by `step`,
//             so that its rows and gradient are within the bounds of StepShape; another opening would be a collision
template Segment(SLOTS, WEIGHTS, X_FRAC) {
    input OpenedUpdates(SLOTS, WEIGHTS) updates;
    signal output digest;
    signal output count;
    signal output sum[WEIGHTS];

    signal digests[SLOTS + 1];
    signal appended[SLOTS];
    signal usedRows[SLOTS];
    signal usedGradient[SLOTS][WEIGHTS];
    component update[SLOTS];
    component append[SLOTS];
    digests[0] <== 0;
    var total = 0;
    for (var s = 0; s < SLOTS; s++) {
        updates.used[s] * (updates.used[s] - 1) === 0;
        update[s] = SecretHash(WEIGHTS + 2, TAG_UPDATE(), X_FRAC);
        update[s].items[0] <== updates.blinding[s];
        update[s].items[1] <== updates.rows[s];
        for (var k = 0; k < WEIGHTS; k++) {
            update[s].items[k + 2] <== updates.gradient[s][k];
            usedGradient[s][k] <== updates.used[s] * updates.gradient[s][k];
        }
        append[s] = Permutation(3);
        append[s].in[0] <== 0;
        append[s].in[1] <== digests[s];
        append[s].in[2] <== update[s].out;
        appended[s] <== append[s].out - digests[s];
        digests[s + 1] <== digests[s] + updates.used[s] * appended[s];
        usedRows[s] <== updates.used[s] * updates.rows[s];
        total += usedRows[s];
    }
    digest <== digests[SLOTS];
    count <== total;
    for (var k = 0; k < WEIGHTS; k++) {
        var component_k = 0;
        for (var s = 0; s < SLOTS; s++) {
            component_k += usedGradient[s][k];
        }
        sum[k] <== component_k;
    }
}

// Partial: a partial sum that earlier `fold` proofs vouch for; none at all is the commitment 0.
//
// opened.present   0 or 1, enforced here
// commitment   0 where absent, else H(TAG_PARTIAL, blinding, rows, sum)
// count, sum   0 where absent
// Sound        the contract gives the commitment: 0 leaves only present = 0 (but for a preimage of 0), any other
//              value only present = 1
template Partial(WEIGHTS, X_FRAC) {
    input PartialSum(WEIGHTS) opened;
    signal output commitment;
    signal output count;
    signal output sum[WEIGHTS];

    opened.present * (opened.present - 1) === 0;
    component hash = SecretHash(WEIGHTS + 2, TAG_PARTIAL(), X_FRAC);
    hash.items[0] <== opened.blinding;
    hash.items[1] <== opened.rows;
    for (var k = 0; k < WEIGHTS; k++) {
        hash.items[k + 2] <== opened.gradient[k];
        sum[k] <== opened.present * opened.gradient[k];
    }
    commitment <== opened.present * hash.out;
    count <== opened.present * opened.rows;
}

// RoundSum: all updates of a round, as the contract's updatesDigest names them: the partial sum so far and the
// last segment.
template RoundSum(SLOTS, WEIGHTS, X_FRAC) {
    input RoundUpdates(SLOTS, WEIGHTS) updates;
    signal output updatesDigest;
    signal output count;
    signal output sum[WEIGHTS];

    component segment = Segment(SLOTS, WEIGHTS, X_FRAC);
    segment.updates <== updates.segment;
    component partial = Partial(WEIGHTS, X_FRAC);
    partial.opened <== updates.partial;
    updatesDigest <== PublicHash(2, TAG_ROUND(), 0)([partial.commitment, segment.digest]);
    count <== segment.count + partial.count;
    for (var k = 0; k < WEIGHTS; k++) {
        sum[k] <== segment.sum[k] + partial.sum[k];
    }
}
