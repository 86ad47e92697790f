pragma circom 2.2.0;

bus Point() {
    signal x;
    signal y;
}

template Distance() {
    input Point() p[2];
    signal output square;
    signal dx <== (p[0].x - p[1].x) * (p[0].x - p[1].x);
    square <== dx + (p[0].y - p[1].y) * (p[0].y - p[1].y);
}

component main = Distance();
