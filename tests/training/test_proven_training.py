"""Training with a proof of everything."""

import pytest
from support.small_tasks import make_spec, make_split, make_table, spector_spec

from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.proving import verify
from twopm_zk.proving.prover import Prover
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import load_spector
from twopm_zk.training.in_process import train
from twopm_zk.training.optimiser import Optimiser, moment_curvature
from twopm_zk.training.results import TrainingWarning
from twopm_zk.training.round_proofs import RoundProver

pytestmark = [pytest.mark.prover, pytest.mark.slow]


def test_every_round_is_proven_and_the_chain_of_commitments_holds():
    plain_rules = spector_spec(maximum_rounds=1)
    with pytest.warns(TrainingWarning):
        plain, proven = (train(make_split(load_spector(), 2), plain_rules, prove=prove) for prove in (False, True))
    assert [r.weights for r in plain.rounds] == [r.weights for r in proven.rounds]
    assert plain.proofs == ()
    first, last = (r.proofs for r in proven.rounds)
    assert [p.instance for p in first] == ["step-32x3", "step-32x3", "aggregate-4x3"]
    assert [p.instance for p in last] == ["step-32x3", "step-32x3", "certify-4x3"]
    # both updates are of the committed model, aggregate moves that one, and certify judges the next
    assert {p.public[0] for p in first} == {first[2].public[0]}
    assert {p.public[0] for p in last} == {first[2].public[2]}
    # the same rows in both rounds
    assert [p.public[1] for p in first[:2]] == [p.public[1] for p in last[:2]]
    assert last[2].public[2] == proven.certificate.gradient_bound
    assert proven.certificate.proof is last[2]
    assert "not proven" not in str(proven.certificate)
    for proof in proven.proofs:
        assert verify(proof.result.verification_key, proof.public, proof.result.proof)


def test_only_the_certificate_is_proven_on_request():
    result = train(load_spector(), spector_spec("newton"), prove="final")
    assert [len(r.proofs) for r in result.rounds] == [0] * result.moves + [2]
    assert result.certificate.proof.public[2] == result.certificate.gradient_bound
    assert result.certificate.bound_per_row <= 2.5e-5


def test_full_segments_are_folded():
    from twopm_zk.task.instances import TaskInstances

    chosen = TaskInstances(("step-32x3",), "aggregate-16x3", "certify-16x3", "fold-16x3", segments=2)
    rules = make_spec(instances=chosen)
    node = prepare(make_table(17 * 32), rules)
    matrix = Optimiser(rules, moment_curvature(rules, node.moments)).matrix
    policy = rules.policy(rules.local_task_key, matrix.hash)
    with Prover() as prover:
        proofs = RoundProver(prover, rules).prove_certificate(policy, (0, 0, 0, 0), node.batches)
    assert [p.instance for p in proofs] == ["step-32x3"] * 17 + ["fold-16x3", "certify-16x3"]
    assert proofs[17].public[0] == 0


def test_the_published_table_is_reached_with_all_proofs():
    backend, reason = find_backend("native")
    if backend is None or reason:
        pytest.skip(f"native backend: {reason}")
    result = train(make_split(load_spector(), 3), spector_spec("bfgs"), prove=True, backend="native", verifier="native")
    assert result.converged
    assert len(result.proofs) == 4 * len(result.rounds)
    assert result.coefficients["GPA"] == pytest.approx(2.82611259, rel=1e-3)
