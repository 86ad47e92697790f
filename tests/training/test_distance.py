"""The distance to the optimum from public sums: between the bounds that are proven, or said to be an estimate."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm
from support.small_tasks import SPECTOR, make_spec, make_split, make_table, total_of

from twopm_zk.numbers.fixed_point import WEIGHTS
from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION, Tally
from twopm_zk.rows.batches import prepare, quantized_rows
from twopm_zk.rows.tables import Table, load_spector
from twopm_zk.statements import Collection, Family
from twopm_zk.statements.step import exact_gradient
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification_file import read_spec
from twopm_zk.training import distance as module
from twopm_zk.training import learner
from twopm_zk.training.distance import Distance
from twopm_zk.training.in_process import train
from twopm_zk.training.public_sums import PublicSum
from twopm_zk.training.task_summary import summary_of_task

distance = partial(module.distance, family=Family.LOGISTIC)


def distance_of(spec, sums):
    return learner.distance_of(spec, Family.LOGISTIC, sums)


def rare_events(rows=3000):
    """Ten events, and log-odds on both sides of the end of the sigmoid's table."""
    rng = np.random.default_rng(3)
    features = rng.normal(size=(rows, 2)).clip(-4, 4)
    odds = 4 * features[:, 0] - 10
    return Table(("x0", "x1"), features, (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64))


def scaled(spec, part):
    """Rows as the circuits take them, with a column of ones, and their labels."""
    features, labels = quantized_rows(part, spec, name="all")
    return np.hstack([features / spec.format.one, np.ones((len(labels), 1))]), features, labels


class Sums:
    """What three nodes with these rows would share at any weights."""

    def __init__(self, table, spec):
        self.spec, self.table = spec, table
        self.nodes = [prepare(part, spec) for part in make_split(table, 3)]

    def at(self, collection, weights, nodes=None, spec=None):
        nodes = self.nodes if nodes is None else nodes
        data = frozenset(batch.commitment for node in nodes for batch in node.batches)
        total = total_of(collection, nodes, weights)
        return PublicSum(collection, (spec or self.spec).policy(7), tuple(weights), total, data)

    def information(self, weights, nodes=None):
        return self.at(Collection.INFORMATION, weights, nodes)

    def gradient(self, weights, nodes=None):
        return self.at(Collection.GRADIENT, weights, nodes)

    @property
    def zero(self):
        return (0,) * self.spec.sizes.round.weights

    def hessian(self, weights):
        """The true one, from the rows."""
        design = scaled(self.spec, self.table)[0]
        odds = design @ (np.array(weights) / WEIGHTS.one)
        information = (design.T * (1 / (2 + 2 * np.cosh(odds)))) @ design
        return information + np.diag([self.spec.penalty] * (design.shape[1] - 1) + [0.0])

    def circuits_gradient(self, weights):
        """The one of the circuits' sigmoid before any rounding."""
        _, features, labels = scaled(self.spec, self.table)
        shape = self.spec.sizes.largest
        exact = exact_gradient(shape, weights, features, labels)
        found = np.array([value / (1 << shape.gradient_frac_bits) for value in exact])
        return found + self.penalised(weights)

    def penalised(self, weights):
        return self.spec.penalty * np.array([*weights[:-1], 0]) / WEIGHTS.one


def newton(gradient, hessian):
    return float(np.sqrt(gradient @ np.linalg.solve(hessian, gradient)))


