import copy
import json

import pytest

from twopm_zk.errors import InputError, ProofFormatError
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.plonk.proof import (
    KEY_POINTS,
    PROOF_EVALUATIONS,
    PROOF_POINTS,
    G1Point,
    Proof,
    VerificationKey,
    public_from_json,
    read_proof,
    read_public,
    read_verification_key,
)
from twopm_zk.plonk.zkey import root_of_unity

pytestmark = pytest.mark.prover


@pytest.fixture(scope="module")
def proof_json(tiny_proof):
    return tiny_proof("three").proof.to_json()


@pytest.fixture(scope="module")
def key_json(tiny_proof):
    return tiny_proof("three").verification_key.to_json()


def with_change(row, path, value):
    row = copy.deepcopy(row)
    target = row
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    return row


@pytest.mark.slow
def test_what_is_written_is_what_was_read(proof_json, key_json):
    assert Proof.from_json(proof_json).to_json() == proof_json
    assert VerificationKey.from_json(key_json).to_json() == key_json


NOT_DECIMAL = [7, None, True, "", "0x1", "-1", "+1", "1_0", " 1", "1 ", "01", "1e3", "٣", "1" * 79, ["1"]]


@pytest.mark.parametrize("value", NOT_DECIMAL)
def test_only_decimal_strings_are_numbers(proof_json, key_json, value):
    with pytest.raises(ProofFormatError, match="eval_a is not a decimal string"):
        Proof.from_json(with_change(proof_json, ["eval_a"], value))
    with pytest.raises(ProofFormatError, match="A is not a decimal string"):
        Proof.from_json(with_change(proof_json, ["A", 0], value))
    with pytest.raises(ProofFormatError, match="k1 is not a decimal string"):
        VerificationKey.from_json(with_change(key_json, ["k1"], value))
    with pytest.raises(ProofFormatError, match="public input 1 is not a decimal string"):
        public_from_json(["1", value])


@pytest.mark.parametrize("name", PROOF_EVALUATIONS)
def test_evaluations_are_below_the_field_order(proof_json, name):
    assert getattr(Proof.from_json(with_change(proof_json, [name], str(FIELD_ORDER - 1))), name) == FIELD_ORDER - 1
    with pytest.raises(ProofFormatError, match=f"{name} is not below FIELD_ORDER"):
        Proof.from_json(with_change(proof_json, [name], str(FIELD_ORDER)))


@pytest.mark.parametrize("name", PROOF_POINTS)
def test_points_of_a_proof_are_on_the_curve_and_canonical(proof_json, name):
    x, y, _ = proof_json[name]
    with pytest.raises(ProofFormatError, match=f"{name} is not on the curve"):
        Proof.from_json(with_change(proof_json, [name, 0], str((int(x) + 1) % BASE_FIELD_ORDER)))
    with pytest.raises(ProofFormatError, match="not below BASE_FIELD_ORDER"):
        Proof.from_json(with_change(proof_json, [name, 0], str(int(x) + BASE_FIELD_ORDER)))
    with pytest.raises(ProofFormatError, match="affine"):
        Proof.from_json(with_change(proof_json, [name, 2], "2"))
    negated = Proof.from_json(with_change(proof_json, [name, 1], str(BASE_FIELD_ORDER - int(y))))
    assert getattr(negated, name) == G1Point(int(x), BASE_FIELD_ORDER - int(y))


@pytest.mark.parametrize("name", KEY_POINTS)
def test_points_of_a_key_are_on_the_curve(key_json, name):
    with pytest.raises(ProofFormatError, match=f"{name} is not on the curve"):
        VerificationKey.from_json(with_change(key_json, [name], ["1", "3", "1"]))


def test_infinity_has_one_spelling_in_a_key_and_none_in_a_proof(key_json, proof_json):
    zero = VerificationKey.from_json(with_change(key_json, ["Qm"], ["0", "1", "0"]))
    assert G1Point(0, 0) == zero.Qm
    assert zero.to_json()["Qm"] == ["0", "1", "0"]
    for other in (["0", "0", "0"], ["1", "2", "0"], ["0", "0", "1"]):
        with pytest.raises(ProofFormatError):
            VerificationKey.from_json(with_change(key_json, ["Qm"], other))


@pytest.mark.parametrize("name", PROOF_POINTS)
def test_a_proof_has_no_point_at_infinity_since_contracts_refuse_it(proof_json, name):
    with pytest.raises(ProofFormatError, match=f"proof.{name} is the point at infinity"):
        Proof.from_json(with_change(proof_json, [name], ["0", "1", "0"]))


@pytest.mark.parametrize("value", [[], ["1", "2"], ["1", "2", "1", "1"], "12", None, {"x": "1"}])
def test_points_have_three_coordinates(proof_json, value):
    with pytest.raises(ProofFormatError, match="three coordinates"):
        Proof.from_json(with_change(proof_json, ["Z"], value))


def test_every_field_is_needed(proof_json, key_json):
    for row, parse in ((proof_json, Proof.from_json), (key_json, VerificationKey.from_json)):
        for name in row:
            with pytest.raises(ProofFormatError, match=f"lacks {name}"):
                parse({key: value for key, value in row.items() if key != name})


