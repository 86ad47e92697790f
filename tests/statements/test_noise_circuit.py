"""Noise in updates: equal to the twin, bounded by the constraints alone, and no cover for another lie."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.drawn_rows import draw_statement
from support.liar import all_violated, check_in, check_signals, committed, mended, with_signals
from support.row_circuits import KINDS, about, random_statement, row_circuit, small_x, widths
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.instances import find_instance, instances
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import BoundError, InputError, RangeError
from twopm_zk.numbers import scores
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.numbers.pedersen import GRADIENT, Opening
from twopm_zk.statements import Family, StepShape
from twopm_zk.statements.rows import MAX_NOISE
from twopm_zk.statements.step import exact_gradient

pytestmark = pytest.mark.circuit

BITS = 3


@pytest.fixture(scope="module", params=[(kind, family) for kind in KINDS for family in Family], ids=str)
def noisy(request):
    kind, family = request.param
    return kind, *row_circuit(kind, 3, 2, family=family, noise=BITS)


@pytest.fixture(scope="module")
def step():
    return row_circuit("step", 1, 1, noise=BITS)


def with_noise(said, noise):
    """The statement with this noise in its update, under a blinding that a single commitment may have."""
    exact = said.tally()
    items = tuple(item + add for item, add in zip(exact.items, noise, strict=True))
    opening = small_x(exact.unit, items, exact.rows)
    return type(said)(said.shape, said.context, said.weights, said.data, said.salt, opening)


def edges(shape):
    """The largest noise that each sum may carry, and the smallest."""
    bounds = [shape.noise_bound(index) for index in range(len(shape.largest_sums()))]
    return [bound - 1 for bound in bounds], [-bound for bound in bounds]


@pytest.mark.slow
@settings(max_examples=15)
@given(data=st.data())
def test_circuit_equals_twin(noisy, data):
    kind, circuit, shape = noisy
    said = draw_statement(data, KINDS[kind][2], shape)
    noise = [data.draw(st.sampled_from(pair) | st.integers(*sorted(pair))) for pair in zip(*edges(shape), strict=True)]
    said = with_noise(said, noise)
    assert said.noise == tuple(noise)
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


@pytest.mark.slow
def test_both_edges_of_the_noise_are_taken_and_the_numbers_beyond_them_refused_by_the_twin(noisy):
    kind, circuit, shape = noisy
    for noise, step in zip(edges(shape), (1, -1), strict=True):
        said = with_noise(random_statement(kind, shape), noise)
        assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)
        for index in {0, len(noise) - 1}:
            beyond = list(noise)
            beyond[index] += step
            with pytest.raises(RangeError, match="not below 2\\^3"):
                with_noise(random_statement(kind, shape), beyond).circuit_inputs()


@pytest.mark.slow
def test_every_wire_is_determined_by_the_inputs(noisy):
    kind, circuit, shape = noisy
    said = with_noise(random_statement(kind, shape), edges(shape)[0])
    witness = calculate_witness(circuit, said.circuit_inputs())
    assert undetected_changes(circuit, witness) == []
    # where |z| rounds to 0 a sign would be free; these weights leave none so
    assert free_wires(circuit, witness) == []


def lying(circuit, said, items, noise):
    """A witness that commits to these items, with this noise in them, and every digit as a liar would choose it."""
    honest = with_noise(said, [0] * len(items))
    witness = calculate_witness(circuit, honest.circuit_inputs())
    unit, rows = honest.opening.unit, honest.opening.rows
    every = widths(said.shape, len(items))
    blinding = small_x(unit, tuple(items), rows).blinding
    forged = Opening(unit, tuple(items), rows, blinding)
    made = committed(circuit, unit, forged, every) | {"main.blinding": blinding}
    made |= {f"main.noise[{k}]": value for k, value in enumerate(noise)}
    return mended(circuit, with_signals(circuit, witness.values, made))


@pytest.mark.slow
@pytest.mark.parametrize("above", [True, False])
def test_noise_beyond_its_bound_is_refused_by_its_range_check_alone(noisy, above):
    """Point, digits and noise agree: nothing but the bound of this one sum stands in the way."""
    kind, circuit, shape = noisy
    said = random_statement(kind, shape)
    exact = said.tally().items
    largest, smallest = edges(shape)
    for index in {0, len(exact) - 1}:
        noise = [0] * len(exact)
        noise[index] = largest[index] + 1 if above else smallest[index] - 1
        items = [item + add for item, add in zip(exact, noise, strict=True)]
        (failed,) = all_violated(circuit, lying(circuit, said, items, noise))
        assert any("BoundedNoise" in name for name in failed)
    noise = [5] * len(exact)
    truth = lying(circuit, said, [item + 5 for item in exact], noise)
    assert all_violated(circuit, truth) == []


def test_noise_does_not_hide_a_sum_that_was_rounded_otherwise(step):
    """What is committed to is right; the sum is one more, the noise one less: the rest has no digits."""
    circuit, shape = step
    said = random_statement("step", shape, rows=1)
    witness = lying(circuit, said, said.tally().items, [-1, 0])
    unit = 1 << shape.dropped_bits
    honest = (exact_gradient(shape, said.weights, *said.data.used())[0] + unit // 2) % unit
    check = check_in(circuit, "main.rounded[0]", shape.dropped_bits)
    made = check_signals(check, (honest - unit) % FIELD_ORDER, shape.dropped_bits)
    made["main.rounded[0].out"] = said.tally().items[0] + 1
    (failed,) = all_violated(circuit, with_signals(circuit, witness.values, made))
    assert any(name.startswith(f"{check}.") for name in failed)


@pytest.mark.slow
def test_noise_does_not_hide_a_count_that_another_lane_pays_for():
    """Four times the number of all lanes is the same, and what is committed to: the count's own check refuses it."""
    circuit, shape = row_circuit("evaluate", 2, 1, noise=13)
    said = about("evaluate", shape, [[4096], [-9000]], [1, 0], (1 << 20, 1 << 18))
    exact = said.tally().items
    first = 2 + scores.BINS // 2  # the lowest lane of class 0, above one half
    lane = 1 << scores.BIN_LANE
    noise = [0] * len(exact)
    noise[first], noise[first + 1] = -lane, 1
    witness = lying(circuit, said, exact, noise)
    made = {f"main.sums[{first}]": exact[first] + lane, f"main.sums[{first + 1}]": exact[first + 1] - 1}
    forged = mended(circuit, with_signals(circuit, witness.values, made))
    failed = all_violated(circuit, forged)
    assert len(failed) == 1
    assert f"main.sums[{first}]" in failed[0] or any("RangeCheck" in name for name in failed[0])


