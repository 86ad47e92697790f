"""Training with noise: how much, on what, and that nothing else is told of the rows."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from support.privacy import private_spec
from support.small_tasks import make_split, make_table

from twopm_zk.errors import SpecError
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION, Tally
from twopm_zk.plonk.backends import find_backend
from twopm_zk.privacy.plan import Noise
from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.training.in_process import train
from twopm_zk.training.learner import Learner, distance_of
from twopm_zk.training.noise import NoiseAlone, gradient_deviations, information_noise, noise_alone
from twopm_zk.training.results import TrainingWarning

pytestmark = pytest.mark.filterwarnings("ignore::twopm_zk.training.results.TrainingWarning")

TERMS = Privacy(3.0, 1e-6, clip=2.0)
TABLE = make_table(3000)


def spec_of(**changes):
    return private_spec(**({"privacy": TERMS, "minimum_rows": 1000} | changes))


@pytest.fixture
def silent(monkeypatch):
    """Noise of 0."""
    monkeypatch.setattr(Noise, "draw", lambda self: (0,) * self.sums)
    monkeypatch.setattr("twopm_zk.training.learner.information_noise", lambda *_: 0.0)
    monkeypatch.setattr("twopm_zk.training.learner.noise_alone", lambda *_: NoiseAlone(0.0, 0.0))


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
    spec = spec_of(step=StepRule(rule), decrement_bound=1e-6)
    noiseless = train(make_split(TABLE, 3), spec)
    exact = exactly(spec, 3, gradient_bound=2.0**-30)
    assert [one.weights for one in noiseless.rounds] == [one.weights for one in exact.rounds[:6]]
    assert [one.gradient for one in noiseless.rounds] == [one.gradient for one in exact.rounds[:6]]


@pytest.mark.slow
def test_each_node_adds_the_planned_noise_to_each_sum():
    spec = spec_of(minimum_nodes=4, maximum_rounds=1)
    exact = exactly(spec, 4).rounds[0].gradient.real
    draws = np.array([train(make_split(TABLE, 4), spec).rounds[0].gradient.real - exact for _ in range(60)])
    planned = spec.noise.sigma_of_sum(Collection.GRADIENT, [0, 0, 0], 4)
    spread = np.sqrt((draws**2).mean(axis=0))
    assert 0.6 < min(spread / planned) <= max(spread / planned) < 1.5


def test_training_with_noise_takes_no_more_rounds_than_are_paid_for():
    result = train(make_split(TABLE, 3), spec_of(privacy=Privacy(10.0, 1e-3, clip=2.0)))
    assert result.moves == 5
    assert result.certificate.bound_per_row < result.spec.gradient_target


def test_training_ends_where_the_gradient_is_no_larger_than_noise_alone(monkeypatch):
    """At its optimum, and with little noise: there is nothing to follow any more; with a gradient it goes on."""
    spec = spec_of(maximum_rounds=20)
    loud = replace(spec, privacy=Privacy(0.05, 1e-6, clip=2.0), minimum_rows=100_000, gradient_bound=0.9)
    learner = Learner(loud)
    learner.take(Collection.GRADIENT, loud.policy(1), (0, 0, 0), Tally(GRADIENT, (1, -1, 1), 3000), nodes=3)
    assert learner.settled(learner.optimiser.decrements)
    usual, most = learner.noise_alone
    assert 0 < usual < most
    half = 1 << (GRADIENT.frac_bits - 1)
    learner.take(Collection.GRADIENT, loud.policy(1), (0, 0, 0), Tally(GRADIENT, (1, -1, 10**9 * half), 3000), nodes=3)
    assert not learner.settled(learner.optimiser.decrements)
    assert learner.optimiser.decrements[-1] > learner.limit


@pytest.mark.parametrize("nodes", [3, 7])
def test_the_decrement_of_noise_alone_is_what_is_said_of_it(nodes):
    spec = spec_of()
    inverse = np.array([[0.02, 0.01, 0], [0.01, 0.03, 0], [0, 0, 0.01]])
    said = noise_alone(spec, inverse, (0, 0, 0), nodes)
    deviations = gradient_deviations(spec, (0, 0, 0), nodes)
    g = np.random.default_rng(1).normal(size=(4000, 3)) * deviations
    found = np.sqrt(np.einsum("ni,ij,nj->n", g, inverse, g))
    assert np.sqrt((found**2).mean()) == pytest.approx(said.usual, rel=0.05)
    assert 0.96 < (found <= said.most).mean() < 0.999


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


def test_what_noise_has_no_room_for_at_the_end_leaves_what_was_trained(monkeypatch):
    """Weights that rows of any log-odds could come of: nobody would take part in their evaluation."""
    spec = spec_of(statistics=Statistics(evaluation=True))
    monkeypatch.setattr("twopm_zk.privacy.sensitivity.RowLimits.largest_z", lambda self, weights: 1000.0)
    with pytest.warns(TrainingWarning, match="no evaluation at the final weights: at these weights rows may have"):
        result = train(make_split(TABLE, 3), spec)
    assert result.sums.evaluation is None
    assert len(result.rounds) > 1


def test_a_rule_that_learns_from_differences_of_gradients_is_refused():
    with pytest.raises(SpecError, match="differences of gradients"):
        spec_of(step=StepRule("bfgs"))


@pytest.mark.parametrize("rule", ["newton", "boehning-lindsay"])
def test_matrices_from_noisy_information_lead_near_the_optimum_and_never_far_away(rule):
    spec = spec_of(step=StepRule(rule), privacy=Privacy(10.0, 1e-5, clip=4.0), maximum_rounds=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        exact = train(make_split(TABLE, 3), replace(spec, privacy=None, maximum_rounds=30))
        noisy = train(make_split(TABLE, 3), spec)
    assert list(noisy.coefficients.values()) == pytest.approx(list(exact.coefficients.values()), abs=0.4)


def test_information_that_is_nothing_but_noise_makes_steps_no_longer_than_noise_allows():
    spec = spec_of(step=StepRule("newton"))
    learner, policy = Learner(spec), spec.policy(1)
    noise = spec.noise.noise(Collection.INFORMATION, (0, 0, 0)).draw()
    learner.take(Collection.INFORMATION, policy, (0, 0, 0), Tally(INFORMATION, noise, 3000), nodes=3)
    learner.take(Collection.GRADIENT, policy, (0, 0, 0), Tally(GRADIENT, (1, 1, 1), 3000), nodes=3)
    least = information_noise(spec, (0, 0, 0), 3)
    assert np.linalg.eigvalsh(learner.optimiser.estimate)[-1] <= 1 / least + 1e-9


@pytest.mark.slow
@pytest.mark.prover
def test_every_round_of_a_private_training_is_proven_with_its_noise():
    spec = spec_of(maximum_rounds=1, minimum_rows=60, statistics=Statistics(evaluation=True), gradient_bound=0.9)
    table = make_table(60)
    quick = "python" if find_backend("native")[1] else "native"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TrainingWarning)
        result = train(make_split(table, 2), replace(spec, minimum_nodes=2), prove=True, verifier=quick)
    noise = result.spec.sizes.noise
    step = f"step-45x3-noise{noise[Collection.GRADIENT]}"
    evaluate = f"evaluate-45x3-noise{noise[Collection.EVALUATION]}"
    move = [step, step, "aggregate-3"] * result.moves
    assert [one.instance for one in result.proofs] == [*move, step, step, "certify-3", evaluate, evaluate]


def test_the_distance_to_the_optimum_is_not_said_where_sums_have_noise():
    spec = spec_of()
    found = distance_of(spec, spec.family, [])
    assert found.kind == "unknown"
    assert not found.proven
