pragma circom 2.1.9;

// Fifty public inputs, constants and sums of many terms.
template Fifty() {
    signal input x[49];
    signal input y;
    signal output total;

    var sum = 7;
    signal square[49];
    for (var i = 0; i < 49; i++) {
        square[i] <== x[i] * x[i];
        sum += (i + 1) * square[i];
    }
    total <== sum + y;
}

component main {public [x]} = Fifty();