@pytest.mark.parametrize(("name", "value"), [("protocol", "groth16"), ("protocol", None), ("curve", "bls12381")])
def test_other_protocols_and_curves_are_refused(proof_json, key_json, name, value):
    with pytest.raises(ProofFormatError, match="another"):
        Proof.from_json(with_change(proof_json, [name], value))
    with pytest.raises(ProofFormatError, match="another"):
        VerificationKey.from_json(with_change(key_json, [name], value))


@pytest.mark.parametrize("value", [None, [], "x", 3])
def test_other_json_values_are_refused(value):
    for parse in (Proof.from_json, VerificationKey.from_json):
        with pytest.raises(ProofFormatError, match="must be an object"):
            parse(value)
    if value != []:
        with pytest.raises(ProofFormatError, match="must be a list"):
            public_from_json(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("nPublic", -1), ("nPublic", "3"), ("nPublic", True), ("nPublic", 65), ("power", 29), ("power", 6.0)],
)
def test_counts_are_small_numbers(key_json, name, value):
    with pytest.raises(ProofFormatError, match=f"{name} is not a number from 0"):
        VerificationKey.from_json(with_change(key_json, [name], value))


@pytest.mark.parametrize("w", [1, FIELD_ORDER - 1, root_of_unity(5), root_of_unity(7), 5])
def test_w_is_a_root_of_unity_of_exactly_the_domains_order(key_json, w):
    assert VerificationKey.from_json(key_json).w == root_of_unity(6)
    with pytest.raises(ProofFormatError, match="root of unity"):
        VerificationKey.from_json(with_change(key_json, ["w"], str(w)))


def test_the_g2_point_is_on_the_twist_and_in_its_subgroup(key_json):
    from py_ecc.optimized_bn128 import FQ2, b2, curve_order, is_inf, is_on_curve, multiply

    with pytest.raises(ProofFormatError, match="not in the group G2"):
        VerificationKey.from_json(with_change(key_json, ["X_2", 0, 0], "1"))
    with pytest.raises(ProofFormatError, match="affine"):
        VerificationKey.from_json(with_change(key_json, ["X_2", 2], ["2", "0"]))
    with pytest.raises(ProofFormatError, match="quadratic"):
        VerificationKey.from_json(with_change(key_json, ["X_2", 0], "1"))
    # A point of the twist outside the subgroup: most x have one, as the cofactor is large.
    x, y = twist_point()
    assert is_on_curve((FQ2(x), FQ2(y), FQ2.one()), b2)
    assert not is_inf(multiply((FQ2(x), FQ2(y), FQ2.one()), curve_order))
    stray = [[str(part) for part in x], [str(part) for part in y], ["1", "0"]]
    with pytest.raises(ProofFormatError, match="not in the group G2"):
        VerificationKey.from_json(with_change(key_json, ["X_2"], stray))


def twist_point():
    """A point of the twist, by square roots in the quadratic extension (BASE_FIELD_ORDER = 3 mod 4)."""
    from py_ecc.optimized_bn128 import FQ2, b2

    p = BASE_FIELD_ORDER
    for real in range(1, 100):
        x = FQ2((real, 0))
        a, b = (int(part) for part in (x**3 + b2).coeffs)
        norm = (a * a + b * b) % p
        root = pow(norm, (p + 1) // 4, p)
        if root * root % p != norm:
            continue
        for sign in (root, -root):
            half = (a + sign) * pow(2, -1, p) % p
            c = pow(half, (p + 1) // 4, p)
            if c and c * c % p == half:
                y = (c, b * pow(2 * c, -1, p) % p)
                if FQ2(y) ** 2 == x**3 + b2:
                    return (real, 0), y
    raise AssertionError("no point found")


def test_public_inputs_at_the_edge_of_the_field():
    assert public_from_json([str(FIELD_ORDER - 1), "0"]) == [FIELD_ORDER - 1, 0]
    with pytest.raises(ProofFormatError, match="public input 0 is not below FIELD_ORDER"):
        public_from_json([str(FIELD_ORDER)])


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe\x00", b"[" * 100_000])
def test_files_that_are_no_json_are_refused(tmp_path, content):
    path = tmp_path / "file.json"
    path.write_bytes(content)
    for read in (read_proof, read_public, read_verification_key):
        with pytest.raises(ProofFormatError, match=r"is not JSON|is nested more than"):
            read(path)


def test_files_that_cannot_be_read_are_input_errors(tmp_path):
    for read in (read_proof, read_public, read_verification_key):
        with pytest.raises(InputError, match="cannot be read"):
            read(tmp_path / "none.json")


def test_numbers_of_a_damaged_proof_are_not_repeated(proof_json):
    with pytest.raises(ProofFormatError) as caught:
        Proof.from_json(with_change(proof_json, ["eval_a"], str(FIELD_ORDER + 12345)))
    assert "12345" not in str(caught.value)
    assert json.dumps(proof_json)
