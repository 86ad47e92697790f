"""The Python verifier against snarkjs: both accept what is true, both refuse every change."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from twopm_zk.errors import ProofFormatError
from twopm_zk.numbers.bn254 import INFINITY, G1Point, G2Point
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.proof import KEY_POINTS, PROOF_EVALUATIONS, PROOF_POINTS, Proof
from twopm_zk.plonk.proving import verify
from twopm_zk.plonk.verifier import verify as python_verify
from twopm_zk.system import programs
from twopm_zk.system.paths import npm_package

pytestmark = [pytest.mark.prover, pytest.mark.slow]
SNARKJS_VERIFY = Path(__file__).parents[1] / "support" / "snarkjs_verify.mjs"


def negated(point):
    return G1Point(point.x, BASE_FIELD_ORDER - point.y)


def tampered(proof, name):
    """With another element of this name."""
    element = getattr(proof, name)
    return replace(proof, **{name: (element + 1) % FIELD_ORDER if isinstance(element, int) else negated(element)})


@pytest.fixture(scope="module")
def three(tiny_proof):
    return tiny_proof("three")


def refused_by_python(vk, public, proof):
    return verify(vk, public, proof, verifier="python") is False


@pytest.mark.parametrize("name", ["multiplier", "three", "fifty", "zeros"])
def test_honest_proofs_are_accepted_by_both(tiny_proof, name):
    result = tiny_proof(name)
    for verifier in ("python", "snarkjs"):
        assert verify(result.verification_key, result.public, result.proof, verifier=verifier) is True


EARLY = ("A", "Z", "T2", "Wxi", "Wxiw", "eval_c", "eval_zw")
LATE = [pytest.param(n, marks=pytest.mark.slow) for n in (*PROOF_POINTS, *PROOF_EVALUATIONS) if n not in EARLY]


@pytest.mark.parametrize("name", [*EARLY, *LATE])
def test_every_element_of_a_proof_counts(three, name):
    assert refused_by_python(three.verification_key, three.public, tampered(three.proof, name))


@pytest.fixture(scope="module")
def snarkjs_accepts(three, tmp_path_factory):
    """Whether snarkjs accepts the proof as it is, under the name "", and with each element changed, under its name."""
    proofs = {"": three.proof} | {name: tampered(three.proof, name) for name in (*PROOF_POINTS, *PROOF_EVALUATIONS)}
    public = [str(value) for value in three.public]
    asked = tmp_path_factory.mktemp("snarkjs") / "proofs.json"
    asked.write_text(json.dumps([[three.verification_key.to_json(), public, one.to_json()] for one in proofs.values()]))
    finished = subprocess.run(
        [programs.node(), SNARKJS_VERIFY, npm_package("snarkjs"), asked], capture_output=True, text=True, timeout=120
    )
    assert finished.returncode == 0, finished.stderr
    return dict(zip(proofs, json.loads(finished.stdout), strict=True))


@pytest.mark.parametrize("name", [*PROOF_POINTS, *PROOF_EVALUATIONS])
def test_every_element_of_a_proof_counts_for_snarkjs_too(snarkjs_accepts, name):
    assert snarkjs_accepts[""] is True
    assert snarkjs_accepts[name] is False


@pytest.mark.parametrize("verifier", ["python", "snarkjs"])
@pytest.mark.parametrize("index", range(3))
def test_every_public_input_counts(three, index, verifier):
    public = list(three.public)
    public[index] = (public[index] + 1) % FIELD_ORDER
    assert verify(three.verification_key, public, three.proof, verifier=verifier) is False


@pytest.mark.parametrize("index", [0, 1, 25, 48, 49])
def test_public_inputs_count_wherever_they_are(tiny_proof, index):
    fifty = tiny_proof("fifty")
    public = list(fifty.public)
    public[index] = (public[index] + 1) % FIELD_ORDER
    assert refused_by_python(fifty.verification_key, public, fifty.proof)


def test_swapped_public_inputs_are_refused(three):
    first, second, third = three.public
    assert refused_by_python(three.verification_key, [second, first, third], three.proof)


@pytest.mark.parametrize("name", KEY_POINTS)
def test_every_commitment_of_the_key_counts(three, name):
    wrong = replace(three.verification_key, **{name: negated(getattr(three.verification_key, name))})
    assert refused_by_python(wrong, three.public, three.proof)


@pytest.mark.parametrize(
    ("name", "verifier"),
    [*((name, "python") for name in ("k1", "k2", "X_2", "w")), *((name, "snarkjs") for name in ("k1", "k2", "X_2"))],
)
def test_every_other_part_of_the_key_counts(three, name, verifier):
    from py_ecc.optimized_bn128 import G2, normalize

    key = three.verification_key
    x, y, *_ = normalize(G2)
    generator = G2Point(tuple(map(int, x.coeffs)), tuple(map(int, y.coeffs)))
    change = {"k1": 5, "k2": 7, "X_2": generator, "w": pow(key.w, 3, FIELD_ORDER)}
    assert verify(replace(key, **{name: change[name]}), three.public, three.proof, verifier=verifier) is False


@pytest.mark.parametrize("verifier", ["python", "snarkjs"])
def test_a_proof_of_another_circuit_is_refused(tiny_proof, verifier):
    other = tiny_proof("zeros")
    assert len(other.public) == 1
    key = tiny_proof("multiplier").verification_key
    assert verify(key, other.public, other.proof, verifier=verifier) is False


def test_a_proof_of_nothing_is_refused(three):
    nothing = Proof(*[INFINITY] * 9, *[0] * 6)
    assert refused_by_python(three.verification_key, three.public, nothing)
    assert refused_by_python(three.verification_key, [0, 0, 0], nothing)


@pytest.mark.parametrize("verifier", ["python", "snarkjs"])
def test_the_number_of_public_inputs_is_checked(three, verifier):
    for public in (three.public[:-1], [*three.public, 0], []):
        with pytest.raises(ProofFormatError, match="has 3 public inputs"):
            verify(three.verification_key, public, three.proof, verifier=verifier)


@pytest.mark.parametrize("verifier", ["python", "snarkjs"])
@pytest.mark.parametrize("index", range(3))
def test_an_aliased_public_input_is_refused(three, index, verifier):
    public = list(three.public)
    public[index] += FIELD_ORDER
    with pytest.raises(ProofFormatError, match=f"public input {index} is not below FIELD_ORDER"):
        verify(three.verification_key, public, three.proof, verifier=verifier)
    public[index] = three.public[index] - FIELD_ORDER
    with pytest.raises(ProofFormatError, match=f"public input {index}"):
        python_verify(three.verification_key, public, three.proof)


def test_a_challenge_inside_the_domain_is_refused(three, monkeypatch):
    from twopm_zk.plonk import verifier

    true = verifier.challenges
    monkeypatch.setattr(verifier, "challenges", lambda *a: replace(true(*a), xi=three.verification_key.w))
    assert refused_by_python(three.verification_key, three.public, three.proof)


def test_circuits_without_public_inputs_are_verified(tiny, tiny_keys, tiny_inputs, native):
    from twopm_zk.plonk.proving import prove

    result = prove(tiny_keys("hidden"), tiny_inputs["hidden"], backend=native)
    assert result.public == []
    for verifier in ("python", "snarkjs", "native"):
        assert verify(result.verification_key, [], result.proof, verifier=verifier) is True
        wrong = replace(result.proof, eval_a=(result.proof.eval_a + 1) % FIELD_ORDER)
        assert verify(result.verification_key, [], wrong, verifier=verifier) is False


def test_native_proofs_are_accepted_by_all_and_all_agree(tiny_keys, tiny_inputs, native):
    from twopm_zk.plonk.proving import prove

    for name in ("multiplier", "three", "fifty", "zeros"):
        result = prove(tiny_keys(name), tiny_inputs[name], backend=native)
        for verifier in ("python", "snarkjs", "native"):
            assert verify(result.verification_key, result.public, result.proof, verifier=verifier) is True
    assert get_backend("native").name == "native"
