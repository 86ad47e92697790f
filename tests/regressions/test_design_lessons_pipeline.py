"""DESIGN's lessons that the proving pipeline has to keep, one named test each."""

import json
from dataclasses import replace

import pytest

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.errors import ProofFormatError, ToolMissingError, ToolVersionError
from twopm_zk.numbers.bn254 import G1Point
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.plonk import transcript, verifier
from twopm_zk.plonk.backends.snarkjs import MINIMUM
from twopm_zk.plonk.proof import PROOF_EVALUATIONS, PROOF_POINTS
from twopm_zk.plonk.proving import verify
from twopm_zk.plonk.transcript import Challenges, challenge, challenges
from twopm_zk.system.paths import npm_package, npm_version

pytestmark = pytest.mark.prover
GENERATOR = G1Point(1, 2)


def unchained(vk, public, proof):
    """Challenges as snarkjs made them before 0.7.0: each round hashed by itself."""
    beta = challenge([*public, proof.A, proof.B, proof.C])
    alpha = challenge([proof.Z])
    xi = challenge([proof.T1, proof.T2, proof.T3])
    v = challenge([getattr(proof, name) for name in PROOF_EVALUATIONS])
    return Challenges(beta, challenge([beta]), alpha, xi, v, challenge([proof.Wxi, proof.Wxiw]))


@pytest.mark.slow
def test_a_proof_under_an_unchained_transcript_is_rejected(tiny_proof, monkeypatch):
    result = tiny_proof("three")
    assert verifier.verify(result.verification_key, result.public, result.proof)
    monkeypatch.setattr(verifier, "challenges", unchained)
    assert not verifier.verify(result.verification_key, result.public, result.proof)


MESSAGES = {
    "beta": ["A", "B", "C"],
    "gamma": ["A", "B", "C"],
    "alpha": ["A", "B", "C", "Z"],
    "xi": ["A", "B", "C", "Z", "T1", "T2", "T3"],
    "v": ["A", "B", "C", "Z", "T1", "T2", "T3", *PROOF_EVALUATIONS],
    "u": ["Wxi", "Wxiw"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MESSAGES)
def test_every_challenge_depends_on_all_messages_before_it(tiny_proof, name):
    result = tiny_proof("three")
    vk, public, proof = result.verification_key, result.public, result.proof
    honest = getattr(challenges(vk, public, proof), name)
    for message in (*PROOF_POINTS, *PROOF_EVALUATIONS):
        element = getattr(proof, message)
        changed = replace(proof, **{message: element + 1 if isinstance(element, int) else GENERATOR})
        depends = getattr(challenges(vk, public, changed), name) != honest
        assert depends == (message in MESSAGES[name]), message
    if name != "u":
        for index in range(3):
            other = [value + (position == index) for position, value in enumerate(public)]
            assert getattr(challenges(vk, other, proof), name) != honest
        assert getattr(challenges(replace(vk, Qm=GENERATOR), public, proof), name) != honest


@pytest.mark.slow
def test_challenges_are_those_of_snarkjs(tiny_proof, tmp_path):
    """snarkjs prints its challenges with -v; a proof is no secret."""
    from twopm_zk.system import programs

    result = tiny_proof("three")
    result.save(tmp_path)
    command = [programs.node(), npm_package("snarkjs") / "build" / "cli.cjs", "plonk", "verify", "-v"]
    files = [tmp_path / f"{name}.json" for name in ("verification_key", "public", "proof")]
    output = programs.run([*command, *files], timeout=60).output
    ours = challenges(result.verification_key, result.public, result.proof)
    for name in ("beta", "gamma", "alpha", "xi", "v", "u"):
        assert f"{name}: {getattr(ours, name):x}" in output, name


def test_an_aliased_public_input_is_refused_although_the_contract_would_take_it(tiny_proof, tmp_path):
    result = tiny_proof("three")
    alias = [result.public[0] + FIELD_ORDER, *result.public[1:]]
    with pytest.raises(ProofFormatError, match="FIELD_ORDER"):
        verify(result.verification_key, alias, result.proof)
    # It is the same statement to the arithmetic, which is why the check has to be explicit.
    assert (alias[0] - result.public[0]) % FIELD_ORDER == 0


def test_snarkjs_is_pinned_to_chained_challenges(tmp_path, monkeypatch):
    from twopm_zk.plonk.backends import find_backend, get_backend

    installed = tuple(int(part) for part in npm_version(npm_package("snarkjs")).split("."))
    assert installed >= MINIMUM >= (0, 7, 6)
    folder = tmp_path / "snarkjs"
    folder.mkdir()
    monkeypatch.setenv("TWOPM_ZK_NODE_MODULES", str(tmp_path))
    for version in ("0.6.11", "0.7.5"):
        (folder / "package.json").write_text(json.dumps({"version": version}))
        backend, reason = find_backend("snarkjs")
        assert f"snarkjs {version} is too old" in reason
        with pytest.raises(ToolVersionError, match="too old"):
            backend.setup(tmp_path / "r1cs", tmp_path / "ptau", tmp_path / "zkey")
        with pytest.raises(ToolMissingError, match="too old"):
            get_backend("snarkjs")


def test_an_assert_in_circom_adds_no_constraint(tmp_path):
    """Why circuits may use ``assert`` on parameters only: the R1CS takes what the assertion refuses."""
    path = tmp_path / "asserting.circom"
    path.write_text(
        "pragma circom 2.1.9;\n"
        "template Asserting() { signal input a; signal output b <== a * a; assert(a != 3); }\n"
        "component main = Asserting();\n"
    )
    circuit = compile_circuit(path)
    forged = calculate_witness(circuit, {"a": 2}).replace("main.a", 3).replace("main.b", 9)
    assert circuit.accepts(forged)


def test_the_transcript_hashes_points_at_infinity_as_zeros():
    from eth_hash.auto import keccak

    expected = int.from_bytes(keccak(bytes(64) + (5).to_bytes(32, "big")), "big") % FIELD_ORDER
    assert transcript.challenge([G1Point(0, 0), 5]) == expected
