"""Training with a proof of everything."""

import pytest
from support.small_tasks import make_split, spector_spec

from twopm_zk.plonk.backends import find_backend
from twopm_zk.plonk.proving import verify
from twopm_zk.rows.tables import load_spector
from twopm_zk.training.in_process import train
from twopm_zk.training.results import TrainingWarning

pytestmark = [pytest.mark.prover, pytest.mark.slow]


def test_every_round_is_proven_and_the_chain_of_commitments_holds():
    plain_rules = spector_spec(maximum_rounds=1)
    quick = "python" if find_backend("native")[1] else "native"  # below, all are verified in Python
    with pytest.warns(TrainingWarning):
        plain, proven = (
            train(make_split(load_spector(), 2), plain_rules, prove=prove, verifier=quick) for prove in (False, True)
        )
    assert [r.weights for r in plain.rounds] == [r.weights for r in proven.rounds]
    assert plain.proofs == ()
    first, last = (r.proofs for r in proven.rounds)
    information, moved = ["information-48x3"] * 2, ["step-48x3"] * 2
    assert [p.instance for p in first] == [*information, *moved, "aggregate-3"]
    assert [p.instance for p in last] == [*moved, "certify-3"]
    # information is a round of its own at the same weights, under another context
    spec, start = proven.spec, (0,) * 4
    policy = spec.policy(spec.local_task_key)
    contexts = [policy, policy.next_collection(), policy.next_collection().next_round(matrix_hash=plain_matrix(plain))]
    models = [one.model_commitment(r) for one, r in zip(contexts, [start, start, plain.weights], strict=True)]
    assert [p.public[0] for p in first] == [models[0]] * 2 + [models[1]] * 3
    assert first[-1].public[2] == models[2]
    assert {p.public[0] for p in last} == {models[2]}
    # the same rows in every round
    assert len({tuple(p.public[1] for p in part) for part in (first[:2], first[2:4], last[:2])}) == 1
    assert last[2].public[2] == proven.certificate.gradient_bound
    assert proven.certificate.proof is last[2]
    assert "not proven" not in str(proven.certificate)
    for proof in proven.proofs:
        assert verify(proof.result.verification_key, proof.public, proof.result.proof)


def plain_matrix(result):
    return result.rounds[0].matrix.hash


LAST = ("information-48x3", "evaluate-48x3")
"""Of the statistics that the example asks for."""


def test_only_the_certificate_is_proven_on_request():
    result = train(load_spector(), spector_spec("newton"), prove="final")
    assert [p.instance for p in result.proofs] == ["step-48x3", "certify-3", *LAST]
    assert [len(r.proofs) for r in result.rounds] == [0] * result.moves + [2]
    assert result.certificate.proof.public[2] == result.certificate.gradient_bound
    assert result.certificate.bound_per_row <= 2.5e-5


def test_the_published_table_is_reached_with_all_proofs():
    backend, reason = find_backend("native")
    if backend is None or reason:
        pytest.skip(f"native backend: {reason}")
    # of one node: rounds of several are proven above
    result = train(load_spector(), spector_spec("bfgs"), prove=True, backend="native", verifier="native")
    assert result.converged
    # information first and last, an evaluation, and in each round a gradient and what is done with it
    assert len(result.proofs) == 3 + 2 * len(result.rounds)
    assert result.coefficients["GPA"] == pytest.approx(2.82611259, rel=1e-3)
