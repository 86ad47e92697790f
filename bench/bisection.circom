pragma circom 2.2.0;

include "lib/commitment.circom";
include "lib/fixed_point.circom";

// Steps of a language model's computation, as docs/bisection.md would have a dispute end with them. Measured by
// bench/bisection.py, and part of no statement: no contract takes their proofs.

function TAG_ACTIVATIONS() { return 101; }
function TAG_WEIGHTS() { return 102; }
function TAG_SUMS() { return 103; }
function ACTIVATION_BITS() { return 21; } // from -2^19 to 2^19, biased
function FACTOR_BITS() { return 41; } // a float16 in units of 2^-24, biased
function CODE_BITS() { return 4; }
function BLOCK() { return 32; }

// Products: the sums of some rows of a matrix in Q4_1 times one vector, from one block of columns to another.
//
// activation   biased by 2^20, [0, 2^21), enforced here
// factor       d and m of a block, biased by 2^40, [0, 2^41), enforced here
// offset
// code         q, [0, 16), enforced here
// before       sums up to the first block, as whoever commits to them says; |before| < 2^53
// salt         of the activations and sums: what others cannot guess
// commitments  to the activations, the weights, and the sums before and after
// Sound        sums of products of 2^20, 2^45 and up to 2^11 columns stay below 2^80, far from FIELD_ORDER; what is packed is in its range, so
//              that a commitment opens in one way
template Products(ROWS, BLOCKS) {
    var COLUMNS = BLOCKS * BLOCK();
    var PER = 252 \ ACTIVATION_BITS();
    var BIASED = BIAS(ACTIVATION_BITS());
    var FACTOR = BIAS(FACTOR_BITS());
    signal input salt;
    signal input activation[COLUMNS];
    signal input factor[ROWS][BLOCKS];
    signal input offset[ROWS][BLOCKS];
    signal input code[ROWS][COLUMNS];
    signal input before[ROWS];
    signal output activations;
    signal output weights;
    signal output sums[2];

    for (var j = 0; j < COLUMNS; j++) {
        RangeCheck(ACTIVATION_BITS())(activation[j]);
    }
    signal packed[(COLUMNS + PER - 1) \ PER] <== Pack(COLUMNS, ACTIVATION_BITS(), PER)(activation);
    component hash = SecretHash(1 + (COLUMNS + PER - 1) \ PER, TAG_ACTIVATIONS(), 0);
    hash.items[0] <== salt;
    for (var k = 0; k < (COLUMNS + PER - 1) \ PER; k++) {
        hash.items[k + 1] <== packed[k];
    }
    activations <== hash.out;

    signal total[BLOCKS];
    for (var b = 0; b < BLOCKS; b++) {
        var sum = 0;
        for (var i = 0; i < BLOCK(); i++) {
            sum += activation[b * BLOCK() + i] - BIASED;
        }
        total[b] <== sum;
    }

    component ofWeights = SecretHash(ROWS * BLOCKS, TAG_WEIGHTS(), 0);
    component ofSums[2];
    for (var s = 0; s < 2; s++) {
        ofSums[s] = SecretHash(1 + ROWS, TAG_SUMS(), s);
        ofSums[s].items[0] <== salt;
    }
    signal product[ROWS][COLUMNS];
    signal scaled[ROWS][BLOCKS];
    signal shifted[ROWS][BLOCKS];
    for (var r = 0; r < ROWS; r++) {
        var sum = before[r];
        for (var b = 0; b < BLOCKS; b++) {
            RangeCheck(FACTOR_BITS())(factor[r][b]);
            RangeCheck(FACTOR_BITS())(offset[r][b]);
            var of = factor[r][b] + (1 << FACTOR_BITS()) * offset[r][b];
            var inner = 0;
            for (var i = 0; i < BLOCK(); i++) {
                var j = b * BLOCK() + i;
                RangeCheck(CODE_BITS())(code[r][j]);
                product[r][j] <== code[r][j] * (activation[j] - BIASED);
                inner += product[r][j];
                of += code[r][j] * (1 << (2 * FACTOR_BITS() + CODE_BITS() * i));
            }
            ofWeights.items[r * BLOCKS + b] <== of;
            scaled[r][b] <== inner * (factor[r][b] - FACTOR);
            shifted[r][b] <== total[b] * (offset[r][b] - FACTOR);
            sum += scaled[r][b] + shifted[r][b];
        }
        ofSums[0].items[r + 1] <== before[r];
        ofSums[1].items[r + 1] <== sum;
    }
    weights <== ofWeights.out;
    sums[0] <== ofSums[0].out;
    sums[1] <== ofSums[1].out;
}

// RoundedToEven: out is the nearest multiple of power, ties to even, divided by it.
//
// power        2^s with 0 < s <= DROPPED, enforced by the caller, once for a row
// in           |in| < 2^BITS, follows
// out          in [-2^(BITS - 1), 2^(BITS - 1)), enforced here
// Sound        both distances to the halves beside are not negative and add up to power; where one is 0, out is even
template RoundedToEven(BITS, DROPPED) {
    signal input in;
    signal input power;
    signal input out;

    signal rest <== in - out * power;
    RangeCheck(DROPPED + 1)(power + 2 * rest);
    RangeCheck(DROPPED + 1)(power - 2 * rest);
    signal tie <== IsZero()((power + 2 * rest) * (power - 2 * rest));
    signal odd <-- (out + BIAS(BITS)) & 1;
    odd * (odd - 1) === 0;
    signal half <-- (out + BIAS(BITS)) >> 1;
    2 * half + odd === out + BIAS(BITS);
    RangeCheck(BITS - 1)(half);
    tie * odd === 0;
}

// TableEntry: entry number `place` of a table of 2^DEPTH is `entry`.
template TableEntry(DEPTH) {
    signal input place;
    signal input entry;
    signal input beside[DEPTH];
    signal output root;

    signal right[DEPTH];
    signal left[DEPTH];
    component level[DEPTH];
    var node = entry;
    var sum = 0;
    for (var d = 0; d < DEPTH; d++) {
        right[d] <-- (place >> d) & 1;
        right[d] * (right[d] - 1) === 0;
        sum += right[d] * (1 << d);
        left[d] <== node + right[d] * (beside[d] - node);
        level[d] = Permutation(3);
        level[d].in[0] <== 0;
        level[d].in[1] <== left[d];
        level[d].in[2] <== node + beside[d] - left[d];
        node = level[d].out;
    }
    sum === place;
    root <== node;
}

// NormFactor: root = floor(sqrt(square)), factor = floor(WHOLE / root).
template NormFactor(WHOLE) {
    signal input square; // below 2^53, by the caller
    signal input root;
    signal input factor;

    RangeCheck(27)(root);
    RangeCheck(27)(factor);
    signal squared <== root * root;
    RangeCheck(28)(square - squared);
    RangeCheck(28)(squared + 2 * root - square);
    signal product <== factor * root;
    RangeCheck(27)(WHOLE - product);
    RangeCheck(27)(root - 1 - (WHOLE - product));
}
