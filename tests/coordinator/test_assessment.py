"""What a summed round needs next: the same answer for whoever asks, from public values alone."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.people_world import SPEC, tables

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.assessment import Action, assess
from twopm_zk.errors import DataError, DivergenceError, TrainingError
from twopm_zk.participants.attempts import Collected
from twopm_zk.participants.task_view import generators_of, phase_seconds
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection, Opening
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.training.in_process import train

NODES = ("0xA", "0xB", "0xC")
RANGES = replace(SPEC, gradient_bound=0.1)


def snapshot(spec, **changes):
    policy = spec.policy(spec.local_task_key)
    plain = {
        "id": 1,
        "block": 9,
        "time": 0,
        "coordinator": "0xD",
        "phase": Phase.SUMMED,
        "round": 0,
        "attempt": 0,
        "share_attempt": 0,
        "moves": 0,
        "opened_at": 1,
        "deadline": 9,
        "nodes": 3,
        "ready": 3,
        "shared": 3,
        "updates": 3,
        "shared_once": True,
        "disputed": False,
        "minimum_nodes": 3,
        "minimum_stake": 0,
        "stake_penalty": 0,
        "maximum_updates": spec.maximum_updates,
        "maximum_batches": spec.maximum_node_updates,
        "maximum_rounds": spec.maximum_rounds,
        "seconds": phase_seconds(spec),
        "spec_hash": spec.spec_hash,
        "dataset": spec.data_terms.id,
        "task_key": policy.task_key,
        "model_commitment": 0,
        "weights": (0,) * (spec.sizes.width + 1),
        "matrix_hash": 0,
        "penalty": spec.penalty_units,
        "weight_bound": spec.weight_bound_units,
        "minimum_rows": spec.minimum_rows,
        "gradient_target": spec.gradient_bound_units,
        "collection": Collection.INFORMATION,
        "information": int(spec.collects),
        "generators": generators_of(spec),
        "family": spec.family,
        "final_information": spec.final_information,
        "evaluation": spec.statistics.evaluation,
        "held_out_dataset": bytes(32),
        "first_opened_at": 1,
        "held_out": False,
        "set_digest": bytes(32),
        "certified_key": 0,
        "certified_nodes": 0,
        "gradient_bound": 0,
        "frac_bits": spec.format.frac_bits,
    }
    return TaskSnapshot(**{**plain, **changes})


class Stage:
    """A task without a chain: three nodes' rows, and the sums of all rounds so far."""

    def __init__(self, spec=RANGES, parts=None):
        self.spec = spec
        self.parts = parts or tables((11, 11, 10))
        self.batches = [prepare(part, spec).batches[0] for part in self.parts]
        self.history = []
        self.data = frozenset(batch.commitment for batch in self.batches)
        first = Collection.INFORMATION if spec.instances.information else Collection.GRADIENT
        self.state = snapshot(spec, collection=first)

    def summed(self, state):
        tallies = [batch.tally(state.collection, state.weights) for batch in self.batches]
        items = tuple(sum(column) for column in zip(*(tally.items for tally in tallies), strict=True))
        total = Opening(tallies[0].unit, items, sum(tally.rows for tally in tallies), 7)
        view = SimpleNamespace(collection=state.collection, total=total, nodes=NODES, summed_data=self.data)
        return Collected(state.round, state.attempt, state.weights, state.matrix_hash, view)

    def assess(self, **changes):
        state = replace(self.state, **changes)
        return assess(self.spec, state, [*self.history, self.summed(state)])

    def go_on(self, found):
        """The round after what an assessment says."""
        self.history.append(self.summed(found.state))
        after = {"round": found.state.round + 1, "collection": Collection.GRADIENT}
        if found.action is Action.AGGREGATE:
            after |= {"moves": found.state.moves + 1, "weights": found.move.weights}
            after |= {"matrix_hash": found.move.matrix.hash}
            if self.spec.step.rule == "newton":
                after["collection"] = Collection.INFORMATION
        self.state = replace(found.state, **after)

    def to_gradients(self):
        self.go_on(self.assess())
        return self

    def to_the_end(self):
        found = self.assess()
        while found.action in (Action.AGGREGATE, Action.PROCEED):
            self.go_on(found)
            found = self.assess()
        return found


@pytest.fixture
def stage():
    return Stage().to_gradients()


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["boehning-lindsay", "bfgs", "newton"])
def test_following_what_it_says_is_training(rule):
    stage = Stage(replace(RANGES, step=StepRule(rule)))
    found = stage.to_the_end()
    expected = train(stage.parts, stage.spec)
    assert (found.action, found.state.moves) == (Action.CERTIFY, expected.moves)
    assert stage.spec.coefficients(found.state.weights) == expected.coefficients
    assert found.bound == expected.certificate.gradient_bound


@pytest.mark.parametrize("rule", ["boehning-lindsay", "bfgs", "newton"])
def test_it_goes_on_until_the_weights_are_near_the_optimum_in_standard_errors(rule):
    found = Stage(replace(RANGES, step=StepRule(rule), decrement_bound=0.01)).to_the_end()
    assert found.decrement <= 0.01
    assert found.doubts == ()
    assert f"The weights are {found.decrement:.2g} standard errors from the optimum" in found.sentence()


