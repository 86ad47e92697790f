"""Products of pairings, with lines that are found once for each point of G2, and who is in G2: as py_ecc has both."""

import random

import pytest
from py_ecc.optimized_bn128 import (
    FQ,
    FQ2,
    FQ12,
    G1,
    G2,
    Z1,
    add,
    b2,
    final_exponentiate,
    is_inf,
    multiply,
    neg,
    normalize,
    pairing,
)

from twopm_zk.numbers import bn254, twist
from twopm_zk.numbers.bn254 import G2_GENERATOR, G2Point, g2_of, is_in_g2, pairings_cancel
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER


def g2(scalar):
    x, y = normalize(multiply(G2, scalar))
    return G2Point(tuple(map(int, x.coeffs)), tuple(map(int, y.coeffs)))


def test_the_generator_is_py_eccs():
    assert g2(1) == G2_GENERATOR
    assert g2_of(G2_GENERATOR) == G2


@pytest.mark.slow
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


@pytest.mark.slow
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


def point_of_the_twist(number):
    """A point with a small first coordinate, which is not in the subgroup: one in 2^254 is."""
    while True:
        number += 1
        square = FQ2((number, 1)) ** 3 + b2
        part = square ** ((BASE_FIELD_ORDER - 3) // 4)  # algorithm 9 of https://eprint.iacr.org/2012/685
        root = part * square
        turned = FQ2((1, 0)) + part * root
        root *= FQ2((0, 1)) if turned == FQ2.zero() else turned ** ((BASE_FIELD_ORDER - 1) // 2)
        if root * root == square:
            return FQ2((number, 1)), root, FQ2.one()


def plain(point):
    return G2Point(*(tuple(map(int, coordinate.coeffs)) for coordinate in normalize(point)))


@pytest.mark.slow
def test_who_is_in_g2_is_whom_the_order_of_the_group_takes_to_infinity():
    """As py_ecc has it; points of the other subgroups too, the smallest one's among them."""
    others, smallest = 2 * BASE_FIELD_ORDER - FIELD_ORDER, 10069
    assert others % smallest == 0
    points = [multiply(G2, scalar) for scalar in (1, 2, FIELD_ORDER - 1, 987654321)]
    anywhere = point_of_the_twist(1)
    small = multiply(anywhere, others // smallest * FIELD_ORDER)
    points += [anywhere, multiply(anywhere, others), multiply(anywhere, FIELD_ORDER), small, add(G2, small)]
    members = [is_inf(multiply(point, FIELD_ORDER)) for point in points]
    assert members == [True] * 4 + [False, True, False, False, False]
    assert [is_in_g2(plain(point)) for point in points] == members


def test_a_point_off_the_twist_is_not_in_g2():
    (x, y), (z, w) = G2_GENERATOR
    for wrong in (((x + 1, y), (z, w)), ((x, y), (z, w + 1)), ((0, 0), (0, 0)), ((x, y), (z, BASE_FIELD_ORDER - w))):
        assert not is_in_g2(G2Point(*wrong))


def test_multiples_on_the_twist_are_those_of_py_ecc():
    """Sums of a point with itself, with its inverse and with infinity too."""
    (x, y), order = plain(point := point_of_the_twist(1)), 10069
    for scalar in (1, 2, 3, 4, 5, 2**64 - 1):
        assert affine(twist._multiple(x, y, scalar)) == plain(multiply(point, scalar))
    small = multiply(point, (2 * BASE_FIELD_ORDER - FIELD_ORDER) // order * FIELD_ORDER)
    for scalar in (order - 1, order + 1, 2 * order - 1, 2 * order + 1, 4 * order + 3):
        assert affine(twist._multiple(*plain(small), scalar)) == plain(multiply(small, scalar))
    assert twist._multiple(*plain(small), order).z == (0, 0)
    twice = twist._multiple(x, y, 2)
    assert affine(twist._sum(twist._Point(x, y, (1, 0)), x, y)) == affine(twice)
    assert twist._sum(twist._Point(x, tuple(-part % BASE_FIELD_ORDER for part in y), (1, 0)), x, y).z == (0, 0)


def affine(point):
    x, y, z = map(FQ2, point)
    return plain((x * z, y, z**3))