@pytest.mark.slow
def test_an_instance_without_noise_has_none(step):
    plain, shape = row_circuit("step", 1, 1)
    assert not any(name.startswith("main.noise") for name in plain.load_symbols().wire_of)
    assert any(name.startswith("main.noise") for name in step[0].load_symbols().wire_of)
    exact = random_statement("step", shape, rows=1)
    items = tuple(item + 1 for item in exact.tally().items)
    forged = type(exact)(
        shape, exact.context, exact.weights, exact.data, exact.salt, small_x(GRADIENT, items, exact.tally().rows)
    )
    assert forged.noise == ()
    assert calculate_witness(plain, forged.circuit_inputs()).public != list(forged.public)


@given(noise=st.integers(0, MAX_NOISE), rows=st.integers(1, 1023), family=st.sampled_from(list(Family)))
def test_a_thousand_updates_keep_to_their_lanes(noise, rows, family):
    for _, kind, _ in KINDS.values():
        shape = kind(rows, 3, FEATURES, family, noise)
        assert shape.most_updates >= 1 << (10 if noise else 20)
        for width, place in zip(shape.digits, shape.unit.places(len(shape.digits)), strict=True):
            assert 2 * width <= place.bits
            # what RoundHalfUp wants: what is committed to less the noise, times what was dropped, is below 2^252
            assert width <= 42


def test_more_noise_is_refused():
    sizes = {"ROWS": 4, "FEATURES": 2, "X_BITS": 16, "X_FRAC": 12, "FAMILY": 0, "NOISE": MAX_NOISE + 1}
    with pytest.raises(BoundError, match="noise can reach"):
        StepShape.from_parameters(sizes)


def test_a_name_gives_its_noise():
    listed = instances()["step-117x3-noise8"]
    other = find_instance("step-117x3-noise11")
    assert other.parameters == {**listed.parameters, "NOISE": 11}
    assert other.name == "step-117x3-noise11"
    assert "11);" in other.main()
    for name in ("step-117x3-noise1", "step-117x3-noise17", "step-117x3-noise08", "step-117x3-noise"):
        with pytest.raises(InputError):
            find_instance(name)
    with pytest.raises(InputError, match="no open parameter"):
        instances()["step-119x3"].with_number(3)


@pytest.mark.slow
def test_noise_takes_at_most_15_percent_of_a_steps_gates():
    plain, noisy = (row_circuit("step", 20, 3, noise=noise)[0].gates for noise in (0, 8))
    assert 0 < noisy - plain < 0.15 * find_instance("step-117x3-noise8").parameters["ROWS"] * (plain / 20)


def test_noise_is_not_in_a_repr():
    said = with_noise(random_statement("step", StepShape(4, 2, FEATURES, noise=4)), [12345678, 0, 0])
    assert "12345678" not in repr(said)
    assert np.array(said.noise).tolist() == [12345678, 0, 0]
