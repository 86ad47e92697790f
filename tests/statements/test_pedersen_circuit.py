"""lib/pedersen.circom: equal to its twin, and every hint of a liar refused by the constraints alone.

A liar (`support.liar`) computes every signal anew from false digits, so that only the constraint that is meant to stop
it is left to do so.
"""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.liar import base_4, halves, inverse, pedersen_signals
from support.soundness import free_wires, undetected_changes

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import Instance
from twopm_zk.circuit.witness import Witness, calculate_witness
from twopm_zk.errors import WitnessError
from twopm_zk.numbers.baby_jubjub import IDENTITY, SUBGROUP_ORDER, add, multiply
from twopm_zk.numbers.commitments import Tag, public_hash
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.pedersen import (
    BLINDING_DIGITS,
    EVALUATION,
    GRADIENT,
    INFORMATION,
    SQUARES,
    X_BITS,
    Opening,
    start_point,
)
from twopm_zk.system.paths import circuits_dir

pytestmark = pytest.mark.circuit

CIRCUITS = Path(__file__).parents[1] / "circuits"
DIGITS = (3, 5)
ROWS_DIGITS = 3
WIDTHS = (*DIGITS, ROWS_DIGITS, BLINDING_DIGITS)
PARAMETERS = {"UNIT": 0, "COUNT": 2, "DIGITS": list(DIGITS), "ROWS_DIGITS": ROWS_DIGITS}


@pytest.fixture(scope="module")
def circuits():
    return {
        template: compile_circuit(Instance(f"{template}-test", "lib/pedersen.circom", template, PARAMETERS))
        for template in ("PedersenPoint", "PedersenCommitment", "PedersenHash")
    }


def inputs(opening):
    return {
        "items": [item % FIELD_ORDER for item in opening.items],
        "rows": opening.rows % FIELD_ORDER,
        "blinding": opening.blinding % FIELD_ORDER,
    }


def within(digits):
    low, high = -(4**digits) // 2, 4**digits // 2 - 1
    return st.one_of(st.sampled_from([low, low + 1, -1, 0, 1, high - 1, high]), st.integers(low, high))


