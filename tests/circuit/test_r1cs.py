import random
from itertools import product

import pytest
from support.r1cs_files import r1cs_bytes

from twopm_zk.circuit.r1cs import domain_power, plonk_gates, read_r1cs
from twopm_zk.errors import CircuitError, FileFormatError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.ptau import insecure_ptau
from twopm_zk.plonk.zkey import read_zkey

MULTIPLY = ({1: 1}, {2: 1}, {3: 1})  # w1 * w2 = w3


def parsed(tmp_path, *arguments, **options):
    path = tmp_path / "circuit.r1cs"
    path.write_bytes(r1cs_bytes(*arguments, **options))
    return read_r1cs(path)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3)])
def test_sections_may_come_in_any_order(tmp_path, order):
    r1cs = parsed(tmp_path, [MULTIPLY], wires=4, outputs=1, public=2, order=order)
    assert (r1cs.wires, r1cs.public, r1cs.constraints) == (4, 3, 1)
    assert r1cs.first_violation([1, 6, 7, 42]) is None
    assert r1cs.wires_of(0) == [1, 2, 3]


@pytest.mark.parametrize(
    ("witness", "broken"),
    [([1, 2, 3, 6, 5], None), ([1, 2, 3, 7, 5], 0), ([1, 2, 3, 6, 6], 1), ([1, 0, 3, 0, 3], None)],
)
def test_first_violation_names_the_first_broken_constraint(tmp_path, witness, broken):
    add = ({}, {}, {1: 1, 2: 1, 4: -1})
    assert parsed(tmp_path, [MULTIPLY, add], wires=5).first_violation(witness) == broken


def test_constraints_are_taken_modulo_the_field_order(tmp_path):
    r1cs = parsed(tmp_path, [({1: FIELD_ORDER - 1, 0: 5}, {2: 1}, {3: -2})], wires=4)
    w1, w2 = FIELD_ORDER - 10, 123456789
    w3 = (-w1 + 5) * w2 * pow(-2, -1, FIELD_ORDER) % FIELD_ORDER
    assert r1cs.first_violation([1, w1, w2, w3]) is None
    assert r1cs.first_violation([1, w1, w2, (w3 + 1) % FIELD_ORDER]) == 0


def test_a_witness_of_another_length_is_a_programming_error(tmp_path):
    with pytest.raises(ValueError, match="3 values"):
        parsed(tmp_path, [MULTIPLY], wires=4).first_violation([1, 2, 3])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"wires": 4, "prime": FIELD_ORDER - 2}, "another prime"),
        ({"wires": 3}, "corrupted"),
        ({"wires": 4, "outputs": 4}, "more public signals"),
        ({"wires": 4, "extra": b"\0\0\0\0"}, "corrupted"),
        ({"wires": 4, "order": (1, 3)}, "no section 2"),
        ({"wires": 4, "order": (2, 3)}, "no section 1"),
    ],
)
def test_files_that_do_not_add_up_are_refused(tmp_path, arguments, message):
    with pytest.raises(FileFormatError, match=message):
        parsed(tmp_path, [MULTIPLY], **arguments)


def test_every_truncation_is_refused(tmp_path):
    path = tmp_path / "circuit.r1cs"
    whole = r1cs_bytes([MULTIPLY], wires=4)
    for length in range(0, len(whole), 5):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            read_r1cs(path)


def test_a_term_count_beyond_the_section_is_refused(tmp_path):
    path = tmp_path / "circuit.r1cs"
    whole = bytearray(r1cs_bytes([MULTIPLY], wires=4))
    at = 12 + 12 + 64 + 12
    assert whole[at : at + 4] == b"\x01\0\0\0"
    whole[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(whole)
    with pytest.raises(FileFormatError, match="corrupted"):
        read_r1cs(path)


def test_a_wire_named_twice_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match="twice"):
        parsed(tmp_path, [([(1, 1), (1, 1)], {2: 1}, {3: 1})], wires=4)


def test_wires_in_descending_order_are_accepted(tmp_path):
    r1cs = parsed(tmp_path, [([(3, 1), (1, 1)], {0: 1}, {2: 1})], wires=4)
    assert r1cs.first_violation([1, 4, 9, 5]) is None


def test_a_coefficient_beyond_the_field_is_refused(tmp_path):
    path = tmp_path / "circuit.r1cs"
    content = r1cs_bytes([({1: FIELD_ORDER - 1}, {2: 1}, {3: 1})], wires=4)
    path.write_bytes(content.replace((FIELD_ORDER - 1).to_bytes(32, "little"), FIELD_ORDER.to_bytes(32, "little")))
    with pytest.raises(FileFormatError, match="not a field element"):
        read_r1cs(path)