def cases():
    free = {"penalty": 0.0, "weight_bound": 64.0}
    return {
        "small": (make_table(60), make_spec(), (300_000, -200_000, 100_000)),
        "far off": (make_table(60), make_spec(), (9 << 20, -(9 << 20), 1 << 20)),
        "steep": (make_table(400, steep=6.0), make_spec(**free), (6_200_000, -3_100_000, 300_000)),
        "rare": (rare_events(), make_spec(**free), (4_000_000, 0, -10_000_000)),
        "wide": (make_table(500, 8), make_spec(8), (900_000, *[0] * 6, -500_000, 300_000)),
        "at zero": (make_table(60), make_spec(), (0, 0, 0)),
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", cases())
def test_with_information_at_the_same_weights_it_lies_between_the_proven_bounds(name):
    table, spec, weights = cases()[name]
    sums = Sums(table, spec)
    found = distance([sums.information(sums.zero), sums.information(weights), sums.gradient(weights)])
    true = newton(sums.circuits_gradient(weights), sums.hessian(weights))
    assert found.kind == "proven"
    assert found.at_least <= true <= found.at_most
    assert found.at_least <= found.value <= found.at_most
    assert found.at_most / found.at_least < (1.2 if name == "rare" else 1.01)
    assert found.at_most > true * (1 + 1e-9)  # the bounds are apart, as rounding is


@pytest.mark.slow
@pytest.mark.parametrize("name", cases())
def test_it_is_that_of_statsmodels_but_for_the_circuits_sigmoid(name):
    table, spec, weights = cases()[name]
    sums = Sums(table, spec)
    found = distance([sums.information(sums.zero), sums.information(weights), sums.gradient(weights)])
    design, _, labels = scaled(spec, table)
    model, real = sm.Logit(labels, design), np.array(weights) / WEIGHTS.one
    gradient = sums.penalised(weights) - model.score(real)
    penalty = np.diag([spec.penalty] * (len(real) - 1) + [0.0])
    true = newton(gradient, penalty - model.hessian(real))
    assert found.at_least - found.sigmoid <= true <= found.at_most + found.sigmoid
    assert found.value == pytest.approx(true, rel=2e-3, abs=found.sigmoid)


def test_without_information_at_zero_the_bounds_go_by_the_largest_rows_that_there_can_be():
    sums = Sums(make_table(60), make_spec())
    weights = (300_000, -200_000, 100_000)
    bounded = distance([sums.information(sums.zero), sums.information(weights), sums.gradient(weights)])
    found = distance([sums.information(weights), sums.gradient(weights)])
    true = newton(sums.circuits_gradient(weights), sums.hessian(weights))
    assert found.at_least <= true <= found.at_most
    assert found.at_least < bounded.at_least
    assert bounded.at_most < found.at_most < 1.1 * bounded.at_most


@pytest.mark.slow
@pytest.mark.parametrize("name", cases())
def test_information_at_zero_alone_proves_no_more_than_a_lower_bound(name):
    table, spec, weights = cases()[name]
    sums = Sums(table, spec)
    found = distance([sums.information(sums.zero), sums.gradient(weights)], estimate=1e-9)
    true = newton(sums.circuits_gradient(weights), sums.hessian(weights))
    assert 0 < found.at_least <= true
    if name == "at zero":
        assert found.kind == "proven"
        return
    assert (found.kind, found.at_most, found.sigmoid) == ("estimated", None, None)
    assert found.value == found.at_least  # an estimate below what is proven is corrected
    assert distance([sums.information(sums.zero), sums.gradient(weights)], estimate=99.0).value == 99
    assert distance([sums.information(sums.zero), sums.gradient(weights)]).kind == "unknown"


def test_information_at_other_weights_than_zero_proves_nothing_of_others():
    sums = Sums(make_table(60), make_spec())
    found = distance([sums.information((1, 0, 0)), sums.gradient((2, 0, 0))], estimate=0.5)
    assert (found.kind, found.at_least, found.value) == ("estimated", 0, 0.5)


def test_information_over_other_rows_than_the_gradients_proves_nothing():
    """A node fell out between both rounds, or came in: the Hessian of these rows was never collected."""
    sums = Sums(make_table(60), make_spec())
    weights, (_, *others) = (300_000, -200_000, 100_000), sums.nodes
    for information, gradient in ((None, others), (others, None)):
        found = distance([sums.information(weights, information), sums.gradient(weights, gradient)], estimate=0.5)
        assert (found.kind, found.at_least) == ("estimated", 0)
    # at zero, rows that are gone make the bound smaller, and rows that came make it none
    fewer = distance([sums.information(sums.zero), sums.gradient(weights, others)])
    own = distance([sums.information(sums.zero, others), sums.gradient(weights, others)])
    assert 0 < fewer.at_least < own.at_least
    assert distance([sums.information(sums.zero, others), sums.gradient(weights)]).at_least == 0


def test_rows_that_are_the_same_under_another_commitment_are_other_rows():
    sums = Sums(make_table(60), make_spec())
    weights = (300_000, -200_000, 100_000)
    gradient = sums.gradient(weights)
    claimed = replace(sums.information(weights), data=frozenset(range(len(gradient.data))))
    assert distance([claimed, gradient]).kind == "unknown"


def test_columns_of_padding_count_for_nothing():
    table = Table(("x0",), make_table(60).features[:, :1], make_table(60).labels)
    narrow = Sums(table, make_spec(1))
    wide = Sums(table, make_spec(1).provable())
    assert len(wide.zero) == 4
    for weights in ((300_000, 100_000), (0, 0)):
        padded = (weights[0], 0, 0, weights[1])
        sums = [wide.information(wide.zero), wide.information(padded), wide.gradient(padded)]
        known = [narrow.information(narrow.zero), narrow.information(weights), narrow.gradient(weights)]
        assert distance(sums).value == pytest.approx(distance(known).value)
        assert distance(sums).at_most == pytest.approx(distance(known).at_most)


def test_information_that_is_too_near_to_singular_for_its_rounding_proves_no_upper_bound():
    """Two columns that are the same in all rows, and no lambda."""
    table = make_table(60)
    table.features[:, 1] = table.features[:, 0]
    sums = Sums(table, make_spec(penalty=0.0, weight_bound=64.0))
    weights = (300_000, 0, 100_000)
    found = distance([sums.information(sums.zero), sums.information(weights), sums.gradient(weights)])
    assert (found.kind, found.at_most) == ("estimated", None)


def test_every_update_that_was_rounded_makes_the_bounds_wider():
    sums = Sums(make_table(60), make_spec())
    weights = (300_000, -200_000, 100_000)
    information, gradient = sums.information(weights), sums.gradient(weights)
    found = distance([information, gradient])
    many = frozenset(range(1000))
    loose = distance([replace(information, data=many), replace(gradient, data=many)])
    assert loose.at_least < found.at_least <= found.at_most < loose.at_most


def test_sums_of_nonsense_are_no_error():
    """An auditor comes by them, and finds elsewhere that proofs are missing."""
    policy = make_spec().policy(7)
    gradient = PublicSum(Collection.GRADIENT, policy, (0, 0, 0), Tally(GRADIENT, (1 << 80, -1, 0), 1), frozenset({1}))
    for items in ((0,) * 6, (-(1 << 50),) * 6, (1, 1 << 60, 0, 1, 0, 1)):
        total = Tally(INFORMATION, items, 1)
        information = PublicSum(Collection.INFORMATION, policy, (0, 0, 0), total, frozenset({1}))
        found = distance([information, gradient])
        assert found.at_most is None
        assert np.isfinite([found.value, found.at_least]).all()
    assert distance([gradient]).kind == "unknown"


@pytest.mark.parametrize(("rule", "kind"), [("newton", "proven"), ("bfgs", "estimated"), ("gradient", "estimated")])
def test_the_rule_of_a_specification_estimates_what_is_not_proven(rule, kind):
    spec = replace(read_spec(SPECTOR), minimum_node_rows=1, step=StepRule(rule))
    sums, weights = Sums(load_spector(), spec), (1_800_000, 500_000, 1_100_000, -900_000)
    seen = [sums.information(sums.zero), sums.gradient(sums.zero)]
    seen += [sums.information(weights)] if rule == "newton" else []
    found = distance_of(spec, [*seen, sums.gradient(weights)])
    assert (found.kind, found.value is None) == (kind, False)
    without = distance_of(None, [*seen, sums.gradient(weights)])
    assert without.kind == ("proven" if kind == "proven" else "unknown")
    assert without.at_least == found.at_least


def test_an_estimate_that_cannot_be_made_is_none():
    """All labels are the same: the optimiser has nothing to go by."""
    table = make_table(60)
    table.labels[:] = 1
    sums = Sums(table, make_spec())
    found = distance_of(sums.spec, [sums.information(sums.zero), sums.gradient(sums.zero), sums.gradient((1, 0, 0))])
    assert found.kind == "unknown"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (
            Distance(0.0012345, 0.00123451, 0.00123549, 1e-4),
            "the weights are 0.0012 standard errors from the optimum, proven to be between 0.00123 and 0.00124",
        ),
        (
            Distance(0.5, 0.0129),
            "the weights are 0.5 standard errors from the optimum, as is estimated; proven is only that they are "
            "0.0129 or more",
        ),
        (
            Distance(0.5, 0.0),
            "the weights are 0.5 standard errors from the optimum, as is estimated; nothing of it is proven",
        ),
        (
            Distance(None, 0.25),
            "how many standard errors the weights are from the optimum is not known; proven is only that they are "
            "0.25 or more",
        ),
    ],
)
def test_it_says_what_is_proven_and_what_is_estimated(found, sentence):
    assert found.sentence() == sentence
    assert found.proven == ("proven to be" in sentence)
    void = found.sentence(unproven="the keys are insecure")
    assert "proven to be" not in void
    assert "proven is only" not in void
    assert found.to_json()["kind"] == found.kind


def test_the_bounds_in_words_are_rounded_outwards():
    sentence = Distance(1.0, 0.99999, 1.00001).sentence()
    assert sentence.endswith("between 0.999 and 1.01")


def test_a_summary_says_whether_training_arrived_as_far_as_the_sums_prove_it():
    table, spec = make_table(60), make_spec(decrement_bound=0.01)
    sums = Sums(table, spec)
    arrived = train(make_split(table, 3), spec).weights
    for weights, with_information, converged in (
        (arrived, True, True),
        (arrived, False, None),
        ((300_000, -200_000, 100_000), True, False),
    ):
        found = [sums.information(sums.zero), sums.gradient(weights)]
        found += [sums.information(weights)] if with_information else []
        assert summary_of_task(spec, found, claim="", insecure=False).converged is converged
