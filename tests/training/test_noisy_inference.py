"""Standard errors of weights that were trained with noise, beside simulation; and summaries of such weights."""

import json
import re
import warnings
from dataclasses import replace

import numpy as np
import pytest
from support.privacy import private_spec
from support.small_tasks import make_split, make_table

from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection, Family
from twopm_zk.statistics import inference
from twopm_zk.statistics.provenance import Provenance
from twopm_zk.task.columns import Column
from twopm_zk.task.outcome import Outcome
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.training.final_sums import FinalSums
from twopm_zk.training.in_process import _Training, train
from twopm_zk.training.noise import information_noise, moves_before
from twopm_zk.training.public_sums import PublicSum
from twopm_zk.training.results import TrainingWarning
from twopm_zk.training.task_summary import summary_of_task

SLOPES, INTERCEPT = (1.0, -0.5), 0.3
ALL = Statistics(information=True, evaluation=True, held_out=True)
TERMS = Privacy(4.0, 1e-6, clip=2.0)


@pytest.fixture(autouse=True)
def _quiet():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        yield


def spec_of(rule="newton", **changes):
    values = {"privacy": TERMS, "minimum_rows": 1000, "maximum_rounds": 4, "gradient_bound": 0.9, "penalty": 0.0}
    return private_spec(**(values | {"step": StepRule(rule)} | changes))


def rows_in_a_disk(count, seed, *, numbers=False):
    """Rows that no norm of 2 shortens, and the label that a model gives them."""
    rng = np.random.default_rng(seed)
    angle, radius = rng.random(count) * 2 * np.pi, 1.99 * np.sqrt(rng.random(count))
    features = np.column_stack([radius * np.cos(angle), radius * np.sin(angle)])
    mean = features @ SLOPES + INTERCEPT
    if numbers:
        return Table(("x0", "x1"), features, mean + rng.normal(size=count).clip(-3, 3))
    return Table(("x0", "x1"), features, (rng.random(count) < 1 / (1 + np.exp(-mean))).astype(np.int64))


def covered(found):
    """Which intervals of 95% hold the true coefficients, and which would if noise were left out."""
    exact = replace(found, covariance=found.covariance - found.noise)
    truth = np.array([*SLOPES, INTERCEPT])
    return [(one.intervals()[:, 0] <= truth) & (truth <= one.intervals()[:, 1]) for one in (found, exact)]


@pytest.mark.slow
def test_intervals_cover_as_often_as_they_say_and_would_not_without_the_noise(monkeypatch):
    """Over 300 trainings with rows and noise of their own."""
    monkeypatch.setattr(inference, "DRAWS", 1)
    spec, hits = spec_of(), []
    for seed in range(300):
        found = train(make_split(rows_in_a_disk(1200, seed), 3), spec).summary().inference
        hits.append(covered(found.content))
    with_noise, without = np.array(hits).mean(axis=(0, 2))
    assert 0.92 < with_noise < 0.98
    assert without < 0.88


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "rounds"),
    [(StepRule("newton"), 4), (StepRule("boehning-lindsay"), 6), (StepRule("gradient", curvature="ranges"), 5)],
    ids=lambda value: getattr(value, "rule", value),
)
def test_the_spread_of_weights_over_noise_is_what_is_said_whatever_rule_moved_them(step, rounds, monkeypatch):
    """The same rows over and over: long steps overshoot and carry more noise than a solution of one equation has, few
    short ones carry less."""
    monkeypatch.setattr(inference, "DRAWS", 1)
    monkeypatch.setattr("twopm_zk.training.learner.Learner.settled", lambda self, distances: False)
    spec = spec_of(step=step, maximum_rounds=rounds, statistics=Statistics(information=True))
    parts = make_split(rows_in_a_disk(1200, 0), 3)
    weights, said = [], []
    for _ in range(120):
        result = train(parts, spec)
        assert result.moves == rounds
        weights.append(list(result.coefficients.values()))
        said.append(np.diag(result.summary().inference.content.noise))
    ratio = np.array(weights).var(axis=0) / np.mean(said, axis=0)
    assert 0.5 < ratio.min() <= ratio.max() < 1.8