def test_custom_gates_are_refused_by_name(tmp_path):
    path = tmp_path / "circuit.r1cs"
    content = bytearray(r1cs_bytes([MULTIPLY], wires=4))
    content[8] = 4
    path.write_bytes(bytes(content) + b"\x04\0\0\0" + (4).to_bytes(8, "little") + b"\x01\0\0\0")
    with pytest.raises(CircuitError, match="custom templates"):
        read_r1cs(path)


@pytest.mark.parametrize(
    ("gates", "power"), [(0, 3), (1, 3), (2, 3), (8, 3), (9, 4), (16, 4), (17, 5), (32768, 15), (32769, 16)]
)
def test_domain_power_is_that_of_snarkjs_at_every_edge(gates, power):
    assert domain_power(gates) == power


def all_shapes():
    """Every combination of 0-5 terms, a constant or not, and zero coefficients, in A, B and C."""
    rng = random.Random(7)

    def part(terms, constant, zero):
        wires = rng.sample(range(1, 20), terms)
        values = {wire: rng.randrange(1, FIELD_ORDER) for wire in sorted(wires)}
        if zero and values:
            values[rng.choice(list(values))] = 0
        return ({0: rng.randrange(1, 9)} if constant else {}) | values

    small = list(product((0, 1, 2, 4), (False, True), (False,)))
    return [
        (part(*a), part(*b), part(terms, True, zero))
        for a, b, terms, zero in product(small, small, (0, 1, 3, 5), (False, True))
    ]


def cancelling():
    """k * B = C where the difference has terms that vanish, and constants that are zero."""
    return [
        ({0: 2}, {1: 1, 2: 1, 3: 1, 4: 5}, {1: 2, 2: 2, 3: 2, 5: 1}),
        ({1: 1, 2: 1}, {0: 1}, {1: 1, 2: 1}),
        ({0: 0}, {1: 1, 2: 2}, {3: 1, 4: 1, 5: 1, 6: 1}),
        ({1: 0}, {2: 1}, {3: 1}),
        ({0: 3}, {0: 4}, {1: 1, 2: 1, 3: 1, 4: 1, 5: 1}),
        ({0: 3}, {0: 4}, {0: 12}),
        ({}, {}, {}),
    ]


def snarkjs_gates(tmp_path, constraints, wires, outputs):
    path = tmp_path / "circuit.r1cs"
    path.write_bytes(r1cs_bytes(constraints, wires=wires, outputs=outputs))
    r1cs = read_r1cs(path)
    counted = plonk_gates(r1cs)
    zkey = tmp_path / "circuit.zkey"
    get_backend("snarkjs").setup(path, insecure_ptau(domain_power(counted)), zkey)
    made = read_zkey(zkey)
    assert made.power == domain_power(counted)
    return counted, made.gates


@pytest.mark.slow
@pytest.mark.prover
@pytest.mark.parametrize(
    ("constraints", "outputs"),
    [
        (all_shapes(), 4),
        (cancelling(), 0),
        *(pytest.param([one] * 9, 1, marks=pytest.mark.slow) for one in cancelling()),
    ],
)
def test_gates_are_those_of_a_real_setup(tmp_path, constraints, outputs):
    counted, made = snarkjs_gates(tmp_path, constraints, 20, outputs)
    assert counted == made


@pytest.mark.slow
@pytest.mark.prover
@pytest.mark.parametrize("seed", range(3))
def test_gates_of_random_r1cs_are_those_of_a_real_setup(tmp_path, seed):
    rng = random.Random(seed)

    def part():
        wires = sorted(rng.sample(range(30), rng.choice((0, 1, 1, 2, 3, 7))))
        return {wire: rng.choice((0, 1, FIELD_ORDER - 1, 12345)) for wire in wires}

    constraints = [(part(), part(), part()) for _ in range(rng.choice((3, 50, 400)))]
    counted, made = snarkjs_gates(tmp_path, constraints, 30, seed)
    assert counted == made


@pytest.mark.circuit
@pytest.mark.prover
@pytest.mark.parametrize("name", ["multiplier", "three", "fifty", "zeros", "hidden"])
def test_gates_of_compiled_circuits_are_those_of_their_keys(tiny, tiny_keys, name):
    zkey = read_zkey(tiny_keys(name).zkey)
    circuit = tiny(name)
    assert (zkey.gates, zkey.power, zkey.public) == (circuit.gates, circuit.power, len(circuit.public))
    assert zkey.wires - zkey.additions == circuit.wires
