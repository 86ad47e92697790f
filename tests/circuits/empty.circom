pragma circom 2.1.9;

template Empty() {
    signal input a;
}

component main = Empty();