@pytest.mark.slow
def test_a_linear_models_standard_errors_count_noise_in_the_labels_own_units(monkeypatch):
    monkeypatch.setattr(inference, "DRAWS", 1)
    scale = Column("y", low=-6.0, high=6.0)
    spec = spec_of(
        privacy=Privacy(12.0, 1e-6, clip=2.0),
        family=Family.GAUSSIAN,
        outcome=Outcome(scale=replace(scale, centre=0.25, scale=2.0)),
        statistics=Statistics(information=True, evaluation=True),
        maximum_rounds=2,
    )
    parts, hits, weights, said = make_split(rows_in_a_disk(2000, 0, numbers=True), 3), [], [], []
    for seed in range(100):
        own = make_split(rows_in_a_disk(2000, seed, numbers=True), 3)
        hits.append(covered(train(own, spec).summary().inference.require("standard errors")))
        result = train(parts, spec)
        weights.append(list(result.coefficients.values()))
        said.append(np.diag(result.summary().inference.content.noise))
    ratio = np.array(weights).var(axis=0) / np.mean(said, axis=0)
    assert 0.5 < ratio.min() <= ratio.max() < 1.8
    with_noise, without = np.array(hits).mean(axis=(0, 2))
    assert 0.89 < with_noise < 0.995
    assert without < with_noise - 0.05


@pytest.fixture(scope="module")
def trained():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        held_out = make_split(rows_in_a_disk(900, 9), 3)
        return train(make_split(rows_in_a_disk(3000, 1), 3), spec_of(statistics=ALL), held_out=held_out)


def shown(summary):
    return re.sub(r"\s+", " ", str(summary))


def test_every_part_says_how_much_noise_its_sums_carry(trained):
    summary, plan = trained.summary(), trained.spec.noise
    text = shown(summary)
    gradient = max(plan.sigma_of_sum(Collection.GRADIENT, trained.weights, 3))
    cells = max(plan.sigma_of_sum(Collection.INFORMATION, trained.weights, 3))
    assert f"with noise of standard deviation {gradient:.3g} on each component of the gradient: no component" in text
    assert "Standard errors: computed, not proven, over 3000 rows of 3 nodes, with noise of standard deviation " in text
    assert f"{cells:.3g} on each cell of the information" in text
    loss, error, count = (plan.sigma_of_sum(Collection.EVALUATION, trained.weights, 3)[k] for k in (0, 1, 2))
    assert (
        f"{loss / 13:.3g} on the log-loss, {error:.3g} on the sum of squared errors, {count:.3g} on each count" in text
    )
    assert text.count("on the log-loss") == 2  # rows of training, and held-out ones
    written = json.loads(json.dumps(summary.as_dict(), allow_nan=False))["provenance"]
    assert written["evaluation"]["noise"]["each count"] == pytest.approx(count)
    assert written["coefficients"]["noise"] == {"each component of the gradient": pytest.approx(gradient)}
    page = summary._repr_html_()
    assert "each cell of the information" in page
    assert "differentially private: epsilon 4" in page


def test_it_says_what_was_promised_and_what_of_it_was_spent(trained):
    summary, plan = trained.summary(), trained.spec.noise
    releases = [*[Collection.GRADIENT] * len(trained.rounds), *[Collection.INFORMATION] * len(trained.rounds)]
    spent = plan.epsilon([*releases, Collection.EVALUATION, Collection.EVALUATION])
    assert summary.privacy.released == len(releases) + 2
    assert summary.privacy.spent == pytest.approx(spent)
    assert (
        f"Privacy: differentially private: epsilon 4 at delta 1e-06 for each row, as long as 2 of the 3 nodes added "
        f"their noise and keep it secret; {len(releases) + 2} of 12 releases used: epsilon {spent:.3g}"
    ) in shown(summary)
    assert summary.as_dict()["privacy"]["epsilon_spent"] == summary.privacy.spent
    assert "Privacy:" not in shown(train(make_split(make_table(60), 3), private_spec_without_noise()).summary())


def private_spec_without_noise():
    return replace(spec_of(), privacy=None, minimum_rows=3)


def test_bounds_on_rounding_are_not_claimed_of_sums_with_noise(trained):
    summary = trained.summary()
    assert summary.inference.content.error_bounds is None
    assert summary.as_dict()["standard_error_share"] is None
    assert "exact to" not in shown(summary)
    assert 0 < summary.inference.content.uncertainty < 0.2
    assert "The noise of the information itself makes them uncertain by up to" in shown(summary)
    assert "Rows whose scaled features have a norm above 2 are shortened to it" in shown(summary)


def test_information_that_is_no_larger_than_its_noise_leaves_no_standard_errors(trained):
    few = train(make_split(rows_in_a_disk(1000, 1), 3), spec_of(privacy=Privacy(0.2, 1e-6, clip=2.0)))
    summary = few.summary()
    assert "Standard errors: not known: the information is no larger than its noise in some direction" in shown(summary)
    noise = information_noise(few.spec, few.weights, 3)
    assert f"those of noise alone reach {noise:.3g}" in shown(summary)


