pragma circom 2.1.6;

include "poseidon.circom";

// Two hashes of a list of fixed length, both built on Poseidon, both started with a domain that names what is
// committed to and how long the list is, so that no list of one kind or length opens a commitment of another.
//
// PublicHash is what contracts recompute: circomlib's Poseidon(3), two items at a time,
//     h = Poseidon(domain, item0, item1); h = Poseidon(h, item2, item3); ...; the last block may hold one item (Poseidon(2)).
// SecretHash is cheaper in gates and never recomputed on chain: the permutation with the chaining value in the
// capacity element and three items in the rate (overwrite mode), the last block as narrow as its items. Three is the
// cheapest rate: 229 gates an item, against 257 at two and 231 at four.
// Both are collision resistant as long as Poseidon's permutation is: the chaining value is one field element
// (254 bits), which the prover cannot choose, and the length is fixed by the domain.

function TAG_MODEL() { return 1; }
function TAG_CONTEXT() { return 2; }
function TAG_DATA() { return 3; }
function TAG_INPUT() { return 6; }
function TAG_MATRIX() { return 8; }
function TAG_POINT() { return 10; }

// shape is 0, or a number below 2^32 that tells apart lists of one length whose items mean different things
function DOMAIN(tag, length, shape) {
    assert(tag < 256 && length < (1 << 24) && shape < (1 << 32));
    return tag + (length << 8) + (shape << 32);
}

template PublicHash(LENGTH, TAG, SHAPE) {
    assert(LENGTH > 0);
    signal input items[LENGTH];
    signal output out;

    var BLOCKS = (LENGTH + 1) \ 2;
    component block[BLOCKS];
    for (var b = 0; b < BLOCKS; b++) {
        var width = LENGTH - 2 * b < 2 ? 1 : 2;
        block[b] = Permutation(width + 2);
        block[b].in[0] <== 0;
        if (b == 0) {
            block[b].in[1] <== DOMAIN(TAG, LENGTH, SHAPE);
        } else {
            block[b].in[1] <== block[b - 1].out;
        }
        for (var i = 0; i < width; i++) {
            block[b].in[i + 2] <== items[2 * b + i];
        }
    }
    out <== block[BLOCKS - 1].out;
}

template SecretHash(LENGTH, TAG, SHAPE) {
    assert(LENGTH > 0);
    signal input items[LENGTH];
    signal output out;

    var BLOCKS = (LENGTH + 2) \ 3;
    component block[BLOCKS];
    for (var b = 0; b < BLOCKS; b++) {
        var width = LENGTH - 3 * b < 3 ? LENGTH - 3 * b : 3;
        block[b] = Permutation(width + 1);
        if (b == 0) {
            block[b].in[0] <== DOMAIN(TAG, LENGTH, SHAPE);
        } else {
            block[b].in[0] <== block[b - 1].out;
        }
        for (var i = 0; i < width; i++) {
            block[b].in[i + 1] <== items[3 * b + i];
        }
    }
    out <== block[BLOCKS - 1].out;
}

// Packs COUNT values of BITS bits, lowest first, into elements of PER values each.
// values   in [0, 2^BITS), enforced by the caller: only then is the packing injective
// Sound    PER * BITS <= 252, so that no packed sum reaches FIELD_ORDER
template Pack(COUNT, BITS, PER) {
    assert(PER * BITS <= 252);
    var ELEMENTS = (COUNT + PER - 1) \ PER;
    signal input values[COUNT];
    signal output packed[ELEMENTS];

    for (var k = 0; k < ELEMENTS; k++) {
        var sum = 0;
        for (var i = 0; i < PER && k * PER + i < COUNT; i++) {
            sum += values[k * PER + i] * (1 << (BITS * i));
        }
        packed[k] <== sum;
    }
}
