"""What rows have spent over all tasks, and the owner's limit."""

import math

import pytest
from support.privacy import private_spec

from twopm_zk.errors import TrainingError
from twopm_zk.privacy import accounting
from twopm_zk.privacy.budget import Budget, Spending
from twopm_zk.privacy.terms import Privacy
from twopm_zk.statements import Collection

DELTA = 1e-6
LIMIT = Budget(3.0, DELTA)


def plan(epsilon=1.0):
    return private_spec(privacy=Privacy(epsilon, DELTA, clip=2.0)).noise


def whole(budget, plan, task):
    for number, kind in enumerate(plan.releases):
        budget = budget.with_spending(Spending.of(plan, kind, task=task, round=number, attempt=0))
    return budget


def test_a_whole_task_spends_its_epsilon():
    spent = whole(LIMIT, plan(), "a")
    assert spent.spent == pytest.approx(1.0, rel=1e-3)
    assert LIMIT.spent == 0
    assert LIMIT.left == pytest.approx(3.0, rel=1e-3)


def test_tasks_on_the_same_rows_add_up_to_less_than_the_sum_of_their_epsilons():
    both = whole(whole(LIMIT, plan(), "a"), plan(), "b")
    assert 1.3 < both.spent < 2.0


def test_a_task_fits_until_the_limit_and_not_beyond():
    budget, tasks = LIMIT, 0
    while budget.fits(plan(), task=str(tasks)):
        budget = whole(budget, plan(), str(tasks))
        tasks += 1
    assert tasks == 7  # noise of seven tasks of epsilon 1 is that of one of epsilon 3 or less
    assert budget.spent <= 3.0
    with pytest.raises(TrainingError, match=r"from epsilon 2\.\d+ to 3\.\d+ .*limit is 3") as caught:
        budget.require(plan(), task="one more")
    assert caught.value.kind == "budget-exhausted"
    assert budget.left < 1.0
    assert budget.fits(plan(budget.left * 0.999), task="smaller")
    assert not budget.fits(plan(budget.left * 1.01), task="larger")


def test_what_a_task_has_published_already_is_part_of_its_plan():
    half = LIMIT
    for number, kind in enumerate(plan(3.0).releases[:3]):
        half = half.with_spending(Spending.of(plan(3.0), kind, task="a", round=number, attempt=0))
    assert half.after(plan(3.0), task="a") == pytest.approx(3.0, rel=1e-3)
    assert half.fits(plan(3.0), task="a")
    assert not half.fits(plan(3.0), task="b")


def test_a_round_that_began_anew_costs_twice_and_the_same_sum_once():
    one = Spending.of(plan(3.0), Collection.GRADIENT, task="a", round=0, attempt=0)
    again = Spending.of(plan(3.0), Collection.GRADIENT, task="a", round=0, attempt=1)
    budget = LIMIT.with_spending(one).with_spending(one)
    assert len(budget.spendings) == 1
    twice = budget.with_spending(again)
    assert twice.spent > budget.spent
    assert twice.after(plan(3.0), task="a") > 3.0
    assert not twice.fits(plan(3.0), task="a")


def test_nothing_is_left_of_a_budget_that_is_spent():
    spent = LIMIT.with_spending(Spending("a", 0, 0, Collection.GRADIENT, 0.5))
    assert spent.spent > 3
    assert spent.left == 0


def test_redrawn_noise_takes_its_part_of_delta():
    much = Spending("a", 0, 0, Collection.GRADIENT, 10.0, redrawn=DELTA / 50)
    little = Spending("a", 0, 0, Collection.GRADIENT, 10.0)
    assert LIMIT.with_spending(much).spent > LIMIT.with_spending(little).spent
    none_left = Spending("a", 0, 0, Collection.GRADIENT, 10.0, redrawn=DELTA)
    assert LIMIT.with_spending(none_left).spent == math.inf
    assert LIMIT.with_spending(none_left).left == 0


def test_spent_is_what_the_accountant_says_of_all_multipliers():
    budget = whole(whole(LIMIT, plan(), "a"), plan(0.5), "b")
    multipliers = [one.multiplier for one in budget.spendings]
    assert budget.spent == pytest.approx(accounting.epsilon(multipliers, DELTA), rel=1e-3)
