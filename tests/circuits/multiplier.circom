pragma circom 2.1.9;

// product = a * b; two gates, one public input, no additions
template Multiplier() {
    signal input a;
    signal input b;
    signal output product <== a * b;
}

component main = Multiplier();
