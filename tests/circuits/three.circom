pragma circom 2.1.9;

include "lib/rescale.circom";

// Three public inputs: two outputs, then `x`.
template Three() {
    signal input x;
    signal input secret;
    signal input pair[2];
    signal output floor <== Rescale(16, 8)(secret);
    signal output sum <== x * pair[0] + 3 * pair[1] + secret;
}

component main {public [x]} = Three();
