pragma circom 2.1.6;

include "lib/pedersen.circom";

// PEDERSEN_PLACE of the first COUNT sums of every unit.
template Places(COUNT) {
    signal output out[4][COUNT];

    for (var k = 0; k < COUNT; k++) {
        out[0][k] <== PEDERSEN_PLACE(UNIT_GRADIENT(), k);
        out[1][k] <== PEDERSEN_PLACE(UNIT_INFORMATION(), k);
        out[2][k] <== PEDERSEN_PLACE(UNIT_EVALUATION(), k);
        out[3][k] <== PEDERSEN_PLACE(UNIT_SQUARES(), k);
    }
}

component main = Places(150);
