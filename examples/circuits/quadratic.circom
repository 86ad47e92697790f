pragma circom 2.1.6;

// I know a secret root of x^2 + b x + c = 0, for public b and c.
template Quadratic() {
    signal input x;
    signal input b;
    signal input c;

    signal square <== x * x;
    signal linear <== b * x;
    square + linear + c === 0;
}

component main {public [b, c]} = Quadratic();
