pragma circom 2.1.9;

include "lib/rescale.circom";

component main = Rescale(16, 8);
