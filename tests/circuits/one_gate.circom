pragma circom 2.1.9;

template OneGate() {
    signal input a;
    signal input b;
    a * b === 6;
}

component main = OneGate();
