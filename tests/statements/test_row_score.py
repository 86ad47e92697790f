"""RowScore of lib/evaluation.circom: equal to its twin, and what a row counts as is no choice of whoever proves it.

A liar (`support.liar`) sets hints, and all that follows from them; `mended` gives every range check the digits of what
it checks then. Only the constraint that is meant to stop the liar is left to do so.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.liar import all_violated, mended, with_signals
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers import scores, sigmoid
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import from_field

pytestmark = pytest.mark.circuit

Z_FRAC = 32
Z_MAX = 1 << 50
DROPPED = sigmoid.dropped_bits(Z_FRAC)
OFFSET = (1 << (DROPPED - 1)) - 1
BINS = scores.BINS // 2
EDGES = [0, 2699, 5640, 9227, 14625, 19598, 25904, 30585, 35232, 45971, 1 << sigmoid.INPUT_BITS]
FREE = OFFSET // sigmoid.UNIT_DIVISOR
"""The largest |z| whose sign the magnitude leaves open: there T is 0 under both."""


@pytest.fixture(scope="module")
def circuit():
    parameters = {"Z_MAX": Z_MAX, "Z_FRAC": Z_FRAC}
    return compile_circuit(Instance("row-score-test", "lib/evaluation.circom", "RowScore", parameters))


def smallest_of(T):
    """The smallest |z| of a T."""
    return max(0, -(-((T << DROPPED) - OFFSET) // sigmoid.UNIT_DIVISOR))


def witness_of(circuit, z, mark=1, active=1):
    return calculate_witness(circuit, {"z": z % FIELD_ORDER, "mark": mark % FIELD_ORDER, "active": active})


def twin(z, mark):
    """Loss, error and lanes as the definition has them, in Python's integers."""
    T = sigmoid.rounded_input(z, z_frac_bits=Z_FRAC)
    index = min(T, 1 << sigmoid.INPUT_BITS)
    sign = -1 if z < 0 and T else 1
    loss = scores.loss_table()[index] + (T << scores.CROSSED_SHIFT if sign == mark else 0)
    error = scores.square_table()[index] + 2 * mark * sign * abs(sigmoid.sigmoid_numerator(z, z_frac_bits=Z_FRAC))
    lane = 1 << (scores.BIN_LANE * max(k for k in range(BINS) if EDGES[k] <= index))
    return [loss, error, lane, lane * sign, lane * mark, lane * sign * mark]


INTERESTING = sorted(
    {smallest_of(edge) + step for edge in EDGES for step in (-1, 0, 1)}
    | {smallest_of(edge + step) for edge in EDGES[1:] for step in (-1, 1)}
    | {0, 1, FREE - 1, FREE, FREE + 1, smallest_of(1) - 1, smallest_of(1), 1 << 40, Z_MAX - 1, Z_MAX}
)


@pytest.mark.slow
@settings(max_examples=200)
@given(
    z=st.one_of(st.sampled_from(INTERESTING), st.integers(0, 12 << Z_FRAC), st.integers(0, Z_MAX)),
    sign=st.sampled_from([1, -1]),
    mark=st.sampled_from([1, -1]),
)
def test_a_row_equals_its_twin(circuit, z, sign, mark):
    assert [from_field(value) for value in witness_of(circuit, sign * z, mark).public] == twin(sign * z, mark)


@pytest.mark.slow
@pytest.mark.parametrize("sign", [1, -1])
def test_every_edge_of_a_bin_is_where_the_twin_has_it(circuit, sign):
    for z in INTERESTING:
        for mark in (1, -1):
            assert [from_field(value) for value in witness_of(circuit, sign * z, mark).public] == twin(sign * z, mark)


def test_the_smallest_z_of_an_edge_is_the_first_of_its_bin():
    for edge in EDGES[1:]:
        assert sigmoid.rounded_input(smallest_of(edge), z_frac_bits=Z_FRAC) == edge
        assert sigmoid.rounded_input(smallest_of(edge) - 1, z_frac_bits=Z_FRAC) == edge - 1


