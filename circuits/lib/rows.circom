pragma circom 2.1.6;

include "commitment.circom";
include "family.circom";
include "fixed_point.circom";

// Sizes, format and family of rows, in one number below 2^30: a commitment of one shape never opens as another.
function ROWS_SHAPE(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY) {
    assert(ROWS <= MAX_ROWS() && FEATURES < 128 && X_BITS < 32 && X_FRAC < 32 && FAMILY < 4);
    return (((FAMILY * 1024 + ROWS) * 128 + FEATURES) * 32 + X_BITS) * 32 + X_FRAC;
}

// Rows: H(TAG_DATA, salt, packed rows), their number, and which of them count.
//
// cells        biased, [0, 2^X_BITS), enforced here; value 0 in padding rows, enforced here. The features, and the label in
//              the last column where FAMILY has it there
// marks        +1 (y = 0), -1 (y = 1) or 0 (padding), enforced here by the cubic: a square alone would admit any mark whose
//              square is 0 or 1 of some other field element. Where the label is a cell, 1 or 0 (padding), enforced here
// active       marks^2: 1 for a row that counts, 0 for padding
// count        sum of active, never a hint; at least 1, enforced here: below FIELD_ORDER only 0 has no reciprocal
// commitment   an element holds CELL_LANES cells and, above bit 240, MARK_LANES marks of two bits; all lanes are
//              range-checked and 252 bits are below FIELD_ORDER, so the packing is injective
template Rows(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY) {
    var COLUMNS = FEATURES + LABEL_COLUMNS(FAMILY);
    signal input cells[ROWS][COLUMNS];
    signal input marks[ROWS];
    signal input salt;
    signal output active[ROWS];
    signal output count;
    signal output commitment;

    var sum = 0;
    for (var i = 0; i < ROWS; i++) {
        active[i] <== marks[i] * marks[i];
        if (LABEL_COLUMNS(FAMILY) == 0) {
            active[i] * marks[i] === marks[i];
        } else {
            active[i] === marks[i];
        }
        sum += active[i];
        for (var k = 0; k < COLUMNS; k++) {
            RangeCheck(X_BITS)(cells[i][k]);
            (cells[i][k] - BIAS(X_BITS)) * (1 - active[i]) === 0;
        }
    }
    count <== sum;
    signal reciprocal <-- 1 / count;
    count * reciprocal === 1;

    var CELL_LANES = 240 \ X_BITS;
    var MARK_LANES = 6;
    var BY_CELLS = (ROWS * COLUMNS + CELL_LANES - 1) \ CELL_LANES;
    var BY_MARKS = (ROWS + MARK_LANES - 1) \ MARK_LANES;
    var ELEMENTS = BY_CELLS > BY_MARKS ? BY_CELLS : BY_MARKS;
    component hash = SecretHash(ELEMENTS + 1, TAG_DATA(), ROWS_SHAPE(ROWS, FEATURES, X_BITS, X_FRAC, FAMILY));
    hash.items[0] <== salt;
    for (var e = 0; e < ELEMENTS; e++) {
        var packed = 0;
        for (var i = 0; i < CELL_LANES && e * CELL_LANES + i < ROWS * COLUMNS; i++) {
            var at = e * CELL_LANES + i;
            packed += cells[at \ COLUMNS][at % COLUMNS] * (1 << (X_BITS * i));
        }
        for (var i = 0; i < MARK_LANES && e * MARK_LANES + i < ROWS; i++) {
            packed += (marks[e * MARK_LANES + i] + 1) * (1 << (240 + 2 * i));
        }
        hash.items[e + 1] <== packed;
    }
    commitment <== hash.out;
}
