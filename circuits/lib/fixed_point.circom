pragma circom 2.1.6;

// Number formats. A signed value of b bits is carried biased, as value + 2^(b-1) in [0, 2^b), because a range
// check wants an unsigned number and subtracting the bias inside a product costs no gate.
// Twin of twopm_zk/numbers/fixed_point.py; change both together.

function WEIGHT_BITS() { return 32; }
function WEIGHT_FRAC() { return 20; }

function LAMBDA_BITS() { return 24; }
function LAMBDA_FRAC() { return 12; }
function MATRIX_BITS() { return 48; }
function MATRIX_FRAC() { return 32; }
// of gradientBound, per row
function BOUND_BITS() { return 32; }
function BOUND_FRAC() { return 32; }
// of a prediction
function PREDICTION_FRAC() { return 16; }
// of a row count, and of the minimum of one
function COUNT_BITS() { return 32; }
// of a round's number and attempt, 32 bits each
function ROUND_BITS() { return 64; }
// Rows that one update can count: 2^20 updates of so many leave no lane of a packed sum.
function MAX_ROWS() { return 1023; }
// Signed base-4 digits of a component of a round's summed gradient, and of its row count.
function SUM_DIGITS() { return 41; }
function COUNT_DIGITS() { return 16; }

function BIAS(bits) { return 1 << (bits - 1); }

// Bits of the largest number <= bound (bound > 0).
function BIT_LENGTH(bound) {
    var bits = 0;
    while (bound > 0) {
        bits++;
        bound = bound >> 1;
    }
    return bits;
}

// Signed base-4 digits that hold every number up to largest, of either sign.
function SIGNED_DIGITS(largest) { return (BIT_LENGTH(largest) + 2) \ 2; }

// RangeCheck: in is in [0, 2^BITS).
// in     any field element
// Sound  base-4 digits d with d(d-1)(d-2)(d-3) = 0, checked as q (q + 2) = 0 for q = d (d - 3), and one bit
//        where BITS is odd; BITS <= 252 leaves one decomposition mod FIELD_ORDER
// Gates  BITS + ceil(BITS / 2) - 1
template RangeCheck(BITS) {
    assert(0 < BITS && BITS <= 252);
    signal input in;

    var DIGITS = BITS \ 2;
    signal digit[DIGITS];
    signal product[DIGITS];
    var sum = 0;
    for (var i = 0; i < DIGITS; i++) {
        digit[i] <-- (in >> (2 * i)) & 3;
        product[i] <== digit[i] * (digit[i] - 3);
        product[i] * (product[i] + 2) === 0;
        sum += digit[i] * (1 << (2 * i));
    }
    if (BITS % 2 == 1) {
        signal top <-- (in >> (BITS - 1)) & 1;
        top * (top - 1) === 0;
        sum += top * (1 << (BITS - 1));
    }
    in === sum;
}

// IsZero: out = 1 where in = 0, else 0.
// Sound  in != 0 forces out = 0 by the second constraint, in = 0 forces out = 1 by the first
template IsZero() {
    signal input in;
    signal output out;

    signal inverse <-- in == 0 ? 0 : 1 / in;
    out <-- in == 0 ? 1 : 0;
    in * inverse === 1 - out;
    in * out === 0;
}

// Signed base-4 digits of a count up to ROWS.
function ROWS_DIGITS(ROWS) { return SIGNED_DIGITS(ROWS); }
