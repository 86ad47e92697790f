pragma circom 2.1.6;

include "poseidon_constants.circom";

// The Poseidon permutation over BN254's scalar field with circomlib's parameters (x^5, 8 full rounds,
// R_P partial rounds, width WIDTH), first element of the result only.
//
// Same function as circomlib's PoseidonEx(WIDTH - 1, 1), in fewer PLONK gates: every round constant is added
// inside the constraint of the next S-box or of the mixing before it, where it is free.
//
// in     any field elements
// out    permutation(in)[0], determined by `in`: every signal below is a polynomial of earlier ones

// (in + CONSTANT)^5 in three gates: a constant inside a product is free.
template QuinticSBox(CONSTANT) {
    signal input in;
    signal output out;

    signal square <== (in + CONSTANT) * (in + CONSTANT);
    signal fourth <== square * square;
    out <== fourth * (in + CONSTANT);
}

template Permutation(WIDTH) {
    assert(2 <= WIDTH && WIDTH <= 4);
    signal input in[WIDTH];
    signal output out;

    var HALF = 4;
    var PARTIAL = POSEIDON_PARTIAL_ROUNDS(WIDTH);
    var C[WIDTH * 2 * HALF + PARTIAL] = POSEIDON_CONSTANTS(WIDTH);
    var S[PARTIAL * (WIDTH * 2 - 1)] = POSEIDON_SPARSE(WIDTH);
    var M[WIDTH][WIDTH] = POSEIDON_MIXING(WIDTH);
    var P[WIDTH][WIDTH] = POSEIDON_ENTRY(WIDTH);

    // the constants of the round after the partial ones start here
    var LATE = (HALF + 1) * WIDTH + PARTIAL;

    signal early[HALF][WIDTH];
    component earlyBox[HALF][WIDTH];
    for (var j = 0; j < WIDTH; j++) {
        early[0][j] <== in[j];
    }
    for (var r = 0; r < HALF; r++) {
        for (var j = 0; j < WIDTH; j++) {
            earlyBox[r][j] = QuinticSBox(r == 0 ? C[j] : 0);
            earlyBox[r][j].in <== early[r][j];
        }
        if (r < HALF - 1) {
            for (var i = 0; i < WIDTH; i++) {
                var sum = 0;
                for (var j = 0; j < WIDTH; j++) {
                    sum += M[j][i] * (earlyBox[r][j].out + C[(r + 1) * WIDTH + j]);
                }
                early[r + 1][i] <== sum;
            }
        }
    }

    signal middle[PARTIAL + 1][WIDTH];
    component middleBox[PARTIAL];
    for (var i = 0; i < WIDTH; i++) {
        var sum = 0;
        for (var j = 0; j < WIDTH; j++) {
            sum += P[j][i] * (earlyBox[HALF - 1][j].out + C[HALF * WIDTH + j]);
        }
        middle[0][i] <== sum;
    }
    for (var r = 0; r < PARTIAL; r++) {
        var row = (WIDTH * 2 - 1) * r;
        middleBox[r] = QuinticSBox(0);
        middleBox[r].in <== middle[r][0];
        var first = middleBox[r].out + C[(HALF + 1) * WIDTH + r];
        var sum = S[row] * first;
        for (var i = 1; i < WIDTH; i++) {
            sum += S[row + i] * middle[r][i];
        }
        middle[r + 1][0] <== sum;
        for (var i = 1; i < WIDTH; i++) {
            middle[r + 1][i] <== middle[r][i] + S[row + WIDTH + i - 1] * first;
        }
    }

    signal late[HALF][WIDTH];
    component lateBox[HALF][WIDTH];
    for (var j = 0; j < WIDTH; j++) {
        late[0][j] <== middle[PARTIAL][j];
    }
    for (var r = 0; r < HALF; r++) {
        for (var j = 0; j < WIDTH; j++) {
            lateBox[r][j] = QuinticSBox(0);
            lateBox[r][j].in <== late[r][j];
        }
        if (r < HALF - 1) {
            for (var i = 0; i < WIDTH; i++) {
                var sum = 0;
                for (var j = 0; j < WIDTH; j++) {
                    sum += M[j][i] * (lateBox[r][j].out + C[LATE + r * WIDTH + j]);
                }
                late[r + 1][i] <== sum;
            }
        }
    }
    var last = 0;
    for (var j = 0; j < WIDTH; j++) {
        last += M[j][0] * lateBox[HALF - 1][j].out;
    }
    out <== last;
}
