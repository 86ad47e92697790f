"""Training with noise: how much, on what, and that nothing else is told of the rows."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from support.privacy import private_spec
from support.small_tasks import make_split, make_table

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.privacy.plan import Noise
from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection
from twopm_zk.task.specification import Statistics, StepRule
from twopm_zk.training.in_process import train
from twopm_zk.training.learner import distance_of
from twopm_zk.training.results import TrainingWarning

TERMS = Privacy(3.0, 1e-6, clip=2.0)
TABLE = make_table(3000)


def spec_of(**changes):
    return private_spec(**({"privacy": TERMS, "minimum_rows": 1000} | changes))


@pytest.fixture
def silent(monkeypatch):
    """Noise of 0."""
    monkeypatch.setattr(Noise, "draw", lambda self: (0,) * self.sums)


def clipped(spec, nodes):
    """The rows that each node trains on, as data of a task without a clip."""
    found = []
    for part in make_split(TABLE, nodes):
        batches = prepare(part, spec).batches
        features = np.vstack([batch.features for batch in batches]) / FEATURES.one
        found.append(Table(TABLE.names, features, np.concatenate([batch.labels for batch in batches])))
    return found


def exactly(spec, nodes, **changes):
    """The same training without noise, on rows that are shortened already."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        return train(clipped(spec, nodes), replace(spec, privacy=None, **changes))


@pytest.mark.parametrize("rule", ["boehning-lindsay", "newton"])
def test_a_task_with_noise_of_nothing_trains_as_one_without(silent, rule):
    spec = spec_of(step=StepRule(rule))
    noiseless = train(make_split(TABLE, 3), spec)
    exact = exactly(spec, 3, gradient_bound=2.0**-30, decrement_bound=1e-6)
    assert [one.weights for one in noiseless.rounds] == [one.weights for one in exact.rounds[:6]]
    assert [one.gradient for one in noiseless.rounds] == [one.gradient for one in exact.rounds[:6]]


def test_each_node_adds_the_planned_noise_to_each_sum():
    spec = spec_of(minimum_nodes=4, maximum_rounds=1)
    exact = exactly(spec, 4).rounds[0].gradient.real
    draws = np.array([train(make_split(TABLE, 4), spec).rounds[0].gradient.real - exact for _ in range(60)])
    planned = spec.noise.sigma_of_sum(Collection.GRADIENT, [0, 0, 0], 4)
    spread = np.sqrt((draws**2).mean(axis=0))
    assert 0.6 < min(spread / planned) <= max(spread / planned) < 1.5


def test_training_with_noise_takes_all_the_rounds_that_are_paid_for_and_no_more():
    result = train(make_split(TABLE, 3), spec_of())
    assert result.moves == 5
    assert result.converged
    assert result.certificate.bound_per_row < result.spec.gradient_target


def test_weights_with_little_noise_are_near_those_without():
    spec = spec_of(privacy=Privacy(10.0, 1e-5, clip=8.0), maximum_rounds=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        exact = train(make_split(TABLE, 3), replace(spec, privacy=None))
        noisy = train(make_split(TABLE, 3), spec)
    assert list(noisy.coefficients.values()) == pytest.approx(list(exact.coefficients.values()), abs=0.4)


def test_nothing_is_computed_of_the_rows_that_has_no_part_of_epsilon():
    result = train(make_split(TABLE, 3), spec_of())
    sums = result.sums
    assert (sums.information, sums.evaluation, sums.held_out, sums.at_zero) == (None, None, None, None)


def test_statistics_that_are_asked_for_have_noise_too():
    spec = spec_of(statistics=Statistics(information=True, evaluation=True, held_out=True))
    parts = make_split(TABLE, 3)
    result = train(parts, spec, held_out=make_split(make_table(900, seed=5), 3))
    exact = train(parts, replace(spec, privacy=None), held_out=make_split(make_table(900, seed=5), 3))
    assert result.sums.evaluation.total.rows == 3000
    counts = np.array(result.sums.evaluation.total.items[2:])
    assert counts.sum() != 3000
    assert counts.min() < 0
    assert np.array(exact.sums.evaluation.total.items[2:]).sum() == 3000
    assert result.sums.information.total.items != exact.sums.information.total.items
    assert result.sums.held_out.total.rows == 900


def test_information_at_zero_is_the_noisy_one_that_was_collected():
    result = train(make_split(TABLE, 3), spec_of(step=StepRule("bfgs")))
    assert result.sums.at_zero == result.rounds[0].information


def test_a_proof_of_noise_is_not_to_be_had_in_one_process():
    with pytest.raises(SpecError, match="proves exact sums only"):
        train(make_split(TABLE, 3), spec_of(), prove=True)


def test_the_distance_to_the_optimum_is_not_said_where_sums_have_noise():
    spec = spec_of()
    found = distance_of(spec, spec.family, [])
    assert found.kind == "unknown"
    assert not found.proven