@pytest.mark.parametrize("z", [0, 5 << Z_FRAC, -(5 << Z_FRAC), Z_MAX, -Z_MAX])
def test_a_padding_row_adds_nothing_whatever_its_z(circuit, z):
    assert witness_of(circuit, z, 0, 0).public == [0] * 6


@pytest.mark.parametrize("z", [0, FREE, -FREE, FREE + 1, 3 << Z_FRAC, -(3 << Z_FRAC), 11 << Z_FRAC, -(11 << Z_FRAC)])
@pytest.mark.parametrize("active", [1, 0])
def test_every_wire_is_determined_by_the_inputs(circuit, z, active):
    """Where T is 0 as well: the negative sign, which the magnitude would accept, has no bin."""
    witness = witness_of(circuit, z, active, active)
    assert undetected_changes(circuit, witness) == []
    if z or active:  # else nothing but sign^2 = 0 says that the sign is 0: enough, but no linear equation
        assert free_wires(circuit, witness) == []


# A liar's side


def lie(circuit, honest, *, sign=None, bins=None):
    """The witness of other hints: the sign of z, and what each bin holds; T stays, where the sign is another one."""
    wire_of = circuit.load_symbols().wire_of
    z, mark, active, T, overflow = (honest.signal(f"main.{name}") for name in ("z", "mark", "active", "T", "overflow"))
    sign = honest.signal("main.sign") if sign is None else sign
    bins = [honest.signal(f"main.bin[{k}]") for k in range(BINS)] if bins is None else bins
    (rounded,) = {name.rsplit(".", 1)[0] for name in wire_of if name.endswith(".magnitude")}
    magnitude = (sign * sigmoid.UNIT_DIVISOR * z + OFFSET) % FIELD_ORDER
    agree, lane = sign * mark, sum(count << (scores.BIN_LANE * k) for k, count in enumerate(bins))
    crossed, signed = (active + agree) * (T + (overflow << sigmoid.INPUT_BITS)), agree * honest.signal("main.tanh")
    right = honest.signal("main.right")
    made = {
        "main.sign": sign,
        f"{rounded}.magnitude": magnitude,
        f"{rounded}.dropped": magnitude - (T << DROPPED) - (overflow << (DROPPED + sigmoid.INPUT_BITS)),
        "main.agree": agree,
        "main.crossed": crossed,
        "main.loss": right + (crossed << (scores.CROSSED_SHIFT - 1)),
        "main.signed": signed,
        "main.error": honest.signal("main.squared") + (active << sigmoid.SCALE_BITS) + 2 * signed,
        "main.minus": bins[0] * (active - sign),
        **{f"main.bin[{k}]": count for k, count in enumerate(bins)},
        **{f"main.lanes[{k}]": lane * factor for k, factor in enumerate((1, sign, mark, agree))},
    }
    return mended(circuit, with_signals(circuit, honest.values, made))


def refusing(circuit, forged):
    """What refuses a witness: range checks by the signal that they check, and other constraints by their signals."""
    found = []
    for names in all_violated(circuit, forged):
        parts = {name.rsplit(".", 1)[0] for name in names if "RangeCheck" in name}
        found.append(
            parts.pop().removeprefix("main.").split("_")[0] if parts else {n.removeprefix("main.") for n in names}
        )
    return found


def only(*chosen):
    return [int(k in chosen) for k in range(BINS)]


def test_the_liars_side_is_the_honest_one_where_it_tells_the_truth(circuit):
    for z in (0, FREE, -FREE, 1 << Z_FRAC, -(1 << Z_FRAC), 11 << Z_FRAC):
        for mark in (1, -1):
            honest = witness_of(circuit, z, mark)
            assert list(lie(circuit, honest).values) == list(honest.values)
    assert circuit.accepts(lie(circuit, witness_of(circuit, 7, 0, 0)))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("k", range(BINS))