def test_information_is_opened_and_the_gradient_collected_next():
    found = Stage().assess()
    assert (found.action, found.rows, found.nodes) == (Action.PROCEED, 32, NODES)
    assert "the information is collected" in found.sentence()
    for demand in (found.require_move, found.require_certifiable):
        with pytest.raises(TrainingError, match="collects the information, whose sum is opened as it is"):
            demand()


def test_whatever_is_collected_after_the_certificate_is_opened_and_the_next_thing_collected(stage):
    """However few rows are in it: no proof follows from such a sum, and no weights move."""
    certified = {
        "certified_key": 1,
        "gradient_bound": 1,
        "minimum_rows": 33,
        "evaluation": True,
        "weights": (9, 9, 9, 9),
    }
    for collection in (Collection.INFORMATION, Collection.EVALUATION):
        for held_out in (False, True):
            found = stage.assess(collection=collection, held_out=held_out, **certified)
            assert (found.action, found.rows, found.obstacle) == (Action.PROCEED, 32, None)
            assert f"the {found.state.collected} is collected" in found.sentence()
            found.require_opened()
            for demand in (found.require_move, found.require_certifiable):
                with pytest.raises(TrainingError, match="whose sum is opened as it is") as caught:
                    demand()
                assert caught.value.kind == "sum-round"


def test_a_sum_of_a_gradient_is_not_opened(stage):
    with pytest.raises(TrainingError, match="collects a gradient") as caught:
        stage.assess().require_opened()
    assert caught.value.kind == "gradient-round"


def test_weights_that_are_far_off_are_certified_in_the_last_round_with_a_doubt():
    stage = Stage(replace(RANGES, decrement_bound=0.01)).to_gradients()
    target = stage.assess().bound
    assert stage.assess(gradient_target=target).action is Action.AGGREGATE
    found = stage.assess(gradient_target=target, maximum_rounds=0)
    assert found.action is Action.CERTIFY
    assert "standard errors from the optimum, 0.01 were asked for" in found.doubts[0]


def test_it_says_whose_and_how_many_rows_are_in_the_sum(stage):
    found = stage.assess()
    assert (found.nodes, found.rows) == (NODES, 32)
    assert "32 rows of 3 nodes" in found.sentence()


def test_a_round_that_is_not_shared_or_does_not_open_is_waited_for(stage):
    unopened = replace(stage.summed(stage.state), view=SimpleNamespace(total=None))
    for history in ([], stage.history, [*stage.history, unopened]):
        found = assess(stage.spec, replace(stage.state, shared=2), history)
        assert (found.action, found.rows, found.bound) == (Action.WAIT, 0, None)
        for demand in (found.require_sum, found.require_move, found.require_certifiable):
            with pytest.raises(TrainingError, match="has no sum yet: 2 of 3 nodes have shared"):
                demand()


def test_with_too_few_rows_nothing_can_be_proven_and_no_other_sum_collected(stage):
    assert stage.assess(minimum_rows=32).action is Action.AGGREGATE
    for collection in Collection:
        found = stage.assess(minimum_rows=33, collection=collection)
        assert (found.action, found.rows, found.bound) == (Action.STOP, 32, None)
        assert "32 rows of 33: no proof can exist" in found.obstacle.message


def test_the_target_is_reached_at_the_bound_and_not_one_below(stage):
    bound = stage.assess().bound
    assert stage.assess(gradient_target=bound).action is Action.CERTIFY
    found = stage.assess(gradient_target=bound - 1)
    assert found.action is Action.AGGREGATE
    with pytest.raises(TrainingError, match="It cannot be certified"):
        found.require_certifiable()


def test_after_the_last_move_there_is_no_other(stage):
    found = stage.assess(moves=3, maximum_rounds=3)
    assert found.action is Action.FINISH
    with pytest.raises(TrainingError, match="is the last one"):
        found.require_move()
    assert stage.assess(moves=3, maximum_rounds=3, gradient_target=2**32 - 1).action is Action.CERTIFY


def test_one_class_alone_is_neither_moved_nor_certified():
    parts = [Table(part.names, part.features, np.ones_like(part.labels)) for part in tables((11, 11, 10))]
    found = Stage(parts=parts).to_gradients().assess(gradient_target=2**32 - 1)
    assert (found.action, found.certifiable) == (Action.STOP, False)
    for demand in (found.require_move, found.require_certifiable):
        with pytest.raises(DataError, match="the same in all 32 rows"):
            demand()


def test_weights_that_leave_their_bound_are_named(stage):
    stage.spec = replace(stage.spec, weight_bound=2**-20)
    found = stage.assess(weight_bound=stage.spec.weight_bound_units)
    assert found.action is Action.STOP
    with pytest.raises(DivergenceError, match="leaves the bound"):
        found.require_move()


def test_its_repr_shows_no_sum(stage):
    found = stage.assess()
    text = repr(SimpleNamespace(found=found))
    assert not any(str(value) in text for value in [*found.total.items, *found.move.weights] if abs(value) > 10**4)
