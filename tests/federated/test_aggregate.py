"""Results: exact integers, the same in any order and by another implementation, and no rubbish within them."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.federated import closed_set, private_spec, secrets_of, small_spec, update

from twopm_zk.errors import InputError, RangeError
from twopm_zk.federated import MaskedUpdate, RoundResult, first_result, masked_update, next_result
from twopm_zk.federated.aggregate import sum_of_squares
from twopm_zk.federated.rule import AggregationRule, times

ARRAYS = [np.arange(6.0).reshape(2, 3), np.full(4, -0.5)]
MOMENTUM = {"server_rate": 0.5, "momentum": 0.75}
UNIT = 2**16
RULES = {"plain": {}, "slow": {"server_rate": 0.3125}, "momentum": MOMENTUM}


def clear(spec, words):
    """Shared without masks: what masks cancel to."""
    return MaskedUpdate(spec.layout, np.array(words, dtype=object).astype(np.int64).view(np.uint64))


def half_up(fraction):
    return floor(fraction + Fraction(1, 2))


def by_fractions(spec, previous, updates):
    """The same result in Python's fractions, from the formulas of the documents."""
    weight = sum(words[spec.parameters] for words in updates)
    total = [sum(column) for column in zip(*(words[: spec.parameters] for words in updates), strict=True)]
    average = [half_up(Fraction(one * 2 ** (32 - spec.frac_bits), weight)) for one in total]
    rate, momentum = Fraction(spec.rule.server_rate), Fraction(spec.rule.momentum)
    velocity = []
    if momentum:
        velocity = average = [half_up(momentum * int(v)) + a for v, a in zip(previous.velocity, average, strict=True)]
    return [int(p) + half_up(rate * a) for p, a in zip(previous.parameters, average, strict=True)], velocity, weight


@st.composite
def handed_in(draw, *, most_weight=60000):
    """What some nodes hand in, each within its bounds, tails of evaluation among it."""
    nodes = draw(st.integers(2, 5))
    found = []
    for _ in range(nodes):
        weight, evaluated = draw(st.integers(1, most_weight)), draw(st.integers(0, 500))
        change = draw(st.lists(st.integers(-UNIT, UNIT), min_size=10, max_size=10))
        loss = draw(st.integers(0, 1024 * UNIT)) * evaluated
        found.append([one * weight for one in change] + [weight, loss, evaluated])
    return found


@pytest.mark.slow
@settings(max_examples=60)
@given(handed_in(), st.sampled_from(sorted(RULES)), st.randoms(use_true_random=False))
def test_results_are_those_of_exact_fractions_round_after_round_in_any_order(updates, rule, random):
    spec = small_spec(update={"clip": 4.0, "evaluate": True}, rule=RULES[rule])
    result = first_result(spec, ARRAYS)
    for number in range(1, 4):
        parameters, velocity, weight = by_fractions(spec, result, updates)
        rows = [clear(spec, words) for words in updates]
        found = next_result(spec, result, rows)
        random.shuffle(rows)
        assert next_result(spec, result, iter(rows)).hash == found.hash
        assert [list(found.parameters), list(found.velocity)] == [parameters, velocity]
        assert (found.round, found.previous, found.weight) == (number, result.hash, weight)
        assert found.evaluated == sum(words[12] for words in updates)
        assert found.loss == sum(words[11] for words in updates)
        result = found
    if result.evaluated:
        assert result.mean_loss == pytest.approx(result.loss / result.evaluated / UNIT)


