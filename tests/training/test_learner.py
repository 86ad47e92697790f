"""Whoever takes in a task's sums knows the same: the next matrix, and how far the optimum is."""

import pytest
from support.small_tasks import make_spec, make_split, make_table, total_of

from twopm_zk.errors import DataError
from twopm_zk.numbers.pedersen import GRADIENT, INFORMATION, Tally
from twopm_zk.rows.batches import prepare
from twopm_zk.statements import Collection
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.training.in_process import train
from twopm_zk.training.learner import Learner, check_classes

RULES = [
    StepRule("boehning-lindsay"),
    StepRule("bfgs"),
    StepRule("newton"),
    StepRule("gradient"),
    StepRule("bfgs", curvature="ranges"),
]


@pytest.mark.parametrize("step", RULES)
def test_the_public_sums_alone_give_the_matrices_and_distances_of_training(step):
    rules = make_spec(step=step, maximum_rounds=100)
    result = train(make_split(make_table(200), 3), rules)
    learner, policy = Learner(rules), rules.policy(7)
    for one in result.rounds:
        if one.information is not None:
            learner.take(Collection.INFORMATION, policy, one.weights, one.information)
        learner.take(Collection.GRADIENT, policy, one.weights, one.gradient)
        assert learner.optimiser.matrix == one.matrix
    # the last one of training is exact, which takes information at the last weights
    known, said = learner.optimiser.decrements, [one.decrement for one in result.rounds]
    assert known[:-1] == said[:-1]
    assert known[-1] == pytest.approx(said[-1], rel=1.0)


def test_the_information_of_every_round_moves_newtons_matrix_and_only_his():
    data = prepare(make_table(200), make_spec())
    weights = (1 << 19, 0, 1 << 20)
    for rule, moves in (("newton", True), ("bfgs", False)):
        rules = make_spec(step=StepRule(rule))
        learner, policy = Learner(rules), rules.policy(7)
        learner.take(Collection.INFORMATION, policy, (0, 0, 0), total_of(Collection.INFORMATION, data, (0, 0, 0)))
        start = learner.optimiser.matrix
        learner.take(Collection.INFORMATION, policy, weights, total_of(Collection.INFORMATION, data, weights))
        assert learner.optimiser.matrix == start
        learner.take(Collection.GRADIENT, policy, weights, total_of(Collection.GRADIENT, data, weights))
        assert (learner.optimiser.matrix != start) is moves


def test_data_without_a_single_optimum_are_refused_with_the_first_information():
    data, rules = make_table(60), make_spec(penalty=0.0)
    data.features[:, 1] = 2.0
    total = total_of(Collection.INFORMATION, prepare(data, rules), (0, 0, 0))
    with pytest.raises(DataError, match="column 'x1' has one value"):
        Learner(rules).take(Collection.INFORMATION, rules.policy(7), (0, 0, 0), total)


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("step", [StepRule(), StepRule(curvature="ranges")])
def test_one_class_is_told_from_the_first_gradient_whatever_came_before(step, value):
    data, rules = make_table(60), make_spec(step=step)
    data.labels[:] = value
    node, learner, policy = prepare(data, rules), Learner(rules), rules.policy(7)
    if step.curvature == "information":
        learner.take(Collection.INFORMATION, policy, (0, 0, 0), total_of(Collection.INFORMATION, node, (0, 0, 0)))
    with pytest.raises(DataError, match="label 'y' is the same in all 60 rows"):
        learner.take(Collection.GRADIENT, policy, (0, 0, 0), total_of(Collection.GRADIENT, node, (0, 0, 0)))


def test_one_row_of_the_other_class_is_enough_for_two():
    half = 1 << (GRADIENT.frac_bits - 1)
    check_classes(make_spec(), Tally(GRADIENT, (0, 0, 99 * half - half), 100))
    with pytest.raises(DataError):
        check_classes(make_spec(), Tally(GRADIENT, (0, 0, -100 * half), 100))


def test_a_later_gradient_may_be_anything():
    """Only at weights of zero is every residual a half."""
    rules = make_spec(step=StepRule(curvature="ranges"))
    learner, policy = Learner(rules), rules.policy(7)
    half = 1 << (GRADIENT.frac_bits - 1)
    learner.take(Collection.GRADIENT, policy, (0, 0, 0), Tally(GRADIENT, (5, 5, 8 * half), 10))
    learner.take(Collection.GRADIENT, policy, (1 << 20, 0, 0), Tally(GRADIENT, (5, 5, 10 * half), 10))
    assert len(learner.optimiser.decrements) == 2
    assert learner.information is None


def test_the_last_information_is_kept_for_who_reports_it():
    data, rules = prepare(make_table(60), make_spec()), make_spec()
    learner, policy = Learner(rules), rules.policy(7)
    for weights in ((0, 0, 0), (1, 2, 3 << 20)):
        total = total_of(Collection.INFORMATION, data, weights)
        learner.take(Collection.INFORMATION, policy, weights, total)
        assert learner.information == total
        assert total.unit == INFORMATION
