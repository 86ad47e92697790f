pragma circom 2.1.6;

include "fixed_point.circom";
include "sigmoid_constants.circom";

// Bits of z are rounded away to reach the polynomials' unit 2^SIGMOID_UNIT_LOG2 / SIGMOID_UNIT_DIVISOR.
function SIGMOID_DROPPED_BITS(Z_FRAC) { return Z_FRAC + SIGMOID_UNIT_LOG2(); }

// RoundedMagnitude: |z| rounded, half down, to T = 16 bits of the polynomials' unit; larger |z| are told, not refused.
//
// z        signed integer of Z_FRAC fractional bits, |z| <= Z_MAX, by the caller's bound table
// active   0 or 1, enforced by the caller
// T        [0, 2^SIGMOID_INPUT_BITS), enforced here
// inside   1 where |z| fits T, else 0
// overflow what does not fit T, in units of 2^SIGMOID_INPUT_BITS
// sign     +1 or -1 where active, else 0; either one where T = 0 and inside, where the hint is +1
// Sound  sign^2 = active leaves +1 and -1 where active. The magnitude, in units of 1 / UNIT_DIVISOR and with the
//        rounding offset 2^(D-1) - 1, must fit MAGNITUDE_BITS, far below FIELD_ORDER: the wrong sign gives a
//        negative number, refused, unless UNIT_DIVISOR |z| <= 2^(D-1) - 1; then T = 0 under both signs.
//        (An offset of 2^(D-1) would leave two results at one z.)
//        T and its overflow are unique: each part of the decomposition is range-checked.
template RoundedMagnitude(Z_MAX, Z_FRAC) {
    signal input z;
    signal input active;
    signal output T;
    signal output inside;
    signal output overflow;
    signal output sign;

    var DROPPED = SIGMOID_DROPPED_BITS(Z_FRAC);
    var INPUT = SIGMOID_INPUT_BITS();
    var OFFSET = (1 << (DROPPED - 1)) - 1;
    var MAGNITUDE_BITS = BIT_LENGTH(Z_MAX * SIGMOID_UNIT_DIVISOR() + OFFSET);
    assert(MAGNITUDE_BITS > DROPPED + INPUT && MAGNITUDE_BITS < 200);

    // the smallest |z| whose T is not 0
    var LEAST = ((1 << DROPPED) - OFFSET + SIGMOID_UNIT_DIVISOR() - 1) \ SIGMOID_UNIT_DIVISOR();
    sign <-- active == 0 ? 0 : (z + LEAST - 1 < 0 ? -1 : 1);
    sign * sign === active;
    signal magnitude <== sign * (SIGMOID_UNIT_DIVISOR() * z) + OFFSET;

    signal dropped <-- magnitude & ((1 << DROPPED) - 1);
    T <-- (magnitude >> DROPPED) & ((1 << INPUT) - 1);
    overflow <-- magnitude >> (DROPPED + INPUT);
    magnitude === dropped + T * (1 << DROPPED) + overflow * (1 << (DROPPED + INPUT));
    RangeCheck(DROPPED)(dropped);
    RangeCheck(INPUT)(T);
    RangeCheck(MAGNITUDE_BITS - DROPPED - INPUT)(overflow);
    inside <== IsZero()(overflow);
}

// Tanh: out = P(T), which over 2^SIGMOID_SCALE_BITS approximates 2 sigma(|z|) - 1 = tanh(|z| / 2) within 2 * 5e-5; one value
// for all |z| that do not fit T.
//
// T, inside   as in RoundedMagnitude
// out         [0, 2^172), P(0) = 0
template Tanh() {
    signal input T;
    signal input inside;
    signal output out;

    // Knuth's and Eve's form, tools/design_sigmoid.py: one gate for the square, one for each factor
    var FACTORS = 5;
    signal square <== (T - SIGMOID_CENTRE()) * (T - SIGMOID_CENTRE());
    signal u[FACTORS];
    var previous = SIGMOID_LEAD() * (T - SIGMOID_CENTRE()) + SIGMOID_OFFSET();
    for (var i = 0; i < FACTORS; i++) {
        u[i] <== previous * (square - SIGMOID_ALPHA(i)) + SIGMOID_BETA(i);
        previous = u[i];
    }
    out <== (u[FACTORS - 1] - SIGMOID_SATURATED()) * inside + SIGMOID_SATURATED();
}

// Sigmoid: out = sign(z) P(|z|), see Tanh, for every z; out = 0 where active = 0.
//
// z, active   as in RoundedMagnitude
// out         |out| <= max(P, saturated) < 2^172
// Sound       P(0) = 0 makes the sign irrelevant where T = 0, the only place where it is free
template Sigmoid(Z_MAX, Z_FRAC) {
    signal input z;
    signal input active;
    signal output out;

    signal (T, inside, overflow, sign) <== RoundedMagnitude(Z_MAX, Z_FRAC)(z, active);
    signal value <== Tanh()(T, inside);
    out <== sign * value;
}
