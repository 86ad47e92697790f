pragma circom 2.1.9;

// Tells everything it can: asserts on a private value, and logs it.
template Checked() {
    signal input secret;
    signal output square <== secret * secret;
    log("secret is", secret);
    assert(secret != 123456789);
}

component main = Checked();
