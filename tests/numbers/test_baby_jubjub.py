"""Baby Jubjub: the points and sums that ERC-2494 publishes, the laws of the group, and points made from names.

Every test runs with the native module and with its readable twin.
"""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.curve_points import GENERATOR

from twopm_zk.errors import RangeError
from twopm_zk.numbers.baby_jubjub import (
    BASE,
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    Point,
    add,
    hash_to_point,
    in_subgroup,
    is_on_curve,
    lift,
    multiply,
    negate,
    sum_of_multiples,
)
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.system import extension

# https://eips.ethereum.org/EIPS/eip-2494, section "Test Cases"
FIRST = Point(
    17777552123799933955779906779655732241715742912184938656739573121738514868268,
    2626589144620713026669568689430873010625803728049924121243784502389097019475,
)
SECOND = Point(
    16540640123574156134436876038791482806971768689494387082833631921987005038935,
    20819045374670962167435360035096875258406992893633759881276124905556507972311,
)
SUM = Point(
    7916061937171219682591368294088513039687205273691143098332585753343424131937,
    14035240266687799601661095864649209771790948434046947201833777492504781204499,
)
DOUBLE = Point(
    6890855772600357754907169075114257697580319025794532037257385534741338397365,
    4338620300185947561074059802482547481416142213883829469920100239455078257889,
)
ORDER_2 = Point(0, FIELD_ORDER - 1)

scalars = st.one_of(
    st.sampled_from([0, 1, 2, COFACTOR, SUBGROUP_ORDER - 1, SUBGROUP_ORDER, SUBGROUP_ORDER + 1, 2**256 - 1]),
    st.integers(0, 2**256 - 1),
)
# every class of the group modulo its subgroup: the generator has order COFACTOR * SUBGROUP_ORDER
points = st.builds(multiply, st.just(GENERATOR), scalars)