@settings(max_examples=5)
@given(handed_in())
def test_masked_updates_have_the_result_of_those_in_clear(updates):
    spec = small_spec(update={"clip": 4.0, "evaluate": True}, rule=MOMENTUM)
    first = first_result(spec, ARRAYS)
    made = [
        update(spec, [one // words[10] for one in words[:10]], weight=words[10], tail=words[11:]) for words in updates
    ]
    parts = secrets_of(closed_set(made))
    masked = [masked_update(spec, part, one) for part, one in zip(parts, made, strict=True)]
    assert next_result(spec, first, masked).hash == next_result(spec, first, [clear(spec, w) for w in updates]).hash


def test_averages_are_weighted_by_examples_or_equal():
    for weighting, expected in (("examples", 0.75), ("equal", 0.5)):
        spec = small_spec(update={"clip": 4.0, "weighting": weighting})
        weights = (3, 1) if weighting == "examples" else (1, 1)
        words = [[UNIT * weights[0]] * 10 + [weights[0]], [0] * 10 + [weights[1]]]
        found = next_result(spec, first_result(spec, [np.zeros((2, 3)), np.zeros(4)]), [clear(spec, w) for w in words])
        assert (found.values == expected).all()


SPOILT = [
    ("the norm of one change is far beyond clip", [[9 * UNIT] + [0] * 9 + [1], [0] * 10 + [1]], "its norm is beyond"),
    (
        "many coordinates within clip have a norm beyond it",
        [[4 * UNIT] * 10 + [1], [0] * 10 + [1]],
        "its norm is beyond",
    ),
    ("the sum wraps to something else", [[2**62] * 10 + [1], [2**62] * 10 + [1]], "its norm is beyond"),
    ("a weight of 0", [[1] * 10 + [0], [1] * 10 + [1]], "its weight is 1; 2 nodes have 2"),
    ("a weight that takes others' away", [[UNIT] * 10 + [9], [0] * 10 + [-8]], "its weight is 1; 2 nodes have 2"),
    (
        "a weight beyond the maximum",
        [[0] * 10 + [65536], [0] * 10 + [65537]],
        "its weight is 131073; 2 nodes have 2 to",
    ),
    ("rubbish", [list(range(2**60, 2**60 + 11)), [0] * 10 + [1]], "spoilt"),
]


@pytest.mark.parametrize(("what", "words", "message"), SPOILT, ids=[what for what, _, _ in SPOILT])
def test_a_sum_that_nobody_honest_adds_to_is_refused(what, words, message):
    spec = small_spec()
    with pytest.raises(InputError, match=message) as raised:
        next_result(spec, first_result(spec, ARRAYS), [clear(spec, row) for row in words])
    assert raised.value.kind == "spoilt-sum"


@pytest.mark.parametrize(
    "tail", [(5, 0), (-1, 3), (1024 * UNIT * 3 + 1, 3), (1, -1), (0, 2 * 65536 + 1), (2**63 - 1, 2**62)]
)
def test_losses_that_no_examples_have_are_refused(tail):
    spec = small_spec(update={"clip": 4.0, "evaluate": True})
    rows = [clear(spec, [0] * 10 + [1, *tail]), clear(spec, [0] * 10 + [1, 0, 0])]
    with pytest.raises(InputError, match="the losses are not those") as raised:
        next_result(spec, first_result(spec, ARRAYS), rows)
    assert raised.value.kind == "spoilt-sum"


def test_the_bound_of_the_norm_is_met_and_one_unit_more_is_refused():
    spec = small_spec()
    first, nothing = first_result(spec, ARRAYS), clear(spec, [0] * 10 + [1])
    edge = [4 * spec.norm_bound] + [0] * 9
    assert next_result(spec, first, [clear(spec, [*edge, 2]), nothing, nothing]).weight == 4
    edge[0] += 1
    with pytest.raises(InputError, match="its norm"):
        next_result(spec, first, [clear(spec, [*edge, 2]), nothing, nothing])


def test_no_rubbish_moves_the_model_further_in_a_round_than_clip():
    """Whatever some nodes hand in: who takes all weight and all of the norm for its own moves it by so much, as it
    could alone."""
    spec = small_spec()
    first = first_result(spec, ARRAYS)
    worst = [spec.norm_bound * 65536] + [0] * 9 + [65536]
    found = next_result(spec, first, [clear(spec, worst), clear(spec, [0] * 10 + [1])])
    assert np.linalg.norm(found.values - first.values) <= spec.norm_bound / UNIT


def test_with_noise_each_coordinate_has_a_bound():
    spec = private_spec()
    first = first_result(spec, ARRAYS)
    rows = [clear(spec, [spec.coordinate_bound] * 10 + [1])] * 3
    assert next_result(spec, first, rows).weight == 3
    with pytest.raises(InputError, match="a coordinate is beyond") as raised:
        next_result(spec, first, [*rows[1:], clear(spec, [spec.coordinate_bound + 1] * 10 + [1])])
    assert raised.value.kind == "spoilt-sum"
    with pytest.raises(InputError, match="its weight is 4; 3 nodes have 3 to 3"):
        next_result(spec, first, [*rows[1:], clear(spec, [0] * 10 + [2])])


@pytest.mark.parametrize("nodes", [0, 5])
def test_a_sum_is_of_some_nodes_and_of_no_more_than_the_specification_has(nodes):
    spec = small_spec(maximum={"nodes": 4})
    with pytest.raises(InputError, match=f"a sum is of {nodes} nodes; the specification allows 1 to 4"):
        next_result(spec, first_result(spec, ARRAYS), [clear(spec, [0] * 10 + [1])] * nodes)


def test_what_is_of_another_specification_is_not_added_up():
    """Whatever its size: without momentum and with other units integers stand for something else."""
    spec, other = small_spec(), small_spec(update={"clip": 4.0, "frac_bits": 17})
    first, row = first_result(spec, ARRAYS), clear(spec, [0] * 10 + [1])
    with pytest.raises(InputError, match="a masked update is of another specification"):
        next_result(spec, first, [row, clear(other, [0] * 10 + [1])])
    with pytest.raises(InputError, match="the result before is of another specification"):
        next_result(spec, first_result(other, ARRAYS), [row, row])


def test_parameters_that_leave_their_range_are_refused():
    spec = small_spec(update={"clip": 1024.0})
    edge = RoundResult(spec.layout, 1, bytes(32), np.full(10, (1 << 60) - 1), np.zeros(0, dtype=np.int64), 1)
    with pytest.raises(RangeError, match=r"beyond 2\^28"):
        next_result(spec, edge, [clear(spec, [UNIT] * 10 + [1])])


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=50))
def test_a_sum_of_squares_is_exact(numbers):
    assert sum_of_squares(np.array(numbers, dtype=np.int64)) == sum(number**2 for number in numbers)


def test_a_sum_of_squares_of_many_large_numbers_is_exact():
    for number in (-(2**63), 2**63 - 1, 2**48 - 1, 2**24 - 1):
        words = np.full(40000, number, dtype=np.int64)
        assert sum_of_squares(words) == 40000 * number**2


@given(st.lists(st.integers(-(2**59), 2**59), min_size=1, max_size=5), st.integers(0, 4 * UNIT))
def test_products_are_exact_and_rounded_half_up(numbers, units):
    found = times(np.array(numbers, dtype=np.int64), units)
    assert list(found) == [half_up(Fraction(number * units, UNIT)) for number in numbers]


def test_a_product_that_would_wrap_is_refused():
    """A velocity comes from somebody else's file."""
    times(np.array([2**60]), UNIT)
    for number in (2**60, -(2**60)):
        with pytest.raises(RangeError, match=r"beyond 2\^61"):
            times(np.array([5, number]), 2 * UNIT)


def test_nothing_is_moved_by_nothing():
    rule = AggregationRule(server_rate=16, momentum=0.5)
    parameters, velocity = rule.moved(np.arange(3), np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64))
    assert list(parameters) == [0, 1, 2]
    assert not velocity.any()
