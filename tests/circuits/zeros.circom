pragma circom 2.1.9;

// Zero coefficients and constants wherever circom leaves them.
template Zeros() {
    signal input x;
    signal input y;
    signal output out;
    signal z <== (0 * x + y + 5) * (x - x + 2 * y - 3);
    out <== z * (y - y + 4) + 0 * x;
    (x + 0) * 0 === 0;
}

component main = Zeros();
