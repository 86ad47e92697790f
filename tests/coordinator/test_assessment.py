"""What a closed round needs next: the same answer for whoever asks, from values alone."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from support.people_world import SPEC, tables

from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.assessment import Action, Collected, Contribution, Memory, assess
from twopm_zk.coordinator.task_creation import first_optimiser
from twopm_zk.errors import DataError, DivergenceError, TrainingError
from twopm_zk.participants.messages import Enrolment, Opening
from twopm_zk.rows.batches import prepare
from twopm_zk.rows.moments import Moments
from twopm_zk.rows.tables import Table
from twopm_zk.training.in_process import train

NODES = ("0xA", "0xB", "0xC")
RANGES = replace(SPEC, gradient_bound=0.1)


def snapshot(spec, matrix_hash, **changes):
    policy = spec.policy(spec.local_task_key, matrix_hash)
    plain = {
        "id": 1,
        "block": 9,
        "time": 0,
        "coordinator": "0xD",
        "phase": Phase.CLOSED,
        "round": 0,
        "attempt": 0,
        "opened_at": 1,
        "deadline": 9,
        "nodes": 3,
        "updates": 3,
        "missed": 0,
        "minimum_nodes": 3,
        "minimum_stake": 0,
        "maximum_updates": 4,
        "maximum_rounds": spec.maximum_rounds,
        "spec_hash": spec.spec_hash,
        "dataset": spec.spec_hash,
        "task_key": policy.task_key,
        "model_commitment": 0,
        "weights": (0,) * (spec.sizes.width + 1),
        "matrix_hash": matrix_hash,
        "matrix_replaceable": spec.step.rule in ("bfgs", "newton"),
        "penalty": spec.penalty_units,
        "weight_bound": spec.weight_bound_units,
        "minimum_rows": spec.minimum_rows,
        "gradient_target": spec.gradient_bound_units,
        "slots": 4,
        "folded": 0,
        "partial_sum": 0,
        "certified": False,
        "gradient_bound": 0,
    }
    return TaskSnapshot(**{**plain, **changes})


class Stage:
    """A round without a chain: three nodes' rows, and openings at the weights of a snapshot."""

    def __init__(self, spec=RANGES, parts=None):
        self.spec = spec
        self.parts = parts or tables((11, 11, 10))
        self.batches = {node: prepare(part, spec).batches[0] for node, part in zip(NODES, self.parts, strict=True)}
        self.enrolments = tuple(
            Enrolment(len(batch.labels), 1, Moments.of(batch.features, spec.format)) for batch in self.batches.values()
        )
        self.matrix = first_optimiser(spec, self.enrolments).matrix
        self.state = snapshot(spec, self.matrix.hash)
        self.memory = Memory(self.enrolments, {}, self.matrix)

    def collected(self, state):
        openings = []
        for node, batch in self.batches.items():
            hessian = batch.weighted_moments(state.weights) if self.spec.step.rule == "newton" else None
            openings.append(Contribution(node, Opening(batch.update(state.weights), 5, hessian)))
        return Collected(tuple(openings), frozenset())

    def assess(self, memory=None, **changes):
        state = replace(self.state, **changes)
        return assess(self.spec, state, self.collected(state), memory or self.memory)


@pytest.fixture
def stage():
    return Stage()


@pytest.mark.parametrize("rule", ["boehning-lindsay", "bfgs", "newton"])
def test_following_what_it_says_is_training(rule):
    stage = Stage(replace(RANGES, step=type(SPEC.step)(rule)))
    found, history, moves = stage.assess(), {}, 0
    while found.action is Action.AGGREGATE:
        history[found.state.round] = found.observation
        moves += 1
        memory = Memory(stage.enrolments, history, found.move.matrix)
        found = stage.assess(memory, round=moves, weights=found.move.weights, matrix_hash=found.move.matrix.hash)
    expected = train(stage.parts, stage.spec)
    assert (found.action, moves) == (Action.CERTIFY, expected.moves)
    assert stage.spec.coefficients(found.state.weights) == expected.coefficients
    assert found.bound == expected.certificate.gradient_bound


@pytest.mark.parametrize(("rule", "gap"), [("boehning-lindsay", 1), ("bfgs", 1), ("newton", 0)])
def test_it_goes_on_until_the_weights_are_near_the_optimum_in_standard_errors(rule, gap):
    stage = Stage(replace(RANGES, step=type(SPEC.step)(rule), decrement_bound=0.01))
    found, history, moves = stage.assess(), {}, 0
    assert not found.settled
    while found.action is Action.AGGREGATE:
        history[found.state.round] = found.observation
        moves += 1
        memory = Memory(stage.enrolments, history, found.move.matrix)
        found = stage.assess(memory, round=moves, weights=found.move.weights, matrix_hash=found.move.matrix.hash)
    assert found.decrement <= 0.01
    assert found.doubts == ()
    assert f"The weights are {found.decrement:.2g} standard errors from the optimum" in found.sentence()
    # from gradients alone the distance is not known exactly
    assert abs(moves - train(stage.parts, stage.spec).moves) <= gap


