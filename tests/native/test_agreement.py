"""The native prover against snarkjs, the Python verifier, and the paper in plain integers."""

import json

import pytest
from support.reference_prover import Prover

from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk import verifier
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.ptau import insecure_ptau

pytestmark = pytest.mark.prover
PROVABLE = ["multiplier", "three", "fifty", "zeros", "hidden"]


@pytest.fixture(scope="module")
def snarkjs():
    return get_backend("snarkjs")


@pytest.fixture
def inputs_of(tiny, tiny_inputs, tmp_path):
    """``inputs_of(name)``: path of a witness of a circuit in tests/circuits/."""

    def write(name):
        path = tmp_path / f"{name}.wtns"
        calculate_witness(tiny(name), tiny_inputs[name]).write(path)
        return path

    return write


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVABLE)
def test_keys_are_those_of_snarkjs_byte_for_byte(backend, tiny, tiny_keys, tmp_path, name):
    circuit = tiny(name)
    out = tmp_path / "circuit.zkey"
    backend.setup(circuit.r1cs, insecure_ptau(circuit.power), out)
    assert out.read_bytes() == tiny_keys(name).zkey.read_bytes()
    assert backend.export_verification_key(out) == tiny_keys(name).verification_key


@pytest.mark.slow
@pytest.mark.parametrize(("terms", "public"), [(1, 0), (2, 1), (3, 3), (9, 50)])
def test_keys_of_random_constraints_are_those_of_snarkjs(snarkjs, made, dev_ptau, tmp_path, terms, public):
    folder = made(60, terms=terms, public=public, seed=terms)
    snarkjs.setup(folder / "circuit.r1cs", dev_ptau(12), tmp_path / "circuit.zkey")
    assert (tmp_path / "circuit.zkey").read_bytes() == (folder / "circuit.zkey").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", PROVABLE)
def test_its_proofs_are_accepted_by_all_verifiers(backend, snarkjs, tiny_keys, inputs_of, name):
    keys = tiny_keys(name)
    proof, public = backend.prove(keys.zkey, inputs_of(name))
    for one in (backend, snarkjs, verifier):
        assert one.verify(keys.verification_key, public, proof)


@pytest.mark.slow
@pytest.mark.chain
@pytest.mark.parametrize("name", ["three", "fifty"])
def test_its_proofs_are_accepted_by_the_contract(backend, tiny_keys, inputs_of, name):
    from twopm_zk.chain import verify_on_chain
    from twopm_zk.plonk.solidity import calldata, export_verifier

    keys = tiny_keys(name)
    proof, public = calldata(*backend.prove(keys.zkey, inputs_of(name)))
    result = verify_on_chain(export_verifier(keys.verification_key), "PlonkVerifier", proof, public)
    assert result.accepted


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PROVABLE if name != "hidden"])
def test_it_accepts_proofs_of_snarkjs(backend, tiny_proof, name):
    made = tiny_proof(name)
    assert backend.verify(made.verification_key, made.public, made.proof)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("count", "shape"),
    [
        (2, {}),
        (8, {}),
        (5, {"public": 0, "terms": 2}),
        pytest.param(9, {"public": 3, "terms": 4, "seed": 4}, marks=pytest.mark.slow),
        pytest.param(7, {"public": 9}, marks=pytest.mark.slow),
    ],
)
def test_fixed_randomness_gives_the_commitments_of_plain_integers(extension, made, count, shape):
    folder = made(count, **shape)
    b = [0, *(pow(7, 1000 + i, FIELD_ORDER) for i in range(1, 12))]
    key = extension.ProvingKey(folder / "circuit.zkey")
    blinding = [value.to_bytes(32, "little") for value in b[1:]]
    proof, _, _ = key.prove(folder / "circuit.wtns", insecure_blinding=blinding)
    points, evaluations = Prover(folder / "circuit.zkey", folder / "circuit.wtns").prove(b)
    proof = json.loads(proof)
    for name, expected in points.items():
        assert tuple(map(int, proof[name][:2])) == expected, name
    assert {name: int(proof[name]) for name in evaluations} == evaluations


FULL = [(power, 2**power) for power in range(3, 13)]
HALF_EMPTY = [(3, 2), (4, 9), (8, 129), (12, 2049)]
"""The fewest gates of the smallest domain, of the next, of one between, and of the largest: padding does not depend on
anything but how many gates are missing, and the domain's size is varied above."""


@pytest.mark.slow
@pytest.mark.parametrize(("power", "gates"), FULL + HALF_EMPTY)
def test_every_domain_size_is_proven_full_and_almost_empty(backend, made, power, gates):
    folder = made(gates)
    key = backend.export_verification_key(folder / "circuit.zkey")
    assert key.power == power
    proof, public = backend.prove(folder / "circuit.zkey", folder / "circuit.wtns")
    assert verifier.verify(key, public, proof)


@pytest.mark.slow
@pytest.mark.parametrize("power", [13, 14, 15, 16])
def test_large_domains_are_proven_and_accepted_by_snarkjs(backend, snarkjs, made, power):
    folder = made(2**power)
    key = backend.export_verification_key(folder / "circuit.zkey")
    proof, public = backend.prove(folder / "circuit.zkey", folder / "circuit.wtns")
    assert snarkjs.verify(key, public, proof)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("public", "terms"),
    # each number of either with the least, the most or a middle one of the other: additions are worked out before
    # anything knows which signals are public
    [(0, 1), (0, 7), (1, 2), (3, 1), (3, 7), (8, 2), (9, 7), (50, 1), (50, 7)],
)
def test_any_number_of_public_inputs_and_additions(backend, made, public, terms):
    folder = made(40, public=public, terms=terms, seed=public)
    key = backend.export_verification_key(folder / "circuit.zkey")
    proof, values = backend.prove(folder / "circuit.zkey", folder / "circuit.wtns")
    assert len(values) == public
    assert verifier.verify(key, values, proof)


def test_two_proofs_of_the_same_witness_share_nothing(backend, made):
    folder = made(40, public=3, terms=3)
    first, second = (backend.prove(folder / "circuit.zkey", folder / "circuit.wtns")[0] for _ in range(2))
    assert all(getattr(first, name) != getattr(second, name) for name in first.__dataclass_fields__)


@pytest.mark.slow
def test_the_development_ptau_is_that_of_the_reference(dev_ptau, extension, tmp_path):
    reference = tmp_path / "reference.ptau"
    get_backend("snarkjs").write_insecure_ptau(7, reference)
    assert dev_ptau(7).read_bytes() == reference.read_bytes()
    assert extension.check_ptau(reference) == {
        "power": 7,
        "ceremony_power": 7,
        "tau2_points": 2,
        "prepared": True,
    }