def test_rows_at_hand_are_evaluated_without_noise_and_no_promise_covers_it(trained):
    summary = trained.summary(held_out=rows_in_a_disk(300, 4))
    assert not summary.held_out.content.is_noisy
    assert "no promise to the people in these rows covers what is told of them" in shown(summary)
    assert "no promise" not in shown(trained.summary())


def public_sums(result):
    """What a chain would show of a training, whose nodes have addresses."""
    policy, sums = result.spec.policy(1), []
    nodes, data = ("0xa", "0xb", "0xc"), frozenset({1, 2, 3})
    for one in result.rounds:
        if one.information is not None:
            sums.append(PublicSum(Collection.INFORMATION, policy, one.weights, one.information, data, nodes=nodes))
            policy = policy.next_collection()
        sums.append(PublicSum(Collection.GRADIENT, policy, one.weights, one.gradient, data, nodes=nodes))
        policy = policy.next_collection()
    for known, apart in ((result.sums.evaluation, False), (result.sums.held_out, True)):
        if known is not None:
            sums.append(PublicSum(Collection.EVALUATION, policy, result.weights, known.total, data, apart, nodes))
    return sums


def test_a_chain_gives_the_summary_that_training_gives(trained):
    """From public sums alone, and without those of gradients before the last one."""
    spec, sums = trained.spec, public_sums(trained)
    found = summary_of_task(spec, sums, claim="c", insecure=False)
    assert found.privacy == trained.summary().privacy
    assert found.converged is trained.converged
    assert found.bse.to_list() == pytest.approx(trained.summary().bse.to_list())
    assert found.evaluation.content == trained.summary().evaluation.content
    left = [one for one in sums if one.collection is not Collection.GRADIENT or one.weights == trained.weights]
    shorter = summary_of_task(spec, left, claim="c", insecure=False, spent=found.privacy)
    assert shorter.bse.to_list() == pytest.approx(found.bse.to_list())
    assert (shorter.privacy, shorter.converged) == (found.privacy, found.converged)


def test_weights_that_are_still_on_their_way_are_said_not_to_be_at_their_optimum():
    spec = spec_of(step=StepRule("gradient", curvature="ranges"), privacy=Privacy(10.0, 1e-6, clip=2.0))
    result = train(make_split(rows_in_a_disk(9000, 1), 3), spec)
    found = summary_of_task(spec, public_sums(result), claim="c", insecure=False)
    assert found.converged is result.converged is False
    assert "The weights are not as near to the optimum as was asked" in shown(found)


@pytest.mark.parametrize(
    ("rule", "curvature"), [("newton", "information"), ("gradient", "ranges"), ("gradient", "information")]
)
def test_moves_are_counted_by_the_number_of_the_round(rule, curvature):
    spec = spec_of(step=StepRule(rule, curvature=curvature))
    result = train(make_split(rows_in_a_disk(1000, 1), 3), spec)
    policy = spec.policy(1)
    numbers = []
    for one in result.rounds:
        policy = policy.next_collection() if one.information is not None else policy
        numbers.append(policy.round)
        policy = policy.next_collection()
    assert [moves_before(spec, number) for number in numbers] == list(range(len(result.rounds)))


class FinalProver:
    """Proves nothing but the last round, and that in no time."""

    insecure = False

    def prove_certificate(self, policy, weights, updates):
        return (None,)

    def prove_sum(self, collection, policy, weights, updates):
        raise AssertionError("a sum that is known already was collected again")


def test_a_sum_that_is_known_is_not_released_again_to_be_proven():
    """Where the last round alone is proven, information of the rounds before stays what it is: not proven."""
    spec = spec_of(statistics=Statistics(information=True))
    nodes = [prepare(table, spec) for table in make_split(rows_in_a_disk(1000, 1), 3)]
    found = _Training(nodes, [], spec, None).run(FinalProver(), proven_rounds=False)
    assert found.sums.noisy.spent.released == 2 * len(found.rounds)
    assert not found.sums.noisy.spent.beyond
    assert not found.sums.information.provenance.proven


def test_sums_without_noise_say_nothing_of_noise():
    known = FinalSums().summary(private_spec_without_noise(), (0, 0, 0), Provenance(True, 30, 3))
    assert "noise" not in str(known)