def test_weights_that_are_far_off_are_certified_in_the_last_round_with_a_doubt():
    stage = Stage(replace(RANGES, decrement_bound=0.01))
    target = stage.assess().bound
    assert stage.assess(gradient_target=target).action is Action.AGGREGATE
    found = stage.assess(gradient_target=target, maximum_rounds=0)
    assert found.action is Action.CERTIFY
    assert "standard errors from the optimum, 0.01 were asked for" in found.doubts[0]


def test_it_says_whose_and_how_many_rows_are_in_the_sum(stage):
    found = stage.assess()
    assert (found.nodes, found.rows) == (NODES, 32)
    assert "32 rows of 3 nodes" in found.sentence()


def test_missing_openings_are_waited_for(stage):
    found = assess(stage.spec, stage.state, Collected((), frozenset({"0xB"})), stage.memory)
    assert (found.action, found.rows, found.bound) == (Action.COLLECT, 0, None)
    for demand in (found.require_complete, found.require_move, found.require_certifiable):
        with pytest.raises(TrainingError, match="are missing, of 0xB"):
            demand()


def test_too_few_rows_begin_the_round_again(stage):
    assert stage.assess(minimum_rows=32).action is Action.AGGREGATE
    found = stage.assess(minimum_rows=33)
    assert (found.action, found.rows, found.bound) == (Action.REOPEN, 32, None)
    with pytest.raises(TrainingError, match="32 rows of 33: no proof can exist"):
        found.require_move()


def test_the_target_is_reached_at_the_bound_and_not_one_below(stage):
    bound = stage.assess().bound
    assert stage.assess(gradient_target=bound).action is Action.CERTIFY
    found = stage.assess(gradient_target=bound - 1)
    assert found.action is Action.AGGREGATE
    with pytest.raises(TrainingError, match="It cannot be certified"):
        found.require_certifiable()


def test_after_the_last_round_there_is_no_other_move(stage):
    found = stage.assess(round=3, maximum_rounds=3)
    assert found.action is Action.FINISH
    with pytest.raises(TrainingError, match="is the last one"):
        found.require_move()
    assert stage.assess(round=3, maximum_rounds=3, gradient_target=2**32 - 1).action is Action.CERTIFY


def test_one_class_alone_is_neither_moved_nor_certified():
    parts = [Table(part.names, part.features, np.ones_like(part.labels)) for part in tables((11, 11, 10))]
    found = Stage(parts=parts).assess(gradient_target=2**32 - 1)
    assert (found.action, found.certifiable) == (Action.STOP, False)
    for demand in (found.require_move, found.require_certifiable):
        with pytest.raises(DataError, match="the same in all 32 rows"):
            demand()


def test_a_lost_matrix_stops_the_moves_and_not_the_certificate(stage):
    lost = replace(stage.memory, matrix=None)
    found = stage.assess(lost)
    assert found.action is Action.STOP
    with pytest.raises(TrainingError, match="not in this coordinator's store") as caught:
        found.require_move()
    assert (caught.value.kind, caught.value.facts["matrix"]) == ("matrix-lost", stage.matrix.hash)
    assert stage.assess(lost, gradient_target=2**32 - 1).action is Action.CERTIFY


def test_weights_that_leave_their_bound_are_named(stage):
    stage.spec = replace(stage.spec, weight_bound=2**-20)
    found = stage.assess(weight_bound=stage.spec.weight_bound_units)
    assert found.action is Action.STOP
    with pytest.raises(DivergenceError, match="leaves the bound"):
        found.require_move()


def test_a_proof_that_was_made_keeps_its_matrix():
    stage = Stage(replace(RANGES, step=type(SPEC.step)("newton")))
    fresh = stage.assess()
    assert fresh.move.matrix != stage.matrix
    kept = stage.assess(replace(stage.memory, fixed=True))
    assert kept.move.matrix == stage.matrix


def test_without_the_whole_history_the_matrix_of_the_chain_moves_the_weights():
    stage = Stage(replace(RANGES, step=type(SPEC.step)("newton")))
    assert stage.assess(round=2).move.matrix == stage.matrix


def test_its_repr_shows_nothing_private(stage):
    found = stage.assess()
    text = repr(SimpleNamespace(found=found, memory=stage.memory))
    private = [*found.total.gradient, *found.observation.gradient, *found.move.weights]
    assert not any(str(value) in text for value in private if abs(value) > 10**4)