@pytest.fixture(params=["native", "readable"], autouse=True, scope="module")
def implementation(request):
    """Which implementation multiplies; skips the native one where it is not built."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "readable":
            patch.setattr(extension, "unavailable", lambda: "left out by the test")
        elif reason := extension.unavailable():
            pytest.skip(reason)
        yield request.param


def test_published_sums():
    assert add(FIRST, SECOND) == SUM
    assert add(FIRST, FIRST) == multiply(FIRST, 2) == DOUBLE
    assert add(IDENTITY, IDENTITY) == IDENTITY


def test_published_members_and_others():
    assert all(map(is_on_curve, (IDENTITY, GENERATOR, BASE, FIRST, SECOND)))
    assert not is_on_curve(Point(1, 0))


def test_published_base_point_is_the_generator_cleared_of_the_cofactor_and_has_the_order_of_the_subgroup():
    assert multiply(GENERATOR, COFACTOR) == BASE
    assert multiply(BASE, SUBGROUP_ORDER) == IDENTITY
    assert in_subgroup(BASE)
    assert multiply(GENERATOR, SUBGROUP_ORDER) != IDENTITY
    assert multiply(GENERATOR, COFACTOR * SUBGROUP_ORDER // 2) == ORDER_2


@pytest.mark.slow
@given(points, points, points)
def test_addition_is_that_of_a_group(a, b, c):
    assert is_on_curve(add(a, b))
    assert add(a, b) == add(b, a)
    assert add(add(a, b), c) == add(a, add(b, c))
    assert add(a, IDENTITY) == a
    assert add(a, negate(a)) == IDENTITY


@pytest.mark.slow
@given(points, st.integers(0, 2**255), st.integers(0, 2**255 - 1))
def test_multiples_add_up_whatever_the_point(point, a, b):
    assert multiply(point, a + b) == add(multiply(point, a), multiply(point, b))


@pytest.mark.slow
@settings(max_examples=20)
@given(points)
def test_a_scalar_is_not_reduced_modulo_the_order_of_the_subgroup(point):
    rest = multiply(point, SUBGROUP_ORDER)  # the part of small order
    assert multiply(rest, COFACTOR) == IDENTITY
    assert in_subgroup(point) == (rest == IDENTITY)
    assert multiply(point, SUBGROUP_ORDER + 5) == add(rest, multiply(point, 5))


def test_a_point_of_order_2_is_no_member_of_the_subgroup():
    assert is_on_curve(ORDER_2)
    assert add(ORDER_2, ORDER_2) == IDENTITY
    assert not in_subgroup(ORDER_2)


@pytest.mark.parametrize("scalar", [-1, 2**256])
def test_a_scalar_outside_its_range_is_refused(scalar):
    with pytest.raises(RangeError, match="outside"):
        multiply(BASE, scalar)


@pytest.mark.parametrize("point", [Point(1, 0), Point(0, 1 + FIELD_ORDER), Point(BASE.x, -BASE.y), Point(2**300, 1)])
def test_a_multiple_of_a_point_off_the_curve_is_refused(point):
    with pytest.raises(RangeError, match="off the curve"):
        sum_of_multiples([(BASE, 1), (point, 1)])


@settings(max_examples=20)
@given(st.lists(st.tuples(points, scalars), max_size=4))
def test_a_sum_of_multiples_is_the_sum_of_each(terms):
    expected = IDENTITY
    for point, scalar in terms:
        expected = add(expected, multiply(point, scalar))
    assert sum_of_multiples(terms) == expected


@pytest.mark.parametrize("point", [BASE, FIRST, SECOND])
def test_a_coordinate_that_is_not_reduced_is_off_the_curve(point):
    assert not is_on_curve(Point(point.x + FIELD_ORDER, point.y))
    assert not is_on_curve(Point(point.x, point.y + FIELD_ORDER))
    assert not is_on_curve(Point(-point.x, point.y))
    assert not is_on_curve(Point(point.x + 1, point.y))


@given(st.integers(0, FIELD_ORDER - 1))
def test_a_lifted_y_is_that_of_the_point_with_the_smaller_x(y):
    point = lift(y)
    if point is None:
        # a square root of x^2 would be refused by Euler's criterion
        square = (1 - y * y) * pow(168700 - 168696 * y * y, -1, FIELD_ORDER) % FIELD_ORDER
        assert pow(square, (FIELD_ORDER - 1) // 2, FIELD_ORDER) == FIELD_ORDER - 1
        return
    assert is_on_curve(point)
    assert point.y == y
    assert point.x <= FIELD_ORDER // 2


@pytest.mark.slow
@given(points)
def test_every_point_is_the_lift_of_its_y_or_its_negative(point):
    assert lift(point.y) in (point, negate(point))


@pytest.mark.parametrize("y", [-1, FIELD_ORDER, 2**256])
def test_a_y_that_is_no_field_element_lifts_to_nothing(y):
    assert lift(y) is None


def test_lifts_of_points_of_small_order():
    assert lift(1) == IDENTITY
    assert lift(FIELD_ORDER - 1) == ORDER_2


def test_a_name_gives_one_point_of_the_subgroup_and_another_name_another():
    names = ["", "start", "blinding", "gradient 0", "gradient 1", "gradient 10"]
    hashed = [hash_to_point(name) for name in names]
    assert all(map(in_subgroup, hashed))
    assert IDENTITY not in hashed
    assert len({point.y for point in hashed}) == len(names)  # no two are each other's negative either
    assert hash_to_point.__wrapped__("start") == hash_to_point("start")


def test_a_point_of_a_name_is_the_first_lift_of_a_hash_cleared_of_the_cofactor():
    tried = []
    for counter in range(20):
        data = b"twopm-zk point on Baby Jubjub" + bytes([0, 0, 0, counter]) + b"start"
        tried.append(lift(int.from_bytes(hashlib.sha512(data).digest(), "big") % FIELD_ORDER))
    first = next(point for point in tried if point is not None)
    assert hash_to_point("start") == multiply(first, COFACTOR)