openings = st.builds(
    Opening,
    st.just(GRADIENT),
    st.tuples(*map(within, DIGITS)),
    within(ROWS_DIGITS),
    st.one_of(within(BLINDING_DIGITS), st.integers(-(SUBGROUP_ORDER // 2), SUBGROUP_ORDER // 2)),
)


@pytest.mark.slow
@settings(max_examples=40)
@given(opening=openings)
def test_point_and_its_hash_equal_the_twin(circuits, opening):
    if opening.point == IDENTITY:
        return
    assert calculate_witness(circuits["PedersenPoint"], inputs(opening)).public == list(opening.point)
    hashed = calculate_witness(circuits["PedersenHash"], inputs(opening)).public
    assert hashed == [public_hash(Tag.POINT, opening.point)]


@pytest.mark.slow
@settings(max_examples=30)
@given(opening=openings)
def test_a_single_commitment_needs_a_small_x_and_a_point_that_is_not_the_identity(circuits, opening):
    if opening.point == IDENTITY:
        with pytest.raises(WitnessError, match="PedersenPoint"):
            calculate_witness(circuits["PedersenCommitment"], inputs(opening))
    elif opening.point.x < 1 << X_BITS:
        assert calculate_witness(circuits["PedersenCommitment"], inputs(opening)).public == [opening.point.y]
    else:
        with pytest.raises(WitnessError, match="RangeCheck"):
            calculate_witness(circuits["PedersenCommitment"], inputs(opening))


def with_scalar(opening, index, value):
    scalars = [*opening.items, opening.rows, opening.blinding]
    scalars[index] = value
    return Opening(GRADIENT, tuple(scalars[:2]), scalars[2], scalars[3])


@pytest.mark.slow
@pytest.mark.parametrize(("index", "digits"), list(enumerate(WIDTHS)))
def test_both_edges_of_every_scalar_pass_and_one_step_outside_fails(circuits, index, digits):
    some = Opening(GRADIENT, (5, -7), 2, 12345)
    for inside in (-(4**digits) // 2, 4**digits // 2 - 1):
        opening = with_scalar(some, index, inside)
        assert calculate_witness(circuits["PedersenPoint"], inputs(opening)).public == list(opening.point)
    for outside in (-(4**digits) // 2 - 1, 4**digits // 2):
        with pytest.raises(WitnessError, match="PedersenPoint"):
            calculate_witness(circuits["PedersenPoint"], inputs(with_scalar(some, index, outside)))


@pytest.mark.slow
def test_every_wire_is_determined_by_the_inputs(circuits):
    opening = Opening.drawn(GRADIENT, (5, -100), 7)
    for circuit in circuits.values():
        witness = calculate_witness(circuit, inputs(opening))
        assert undetected_changes(circuit, witness) == []
        assert free_wires(circuit, witness) == []


UNITS = (GRADIENT, INFORMATION, EVALUATION, SQUARES)
"""As the circuits number them."""


@pytest.mark.slow
def test_the_circuit_has_every_sum_where_the_twin_has_it():
    public = calculate_witness(compile_circuit(CIRCUITS / "places.circom"), {}).public
    count = len(public) // len(UNITS)
    expected = [place.scalar << 16 | place.offset for unit in UNITS for place in unit.places(count)]
    assert public == expected


@pytest.mark.slow
@pytest.mark.parametrize(("number", "count"), [(0, 7), (1, 28), (2, 42), (3, 3)])
def test_a_point_of_every_unit_equals_the_twin(number, count):
    """One sum at a time, so that each has its own generator, and all of them together."""
    digits = [2] * count
    parameters = {"UNIT": number, "COUNT": count, "DIGITS": digits, "ROWS_DIGITS": 2}
    instance = Instance(f"unit-{number}-test", "lib/pedersen.circom", "PedersenPoint", parameters)
    circuit, unit = compile_circuit(instance), UNITS[number]
    some = [*({0, 1, count // 2, count - 1})]
    for items in ([(-3 * k) % 16 - 8 for k in range(count)], *([int(k == one) for k in range(count)] for one in some)):
        opening = Opening(unit, tuple(items), 3, 12345)
        assert calculate_witness(circuit, inputs(opening)).public == list(opening.point)


def test_gates_are_twelve_for_each_digit(circuits):
    """And these for start, end, Edwards form, and the check of x or the hash."""
    rest = {"PedersenPoint": 5, "PedersenCommitment": 381, "PedersenHash": 691}
    found = {template: circuit.gates - 12 * sum(WIDTHS) for template, circuit in circuits.items()}
    assert found == rest


# A liar's side


def signals(biased_digits, **options):
    return pedersen_signals(GRADIENT, biased_digits, **options)


def digits_of(opening):
    scalars = (*opening.items, opening.rows, opening.blinding)
    return [base_4(scalar, digits) for scalar, digits in zip(scalars, WIDTHS, strict=True)]


def assembled(circuit, opening, made, *, point="main"):
    """The witness that has these signals of the component ``point``, others by their full names, and its inputs."""
    wire_of = circuit.load_symbols().wire_of
    values = [0] * circuit.wires
    values[0] = 1
    given = {f"items[{k}]": item for k, item in enumerate(opening.items)}
    given |= {"rows": opening.rows, "blinding": opening.blinding}
    for name, value in (made | given).items():
        wire = wire_of[name if name.startswith("main.") else f"{point}.{name}"]
        if wire >= 0:  # else it is a multiple of another one, or another name of it
            values[wire] = value % FIELD_ORDER
    return Witness(circuit, values)


def violated(circuit, witness):
    """Names of the signals in the first constraint that fails, without indices; none where all hold."""
    index = circuit.load_r1cs().first_violation(witness.values)
    if index is None:
        return set()
    name_of = circuit.load_symbols().name_of
    return {name_of[wire].removeprefix("main.").split("[")[0] for wire in circuit.load_r1cs().wires_of(index)}


SOME = Opening(GRADIENT, (5, -100), 7, -(2**200) + 99)


def test_the_liars_side_is_the_honest_one_where_it_tells_the_truth(circuits):
    circuit = circuits["PedersenPoint"]
    honest = calculate_witness(circuit, inputs(SOME))
    assert list(assembled(circuit, SOME, signals(digits_of(SOME))).values) == list(honest.values)
    assert circuit.accepts(honest)


@pytest.mark.parametrize("odd", [5, -5, 0, 2, -2, 7])
@pytest.mark.parametrize("scalar", range(4))
def test_a_digit_that_is_none_is_refused_even_when_all_that_follows_is_adjusted(circuits, scalar, odd):
    circuit = circuits["PedersenPoint"]
    digits = digits_of(SOME)
    digits[scalar][1] = (odd + 3) * inverse(2) % FIELD_ORDER  # d = 2 e - 3
    value = (sum(e * 4**place for place, e in enumerate(digits[scalar])) - 4 ** WIDTHS[scalar] // 2) % FIELD_ORDER
    forged = assembled(circuit, with_scalar(SOME, scalar, value), signals(digits))
    assert violated(circuit, forged) == {"product"}


@pytest.mark.parametrize("scalar", range(4))
def test_digits_of_another_scalar_are_refused(circuits, scalar):
    circuit = circuits["PedersenPoint"]
    digits = digits_of(SOME)
    digits[scalar][0] ^= 1
    forged = assembled(circuit, SOME, signals(digits))
    assert "digit" in violated(circuit, forged)


@pytest.mark.parametrize("place", [0, 1, sum(DIGITS), sum(WIDTHS) - 1, sum(WIDTHS)])
def test_another_slope_is_refused_even_when_all_that_follows_is_adjusted(circuits, place):
    circuit = circuits["PedersenPoint"]
    honest = signals(digits_of(SOME))
    for forged_slope in (0, 1, -honest[f"slope[{place}]"], honest[f"slope[{place}]"] + 1):
        made = signals(digits_of(SOME), slopes={place: forged_slope})
        assert violated(circuit, assembled(circuit, SOME, made)) == {
            name for name in ("slope", "intercept", "u") if place or name != "u"
        }


def test_another_start_is_refused(circuits):
    circuit = circuits["PedersenPoint"]
    other = add(start_point(), start_point())
    names = violated(circuit, assembled(circuit, SOME, signals(digits_of(SOME), start=other)))
    assert names == {"u", "slope", "product"}


def test_the_other_x_with_the_same_y_is_refused(circuits):
    circuit = circuits["PedersenPoint"]
    witness = calculate_witness(circuit, inputs(SOME))
    assert not circuit.accepts(witness.replace("main.x", -witness.signal("main.x")))
    mirrored = witness.replace("main.x", -witness.signal("main.x")).replace("main.sumV", -witness.signal("main.sumV"))
    assert violated(circuit, mirrored) == {"slope", "sumU", "sumV", "intercept"}


def test_a_large_x_has_no_digits_in_a_single_commitment(circuits):
    """Neither itself, nor less FIELD_ORDER: every choice of digits is below 2^252."""
    circuit = circuits["PedersenCommitment"]
    blinding = 0
    while (large := Opening(GRADIENT, (5, -100), 7, blinding)).point.x < 1 << X_BITS:
        blinding += 1
    made = signals(digits_of(large))
    (check,) = {
        name.rsplit(".", 1)[0]
        for name in circuit.load_symbols().wire_of
        if name.startswith("main.RangeCheck") and ".digit[" in name
    }
    made |= {f"{check}.in": made["x"], "main.out": made["y"]}
    for number in (large.point.x % (1 << 252), large.point.x - FIELD_ORDER + (1 << 252)):
        for place in range(126):
            e = number >> (2 * place) & 3
            made |= {f"{check}.digit[{place}]": e, f"{check}.product[{place}]": e * (e - 3)}
        forged = assembled(circuit, large, made, point="main.point")
        assert {f"{check.removeprefix('main.')}.digit"} <= violated(circuit, forged)


# What the start point is for


@pytest.fixture(scope="module")
def known_start(tmp_path_factory):
    """The circuit with a start that meets the first picked point: its maker knows how it was made."""
    folder = tmp_path_factory.mktemp("known")
    start = multiply(halves(GRADIENT, 2)[0], 3)
    for half in halves(GRADIENT, 2):
        start = add(start, half)
    for file in ("commitment", "fixed_point", "pedersen", "pedersen_generators", "poseidon", "poseidon_constants"):
        text = (circuits_dir() / "lib" / f"{file}.circom").read_text()
        original = start_point()
        text = text.replace(f"[{original.x}, {original.y}]", f"[{start.x}, {start.y}]")
        (folder / f"{file}.circom").write_text(text)
    main = f"component main = PedersenPoint({', '.join(map(str, PARAMETERS.values()))});\n"
    (folder / "known.circom").write_text(f'pragma circom 2.1.6;\ninclude "pedersen.circom";\n{main}')
    return compile_circuit(folder / "known.circom"), start


def opening_with_first_digit(digit):
    first = [2, 2, 2]
    first[0] = (digit + 3) // 2
    value = sum(e * 4**place for place, e in enumerate(first)) - 4**3 // 2
    return Opening(GRADIENT, (value, -100), 7, 12345)


def test_adding_a_point_to_its_negative_is_refused(known_start):
    circuit, start = known_start
    opening = opening_with_first_digit(-3)
    for slope in (0, 1, 2**200):
        made = signals(digits_of(opening), start=start, slopes={0: slope})
        assert violated(circuit, assembled(circuit, opening, made)) == {"slope", "intercept"}


def test_adding_a_point_to_itself_would_leave_the_slope_free_and_only_a_known_start_makes_it_happen(known_start):
    """So the start is hashed from a name, and the file of constants is compared with that hash by a test."""
    circuit, start = known_start
    opening = opening_with_first_digit(3)
    outputs = set()
    for slope in (1, 2):
        made = signals(digits_of(opening), start=start, slopes={0: slope})
        forged = assembled(circuit, opening, made)
        assert circuit.accepts(forged)
        outputs.add(made["y"])
    assert len(outputs - {opening.point.y}) == 2
