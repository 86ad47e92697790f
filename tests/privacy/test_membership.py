"""Who knows all rows but one, and every sum that is published, tells no better whose row it was than epsilon allows.

A thousand runs of whole training, half of them with the row that moves sums most, half with another one in its place.
The test is the likelihood ratio of all published sums, which no other test beats.
"""

import math
import warnings
from functools import cache

import numpy as np
import pytest
from scipy.stats import beta
from support.privacy import private_spec
from support.small_tasks import make_split, make_table, total_of

from twopm_zk.privacy.plan import Noise
from twopm_zk.privacy.terms import Privacy
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.training.in_process import train
from twopm_zk.training.results import TrainingWarning

pytestmark = pytest.mark.slow
RUNS = 500
"""Of each kind."""
FEWER = 200
CONFIDENCE = 1e-6
NODES = 3
TERMS = Privacy(1.0, 1e-5, honest=NODES, clip=2.0)
"""All noise is needed: a set has no node beyond those that are counted on."""
SPEC = private_spec(
    privacy=TERMS,
    minimum_nodes=NODES,
    maximum_rounds=2,
    gradient_bound=0.9,
    statistics=Statistics(information=True, evaluation=True),
)
OTHERS = make_split(make_table(180), NODES)


def tables(row, label):
    """The last row of the first node is the one in question."""
    first = OTHERS[0]
    with_row = Table(first.names, np.vstack([first.features, row]), np.append(first.labels, label))
    return [with_row, *OTHERS[1:]]


WITH, WITHOUT = tables([2.0, 0.0], 0), tables([2.0, 0.0], 1)


@cache
def prepared():
    return tuple([prepare(one, SPEC) for one in parts] for parts in (WITH, WITHOUT))


def published(parts):
    """All sums of one training, with the weights that they are at."""
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore", TrainingWarning)
        patch.setattr("twopm_zk.training.in_process.BOUND_BITS", 64)  # so few rows: a gradient is mostly noise
        result = train(parts, SPEC)
    rounds = [(Collection.GRADIENT, one.weights, one.gradient) for one in result.rounds]
    final = ((Collection.INFORMATION, result.sums.information), (Collection.EVALUATION, result.sums.evaluation))
    return rounds + [(kind, result.weights, known.total) for kind, known in final]


def log_ratio(sums):
    """The logarithm of how much more likely the sums are with the row than with the other one."""
    found = 0.0
    for kind, weights, total in sums:
        one, other = (total_of(kind, nodes, weights).items for nodes in prepared())
        for block in SPEC.noise.noise(kind, weights).blocks:
            variance = block.sigma_squared * NODES
            for place in block.places:
                difference = one[place] - other[place]
                middle = total.items[place] - (one[place] + other[place]) / 2
                found += middle * difference / variance
    return found


def ratios(runs):
    return tuple(np.array([log_ratio(published(parts)) for _ in range(runs)]) for parts in (WITH, WITHOUT))


def at_least(hits, runs):
    """Clopper and Pearson's lower bound on a share."""
    return beta.ppf(CONFIDENCE, hits, runs - hits + 1) if hits else 0.0


def at_most(hits, runs):
    return beta.ppf(1 - CONFIDENCE, hits + 1, runs - hits) if hits < runs else 1.0


def excess(with_row, without, epsilon):
    """How far the shares of some tests are beyond what (epsilon, delta) allows, but for chance; above 0: some are."""
    found, runs = [], len(with_row)
    for threshold in (-0.5, -0.2, 0.0, 0.2, 0.5):
        for yes, no in ((with_row > threshold, without > threshold), (without < threshold, with_row < threshold)):
            allowed = math.exp(epsilon) * at_most(int(no.sum()), runs) + TERMS.delta
            found.append(at_least(int(yes.sum()), runs) - allowed)
    return max(found)


def test_a_membership_test_tells_no_more_than_epsilon_allows():
    with_row, without = ratios(RUNS)
    assert excess(with_row, without, TERMS.epsilon) <= 0


def test_the_noise_is_hardly_more_than_it_takes():
    """The row and its label are the worst for the first gradient, whose part of the cost the ratio then has in full."""
    with_row, without = prepared()
    start = (0, 0, 0)
    one, other = (total_of(Collection.GRADIENT, nodes, start).items for nodes in (with_row, without))
    (block,) = SPEC.noise.noise(Collection.GRADIENT, start).blocks
    distance = math.dist(one, other)
    assert distance / math.sqrt(block.sigma_squared * NODES) >= 0.99 / SPEC.noise.multiplier(Collection.GRADIENT)


@pytest.mark.parametrize("part", [0, 0.02])
def test_it_tells_more_where_noise_is_switched_off_or_too_small(part, monkeypatch):
    draw = Noise.draw
    monkeypatch.setattr(Noise, "draw", lambda self: tuple(int(value * part) for value in draw(self)))
    with_row, without = ratios(FEWER)
    assert excess(with_row, without, TERMS.epsilon) > 0.1
