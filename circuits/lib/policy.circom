pragma circom 2.2.0;

include "commitment.circom";
include "fixed_point.circom";

// Policy: what a model commitment binds besides the weights; a tag of names, which constrains nothing. See Context.
bus Policy() {
    signal taskKey;
    signal round;
    signal lambda;
    signal weightBound;
    signal minRows;
    signal matrixHash;
}

// Context: H(TAG_CONTEXT, taskKey, policy, matrixHash), what a model commitment binds besides the weights.
//
// taskKey, matrixHash   any field elements; the contract computes the context itself
// policy                minRows, weightBound, lambda and round in one element, lowest first
// minRows      [1, 2^COUNT_BITS]; the contract gives it 32 bits
// weightBound  [0, 2^WEIGHT_BITS)
// lambda       [0, 2^LAMBDA_BITS), LAMBDA_FRAC fractional
// round        [0, 2^ROUND_BITS): number and attempt
// Sound        all four are range-checked here and 152 bits are below FIELD_ORDER: the packing is injective
template Context() {
    input Policy() policy;
    signal output out;

    RangeCheck(COUNT_BITS())(policy.minRows - 1);
    RangeCheck(WEIGHT_BITS())(policy.weightBound);
    RangeCheck(LAMBDA_BITS())(policy.lambda);
    RangeCheck(ROUND_BITS())(policy.round);
    var packed = policy.round;
    packed = packed * (1 << LAMBDA_BITS()) + policy.lambda;
    packed = packed * (1 << WEIGHT_BITS()) + policy.weightBound;
    packed = packed * (1 << COUNT_BITS()) + policy.minRows;
    out <== PublicHash(3, TAG_CONTEXT(), 0)([policy.taskKey, packed, policy.matrixHash]);
}

// NextContext: the last block of the context that the next weights are committed under, which opens its step matrix.
//
// head         any field element: task, round and policy, which the contract puts there itself
// matrixHash   of the matrix in the rest of the statement
// Sound        the contract computes the context: another head or matrix for it would be a collision of Poseidon
template NextContext() {
    signal input head;
    signal input matrixHash;
    signal output out;

    component block = Permutation(3);
    block.in[0] <== 0;
    block.in[1] <== head;
    block.in[2] <== matrixHash;
    out <== block.out;
}

// WithinBound: |weight| <= bound for every weight.
// weights   biased, [0, 2^WEIGHT_BITS), enforced by ModelCommitment
// bound     [0, 2^WEIGHT_BITS), enforced by Context
// Sound     both differences are below 2^(WEIGHT_BITS+1) in magnitude, so a negative one is out of range
template WithinBound(WEIGHTS) {
    signal input weights[WEIGHTS];
    signal input bound;

    for (var i = 0; i < WEIGHTS; i++) {
        RangeCheck(WEIGHT_BITS() + 1)(bound - (weights[i] - BIAS(WEIGHT_BITS())));
        RangeCheck(WEIGHT_BITS() + 1)(bound + (weights[i] - BIAS(WEIGHT_BITS())));
    }
}

// AtLeast: count >= minimum.
// minimum   [1, 2^COUNT_BITS), enforced by Context
// count     signed, COUNT_DIGITS base-4 digits, enforced by OpenedSum
template AtLeast() {
    signal input count;
    signal input minimum;

    RangeCheck(COUNT_BITS())(count - minimum);
}

// StepMatrix: the hash of the symmetric step matrix P.
// upper     upper triangle by rows, biased, [0, 2^MATRIX_BITS), enforced here: packing binds only so
template StepMatrix(WEIGHTS) {
    var ENTRIES = WEIGHTS * (WEIGHTS + 1) \ 2;
    var PER = 240 \ MATRIX_BITS();
    var ELEMENTS = (ENTRIES + PER - 1) \ PER;
    signal input upper[ENTRIES];
    signal output hash;

    for (var i = 0; i < ENTRIES; i++) {
        RangeCheck(MATRIX_BITS())(upper[i]);
    }
    component pack = Pack(ENTRIES, MATRIX_BITS(), PER);
    pack.values <== upper;
    hash <== SecretHash(ELEMENTS, TAG_MATRIX(), WEIGHTS)(pack.packed);
}

// Index into the upper triangle of a symmetric WEIGHTS x WEIGHTS matrix.
function UPPER_INDEX(WEIGHTS, i, j) {
    var row = i < j ? i : j;
    var column = i < j ? j : i;
    return row * WEIGHTS - row * (row - 1) \ 2 + (column - row);
}
