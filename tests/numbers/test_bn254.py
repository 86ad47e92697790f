"""Products of pairings, which are py_ecc's, made with lines that are found once for each point of G2."""

import random

import pytest
from py_ecc.optimized_bn128 import FQ, FQ12, G1, G2, Z1, add, final_exponentiate, multiply, neg, normalize, pairing

from twopm_zk.numbers import bn254
from twopm_zk.numbers.bn254 import G2_GENERATOR, G2Point, g2_of, pairings_cancel
from twopm_zk.numbers.field import FIELD_ORDER


def g2(scalar):
    x, y = normalize(multiply(G2, scalar))
    return G2Point(tuple(map(int, x.coeffs)), tuple(map(int, y.coeffs)))


def test_the_generator_is_py_eccs():
    assert g2(1) == G2_GENERATOR
    assert g2_of(G2_GENERATOR) == G2


@pytest.mark.parametrize("seed", range(3))
def test_pairings_cancel_where_scalars_do_and_nowhere_else(seed):
    a, b = (random.Random(seed).randrange(2, FIELD_ORDER) for _ in range(2))
    moved, point = g2(a), multiply(G1, b)
    assert pairings_cancel((moved, point), (G2_GENERATOR, neg(multiply(G1, a * b % FIELD_ORDER))))
    for wrong in (0, 1, a * b + 1, -a * b + 1, b):
        assert not pairings_cancel((moved, point), (G2_GENERATOR, neg(multiply(G1, wrong % FIELD_ORDER))))
    assert pairings_cancel((moved, point), (moved, neg(point)))
    assert not pairings_cancel((moved, point), (moved, point))
    assert not pairings_cancel((moved, point))


def test_every_step_is_that_of_py_ecc():
    """Lines, denominators and the last power, compared for values that do not cancel."""
    fixed, point = g2(987654321), multiply(G1, 123456789)
    x, y = normalize(point)
    (lines, inverse), f = bn254._lines(fixed), FQ12.one()
    for line in lines:
        f = (f * f if line.squared else f) * (line.constant + line.of_x * x.n + line.of_y * y.n)
    f = f * inverse
    assert f == pairing(g2_of(fixed), point, final_exponentiate=False)
    assert bn254._final_power(f) == final_exponentiate(f)


def test_infinity_pairs_to_one_with_everything():
    assert pairings_cancel()
    assert pairings_cancel((g2(5), Z1))
    assert pairings_cancel((g2(5), Z1), (G2_GENERATOR, add(G1, neg(G1))))
    assert not pairings_cancel((g2(5), Z1), (G2_GENERATOR, G1))


def test_points_off_their_curves_are_refused():
    with pytest.raises(ValueError, match="curve of G1"):
        pairings_cancel((G2_GENERATOR, (FQ(1), FQ(3), FQ(1))))
    with pytest.raises(ValueError, match="curve of G2"):
        pairings_cancel((G2Point((1, 2), (3, 4)), G1))
