pragma circom 2.1.9;

// No public inputs at all: somebody knows factors of 24.
template Hidden() {
    signal input a;
    signal input b;
    signal input c;
    signal ab <== a * b;
    ab * c === 24;
    a + b + c === 9;
}

component main = Hidden();