def test_a_neighbouring_bin_is_refused_by_the_digits_of_one_edge_alone(circuit, k, sign):
    """At the first and at the last T of every bin, where the neighbour is one unit away."""
    first = smallest_of(EDGES[k]) if k else smallest_of(1)
    last = smallest_of(EDGES[k + 1]) - 1
    if k:
        assert refusing(circuit, lie(circuit, witness_of(circuit, sign * first), bins=only(k - 1))) == ["RangeCheck"]
    if k < BINS - 1:
        assert refusing(circuit, lie(circuit, witness_of(circuit, sign * last), bins=only(k + 1))) == ["RangeCheck"]


@pytest.mark.parametrize("z", [0, 1 << Z_FRAC, -(4 << Z_FRAC), 11 << Z_FRAC])
def test_any_other_bin_is_refused(circuit, z):
    honest = witness_of(circuit, z)
    for k in range(BINS):
        accepted = circuit.accepts(lie(circuit, honest, bins=only(k)))
        assert accepted == (honest.signal(f"main.bin[{k}]") == 1)


@pytest.mark.parametrize("z", [0, 1 << Z_FRAC, -(4 << Z_FRAC), 11 << Z_FRAC])
def test_no_bin_and_two_bins_are_refused_by_their_number(circuit, z):
    honest = witness_of(circuit, z)
    (own,) = (k for k in range(BINS) if honest.signal(f"main.bin[{k}]"))
    number = {"active", *(f"bin[{k}]" for k in range(BINS))}
    assert number in refusing(circuit, lie(circuit, honest, bins=only()))
    for other in set(range(BINS)) - {own}:
        assert number in refusing(circuit, lie(circuit, honest, bins=only(own, other)))


@pytest.mark.parametrize("bins", [(2, -1), (3, -1, -1), ((FIELD_ORDER + 1) // 2, (FIELD_ORDER + 1) // 2)])
def test_parts_of_bins_that_sum_to_one_are_refused_for_what_each_is(circuit, bins):
    honest = witness_of(circuit, 1 << Z_FRAC)
    found = refusing(circuit, lie(circuit, honest, bins=[*bins, *[0] * (BINS - len(bins))]))
    assert {"bin[0]"} in found
    assert {"bin[1]"} in found


@pytest.mark.parametrize("k", range(BINS))
def test_a_bin_in_a_padding_row_is_refused(circuit, k):
    for z in (0, 3 << Z_FRAC):
        found = refusing(circuit, lie(circuit, witness_of(circuit, z, 0, 0), bins=only(k)))
        assert {"active", *(f"bin[{k}]" for k in range(BINS))} in found


@pytest.mark.parametrize("mark", [1, -1])
@pytest.mark.parametrize("z", [0, 1, -1, FREE, -FREE])
def test_the_negative_sign_where_z_rounds_to_zero_is_refused_by_the_lower_edge_alone(circuit, z, mark):
    """Loss and error are the same under both signs; without that check a row could count below one half as well."""
    honest = witness_of(circuit, z, mark)
    forged = lie(circuit, honest, sign=-1)
    assert forged.public[:2] == honest.public[:2]
    assert refusing(circuit, forged) == ["RangeCheck"]
    assert forged.signal("main.minus") == 2
    for k in range(1, BINS):  # a bin that does not look at the sign begins above T
        assert refusing(circuit, lie(circuit, honest, sign=-1, bins=only(k))) == ["RangeCheck"]


@pytest.mark.parametrize("z", [FREE + 1, -(FREE + 1), 1 << Z_FRAC, -(11 << Z_FRAC)])
def test_the_other_sign_is_refused_wherever_it_would_matter(circuit, z):
    honest = witness_of(circuit, z)
    found = refusing(circuit, lie(circuit, honest, sign=1 if z < 0 else -1))
    assert [part for part in found if isinstance(part, str) and part.startswith("RoundedMagnitude")]
