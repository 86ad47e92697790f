"""What training in process says of its model, and how it is as proven as its proofs."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from support.small_tasks import make_spec, make_split, make_table, spector_spec, total_of

from twopm_zk.errors import DataError
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table, load_spector
from twopm_zk.statements import Collection, Family, Policy
from twopm_zk.task.columns import Column
from twopm_zk.task.outcome import Outcome
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.training.in_process import train
from twopm_zk.training.public_sums import PublicSum
from twopm_zk.training.results import TrainingWarning
from twopm_zk.training.task_summary import summary_of_task


@pytest.mark.parametrize("rule", ["newton", "bfgs", "boehning-lindsay"])
def test_the_summary_is_the_same_whatever_the_rule_and_however_many_nodes(rule):
    """Greene's standard errors and log-likelihood for Spector and Mazzeo (1980)."""
    spec = spector_spec(rule, decrement_bound=1e-3, maximum_rounds=60)
    for nodes in (1, 3):
        found = train(make_split(load_spector(), nodes), spec).summary()
        assert list(found.params.index) == ["GPA", "TUCE", "PSI", "intercept"]
        assert found.bse.to_numpy() == pytest.approx([1.2629, 0.1416, 1.0646, 4.9313], rel=1e-3)
        assert found.llf == pytest.approx(-12.8896, abs=1e-3)
        assert found.fit.nodes == found.evaluation.provenance.nodes == nodes
        assert f"not proven, over 32 rows of {nodes} node" in str(found)


def test_rows_that_were_held_out_are_evaluated_in_any_order_of_columns():
    whole = make_table(400, 3, seed=1)
    names, features, labels = whole.names, whole.features, whole.labels
    result = train(Table(names, features[:300], labels[:300]), make_spec(3))
    left = Table(names, features[300:], labels[300:])
    turned = Table(names[::-1], features[300:, ::-1], labels[300:])
    one, other = result.summary(left), result.summary([turned])
    assert one.held_out.content == other.held_out.content
    assert one.held_out.content.rows == 100
    slopes = np.array(list(result.coefficients.values()))
    odds = features[300:] @ slopes[:-1] + slopes[-1]
    loss = np.logaddexp(0, np.where(labels[300:], -odds, odds)).sum()
    assert one.held_out.content.log_loss == pytest.approx(loss, rel=1e-4)
    assert "Held-out rows" in str(one)
    assert result.summary().held_out is None


def test_held_out_rows_that_training_would_refuse_are_refused():
    whole = make_table(100, 2)
    result = train(whole, make_spec(2))
    with pytest.raises(DataError, match="there are no held-out rows"):
        result.summary([])
    with pytest.raises(DataError, match="held-out rows of node 1: there is no column 'x1'"):
        result.summary(Table(("x0",), whole.features[:, :1], whole.labels))


def test_held_out_rows_that_training_has_seen_are_refused():
    whole = make_table(100, 2)
    first, second = (Table(whole.names, whole.features[k::2], whole.labels[k::2]) for k in range(2))
    for held_out in ([first, second], [first], [second]):
        with pytest.raises(DataError, match=r"the held-out rows of node 1 are those that node \d trains on"):
            train([first, second], make_spec(2), held_out=held_out)
    with pytest.raises(DataError, match="node 1 are those that node 1 trains on"):
        train(whole, make_spec(2), held_out=whole)
    assert train(first, make_spec(2), held_out=second).sums.held_out is not None


def test_classes_that_can_be_told_apart_are_said_to_have_no_optimum():
    features = np.linspace(-2, 2, 40)[:, None]
    table = Table(("x0",), features, (features[:, 0] > 0).astype(int))
    with pytest.warns(TrainingWarning, match="tell"):
        result = train(table, make_spec(1, penalty=0.0, step=StepRule("newton"), weight_bound=1000.0))
    found = " ".join(str(result.summary()).split())
    assert "or there is none" in found
    assert "nan" not in found


def test_a_result_with_its_summary_survives_pickling():
    result = train(make_table(50, 2), make_spec(2))
    assert str(pickle.loads(pickle.dumps(result)).summary()) == str(result.summary())  # noqa: S301 (our own bytes)


def sums_of_a_linear_regression(nodes, batches):
    """Its public sums, each of 60 rows; the evaluation is of these ``nodes`` and ``batches``."""
    spec = make_spec(2, family=Family.GAUSSIAN, outcome=Outcome(scale=Column("y", 0.0, 4.0)), step=StepRule("newton"))
    table = make_table(60)
    node, weights = prepare(replace(table, labels=table.labels.astype(float)), spec), (0,) * spec.sizes.round.weights
    policy = Policy(1, 0, 0, spec.penalty_units, spec.weight_bound_units, spec.minimum_rows, 0)

    def one(kind, data, who):
        return PublicSum(kind, policy, weights, total_of(kind, node, weights), frozenset(data), nodes=who)

    return spec, [
        one(Collection.INFORMATION, (1, 2), ("0xA", "0xB")),
        one(Collection.GRADIENT, (1, 2), ("0xA", "0xB")),
        one(Collection.EVALUATION, batches, nodes),
    ]


@pytest.mark.parametrize(
    ("nodes", "batches", "why"),
    [
        (("0xA", "0xC"), (1, 3), "0xB in the information alone; 0xC in the evaluation alone"),
        (("0xA", "0xB"), (1, 3), "other batches of 0xA, 0xB"),
    ],
)
def test_a_linear_model_has_no_standard_errors_of_as_many_other_rows_and_says_whose_they_are(nodes, batches, why):
    found = summary_of_task(*sums_of_a_linear_regression(nodes, batches), claim="", insecure=False)
    unknown = f"the information and the evaluation are not over the same rows ({why})"
    assert found.inference.sentence == f"not known: {unknown}"
    with pytest.raises(DataError, match="standard errors are not known"):
        _ = found.bse
    (note,) = found.notes
    assert note.startswith("The evaluation and the certificate are not over the same rows")
    assert "60 and 60" not in note
    same = summary_of_task(*sums_of_a_linear_regression(("0xA", "0xB"), (1, 2)), claim="", insecure=False)
    assert same.notes == ()
    assert same.bse.notna().all()


@pytest.mark.prover
@pytest.mark.slow
def test_what_proofs_prove_is_said_to_be_proven_and_nothing_else():
    bounds = {"gradient_bound": 0.5, "decrement_bound": 1e6}
    spec = spector_spec("newton", **bounds, statistics=Statistics(), instances=None).provable(rows=48)
    everything = train(load_spector(), spec, prove=True).summary()
    final = train(load_spector(), spec, prove="final").summary()
    assert everything.fit.proven
    assert everything.inference.provenance.proven
    assert not everything.evaluation.provenance.proven
    assert final.fit.proven
    assert not final.inference.provenance.proven
    assert everything.fit.insecure_keys  # no ceremony's ptau was named
    assert "INSECURE KEYS" in str(everything)
    assert np.array_equal(everything.bse, final.bse)
    asked = spector_spec("newton", **bounds)  # with statistics
    wanted = train(load_spector(), asked, prove="final").summary()
    assert wanted.fit.proven
    assert wanted.evaluation.provenance.proven
