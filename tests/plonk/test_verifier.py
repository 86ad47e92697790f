"""The Python verifier accepts what snarkjs accepts; tests/soundness has what all of them refuse."""

from dataclasses import replace

import pytest

from twopm_zk.errors import ProofFormatError
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.proving import verify
from twopm_zk.plonk.verifier import verify as python_verify

pytestmark = [pytest.mark.prover, pytest.mark.slow]


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


@pytest.mark.parametrize("index", [0, 1, 25, 48, 49])
def test_public_inputs_count_wherever_they_are(tiny_proof, index):
    fifty = tiny_proof("fifty")
    public = list(fifty.public)
    public[index] = (public[index] + 1) % FIELD_ORDER
    assert refused_by_python(fifty.verification_key, public, fifty.proof)


@pytest.mark.parametrize("verifier", ["python", "snarkjs", "native"])
def test_the_number_of_public_inputs_is_checked(three, verifier):
    for public in (three.public[:-1], [*three.public, 0], []):
        with pytest.raises(ProofFormatError, match="has 3 public inputs"):
            verify(three.verification_key, public, three.proof, verifier=verifier)


@pytest.mark.parametrize("verifier", ["python", "snarkjs", "native"])
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
