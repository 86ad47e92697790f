"""BabyJubjub.sol on a node against the same curve in plain integers."""

from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.curve_points import SMALL

from twopm_zk.chain import compile_contract
from twopm_zk.numbers.baby_jubjub import (
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    Point,
    add,
    hash_to_point,
    is_on_curve,
    lift,
    multiply,
    negate,
)
from twopm_zk.numbers.field import FIELD_ORDER

EDGES = {
    2**252 - 1: 8043599118812258947145245991068350399218761899566099640485213525858031659103,
    2**252: 3880010296341815840415830093501408286160670374762150989503330846368768994661,
}
"""Two neighbours that both happen to be the x of a point, with its y."""

LIFTED = [point for y in range(40) if (point := lift(y))]
POINTS = st.one_of(
    st.builds(lambda k: multiply(hash_to_point("generator"), k), st.integers(0, SUBGROUP_ORDER)),
    st.sampled_from(SMALL),
    st.sampled_from(LIFTED),  # most have a part of small order
    st.builds(add, st.sampled_from(LIFTED), st.sampled_from(SMALL)),
)
ON_A_NODE = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def curve(chain):
    return chain.deploy(compile_contract("BabyJubjubDouble"))


def point_of(answer):
    """Without the gas, where the double gives that too."""
    value = answer[0] if isinstance(answer, tuple) else answer
    return Point(value["x"], value["y"])


def test_a_is_a_square_and_d_is_none_so_that_no_denominator_is_zero():
    assert pow(168700, (FIELD_ORDER - 1) // 2, FIELD_ORDER) == 1
    assert pow(168696, (FIELD_ORDER - 1) // 2, FIELD_ORDER) == FIELD_ORDER - 1


@ON_A_NODE
@given(p=POINTS, q=POINTS)
def test_points_add_as_in_plain_integers(curve, p, q):
    assert point_of(curve.call("add", p, q)) == add(p, q)


@ON_A_NODE
@given(p=POINTS)
def test_points_double_and_lose_their_part_of_small_order_as_in_plain_integers(curve, p):
    assert point_of(curve.call("double", p)) == add(p, p) == point_of(curve.call("add", p, p))
    assert point_of(curve.call("timesCofactor", p)) == multiply(p, COFACTOR)


@ON_A_NODE
@given(p=POINTS)
def test_a_point_and_its_negative_add_to_the_identity(curve, p):
    assert point_of(curve.call("negate", p)) == negate(p)
    assert point_of(curve.call("add", p, negate(p))) == IDENTITY
    assert point_of(curve.call("add", p, IDENTITY)) == p
    assert point_of(curve.call("add", IDENTITY, p)) == p


@pytest.mark.parametrize("k", range(8))
def test_points_of_small_order_add_without_exception(curve, k):
    """Every point of order 2, 4 and 8 to every other one, to itself and to the identity."""
    for j in range(8):
        assert point_of(curve.call("add", SMALL[k], SMALL[j])) == SMALL[(k + j) % 8]
    assert point_of(curve.call("double", SMALL[k])) == SMALL[2 * k % 8]
    assert point_of(curve.call("timesCofactor", SMALL[k])) == IDENTITY


def test_the_identity_is_known_and_is_its_own_negative(curve):
    assert point_of(curve.call("identity")) == IDENTITY
    assert point_of(curve.call("negate", IDENTITY)) == IDENTITY
    assert curve.call("isIdentity", IDENTITY)
    for other in (SMALL[4], (1, 1), (0, 0)):  # the point of order 2 is (0, -1)
        assert not curve.call("isIdentity", other)


@ON_A_NODE
@given(p=POINTS, dx=st.integers(0, 2), dy=st.integers(0, 2))
def test_points_are_known_from_what_is_near_them(curve, p, dx, dy):
    near = ((p.x + dx) % FIELD_ORDER, (p.y + dy) % FIELD_ORDER)
    assert curve.call("isOnCurve", near) == is_on_curve(Point(*near))


@pytest.mark.parametrize("coordinate", [0, 1])
@pytest.mark.parametrize("p", [*SMALL, hash_to_point("generator")])
def test_unreduced_coordinates_are_no_point(curve, refused, p, coordinate):
    moved = list(p)
    moved[coordinate] += FIELD_ORDER
    assert curve.call("isOnCurve", p)
    assert not curve.call("isOnCurve", moved)
    with refused("NotOnCurve", x=moved[0], y=moved[1]):
        curve.call("requireOnCurve", moved)


@pytest.mark.parametrize("p", [(0, 0), (1, 1), (2**256 - 1, 1), (0, 2**256 - 1), (FIELD_ORDER, FIELD_ORDER + 1)])
def test_what_is_off_the_curve_is_refused(curve, refused, p):
    """(0, 0) is what storage holds that was never written."""
    with refused("NotOnCurve", x=p[0], y=p[1]):
        curve.call("requireOnCurve", p)


@pytest.mark.parametrize("p", [*SMALL, *LIFTED[:5]])
def test_what_is_on_the_curve_is_taken(curve, p):
    curve.call("requireOnCurve", p)


def test_of_a_y_one_x_alone_can_be_proven(curve, refused):
    below, above = (Point(x, y) for x, y in EDGES.items())
    assert is_on_curve(below)
    assert is_on_curve(above)
    assert point_of(curve.call("proven", *below)) == below
    with refused("NotTheProvenX", x=2**252):
        curve.call("proven", *above)
    for x, y in (below, above):
        with refused("NotTheProvenX", x=FIELD_ORDER - x):
            curve.call("proven", FIELD_ORDER - x, y)
        with refused("NotTheProvenX", x=x + FIELD_ORDER):
            curve.call("proven", x + FIELD_ORDER, y)


def test_a_proven_point_is_on_the_curve(curve, refused):
    x, y = next(iter(EDGES.items()))
    for wrong in ((x - 1, y), (x, y + 1), (x, y + FIELD_ORDER)):
        with refused("NotOnCurve", x=wrong[0], y=wrong[1]):
            curve.call("proven", *wrong)


def test_gas_of_the_curve(curve, gas):
    """What the functions take themselves, without a transaction or storage."""
    p, q = hash_to_point("one"), hash_to_point("another")
    proven = next(iter(EDGES.items()))
    for name, arguments, most in (
        ("proven", proven, 1_000),
        ("add", (p, q), 3_000),
        ("double", (p,), 3_000),
        ("timesCofactor", (p,), 4_000),
    ):
        _, used = curve.call(name, *arguments)
        gas.check(name, SimpleNamespace(gas_used=used), at_most=most, tolerance=50)
