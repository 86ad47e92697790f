"""The widest instances: statements about 30 features, in the circuits and as a proof of 2^17 gates."""

import random

import numpy as np
import pytest
from support.row_circuits import random_statement, row_circuit

from twopm_zk.circuit.compilation import compile_circuit
from twopm_zk.circuit.instances import find_instance
from twopm_zk.circuit.witness import calculate_witness
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER
from twopm_zk.numbers.pedersen import GRADIENT, Opening, centred
from twopm_zk.plonk.keys import setup
from twopm_zk.plonk.proving import prove, verify
from twopm_zk.statements import AggregateStatement, CertifyStatement, Policy, StepMatrix

pytestmark = [pytest.mark.circuit, pytest.mark.slow]
FEATURES = 30


@pytest.mark.parametrize("kind", ["step", "evaluate"])
def test_rows_of_thirty_features_have_the_public_inputs_of_the_twin(kind):
    circuit, shape = row_circuit(kind, 2, FEATURES)
    said = random_statement(kind, shape, rows=2)
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


def of_a_round():
    """The sum of some updates, a policy, a matrix and weights."""
    rng = random.Random(30)
    sums = tuple(rng.randrange(-1 << 40, 1 << 40) for _ in range(FEATURES + 1))
    total = Opening(GRADIENT, sums, 569, centred(rng.randrange(SUBGROUP_ORDER)))
    half = np.random.default_rng(30).normal(0, 0.01, (FEATURES + 1, FEATURES + 1))
    matrix = StepMatrix.quantized(half @ half.T)
    policy = Policy(99, 2, 1, 1 << 12, 1 << 31, 1, matrix.hash)
    return total, policy, matrix, tuple(rng.randrange(-1 << 21, 1 << 21) for _ in range(FEATURES + 1))


def test_a_certificate_of_thirty_features_has_the_public_inputs_of_the_twin():
    total, policy, _, weights = of_a_round()
    said = CertifyStatement(total, policy, weights)
    circuit = compile_circuit(find_instance("certify-30"))
    assert calculate_witness(circuit, said.circuit_inputs()).public == list(said.public)


@pytest.mark.prover
def test_a_move_of_thirty_weights_is_proven_in_2_to_17_gates(native):
    said = AggregateStatement(*of_a_round())
    keys = setup(compile_circuit(find_instance("aggregate-30")), backend="native")
    proof = prove(keys, said.circuit_inputs(), backend="native")
    assert (proof.public, keys.circuit.power) == (list(said.public), 17)
    assert verify(keys.verification_key, proof.public, proof.proof, verifier="python")
