"""What a round needs next, worked out once and without writing anything, for commands and a running coordinator alike.

`assess` is a pure function of the task's snapshot and of the public sums of all its rounds; `summed_round.assess_round`
reads them from the chain. Acting on it is `aggregation.RoundExecutor`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.errors import DataError, TrainingError, TwopmError
from twopm_zk.participants.attempts import Collected
from twopm_zk.statements import Collection, Opening, StepMatrix
from twopm_zk.statements.rounds import BOUND_FRAC_BITS
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.distance import Distance, distance
from twopm_zk.training.in_process import check_weights
from twopm_zk.training.learner import Learner
from twopm_zk.training.stopping import doubts


class Action(Enum):
    """What a round needs next."""

    WAIT = "wait"
    """Not all have shared, or what they shared does not open."""
    PROCEED = "proceed"
    """The sum of information or of an evaluation is there: open it on the chain, and collect what is next."""
    CERTIFY = "certify"
    """The weights are near enough, or cannot come nearer: prove the bound, which finishes the task."""
    AGGREGATE = "aggregate"
    """Prove and publish the next weights."""
    FINISH = "finish"
    """The last round is over and no certificate possible: end without one, after the deadline and any dispute."""
    STOP = "stop"
    """Neither a certificate nor other weights are possible; the assessment's obstacle says why."""


@dataclass(frozen=True)
class Move:
    """The next weights, and the matrix that leads to them."""

    matrix: StepMatrix
    weights: tuple[int, ...]


@dataclass(frozen=True)
class RoundAssessment:
    """How a round stands, and what it needs next."""

    state: TaskSnapshot
    nodes: tuple[str, ...] = ()
    """Addresses of the nodes whose updates are in the sum."""
    total: Opening | None = field(default=None, repr=False)
    """What opens the round's point; None while it is not shared."""
    bound: int | None = None
    """The smallest gradient bound that can be proven, in units of 2^-32 per row; None where there can be no proof."""
    certifiable: bool = False
    """Whether the contract's target is reached, and a proof of it possible."""
    distance: Distance | None = None
    """The distance to the optimum in standard errors, and what is proven of it."""
    settled: bool = True
    """Whether that distance is within the specification's limit, or no longer gets smaller, or is not known."""
    doubts: tuple[str, ...] = ()
    """What is to be said of a certificate of these weights."""
    move: Move | None = field(default=None, repr=False)
    obstacle: TwopmError | None = None
    """Why there is no move."""

    @property
    def rows(self) -> int:
        """Rows of all updates together."""
        return 0 if self.total is None else self.total.rows

    @property
    def decrement(self) -> float | None:
        """The distance to the optimum in standard errors, as well as it is known."""
        return None if self.distance is None else self.distance.value

    @property
    def bound_per_row(self) -> float | None:
        """The bound as a real number."""
        return None if self.bound is None else self.bound / (1 << BOUND_FRAC_BITS)

    @property
    def action(self) -> Action:
        """What the round needs next."""
        if self.total is None:
            return Action.WAIT
        if self.state.collection is not Collection.GRADIENT:
            return Action.PROCEED if self.obstacle is None else Action.STOP
        if self.certifiable and (self.settled or self.state.last or self.move is None):
            return Action.CERTIFY
        if self.state.last and self.bound is not None:
            return Action.FINISH
        return Action.STOP if self.move is None else Action.AGGREGATE

    def sentence(self) -> str:
        """How near the weights are to the optimum, in words."""
        where = f"Round {self.state.round} of task {self.state.id}, {self.rows} rows of {len(self.nodes)} nodes"
        if self.state.collection is not Collection.GRADIENT:
            return f"{where}: the {self.state.collected} is collected."
        if self.bound_per_row is None:
            return f"{where}."
        away = ""
        if self.distance is not None:
            said = self.distance.sentence()
            away = f" {said[0].upper()}{said[1:]}."
        return (
            f"{where}: the gradient is at most {self.bound_per_row:.2e} per row, the target "
            f"{self.state.target_per_row:.2e}.{away}"
        )

    def require_sum(self) -> Opening:
        """What opens the round's point. TrainingError where there is none yet."""
        if self.total is None:
            raise TrainingError(
                f"{self.state.name()} has no sum yet: {self.state.shared} of {self.state.ready} nodes have shared",
                hint="Wait for them; after the deadline anybody can leave out who is silent.",
                kind="not-shared",
                task=self.state.id,
            )
        return self.total

    def require_gradient(self) -> None:
        """Raise TrainingError where the round collects something else, from which no weights follow."""
        self.require_sum()
        if self.state.collection is not Collection.GRADIENT:
            raise TrainingError(
                f"{self.state.name()} collects the {self.state.collected}, whose sum is opened as it is",
                kind="sum-round",
                task=self.state.id,
            )

    def require_opened(self) -> None:
        """Raise TrainingError where the round collects a gradient, and the obstacle where there is one."""
        self.require_sum()
        if self.state.collection is Collection.GRADIENT:
            raise TrainingError(
                f"{self.state.name()} collects a gradient: the weights are moved by it, or certified",
                kind="gradient-round",
                task=self.state.id,
            )
        if self.obstacle is not None:
            raise self.obstacle

    def require_move(self) -> Move:
        """The next move. Raises TrainingError after the last round, and the obstacle where there is one."""
        self.require_gradient()
        if self.state.last:
            raise TrainingError(
                f"{self.state.name()} is the last one: the weights cannot move any more",
                hint="Certify them, or finish the task without a certificate.",
                kind="last-round",
                task=self.state.id,
            )
        if self.move is None:
            raise self.obstacle or TrainingError(f"{self.state.name()} cannot move the weights")
        return self.move

    def require_certifiable(self) -> None:
        """Raise TrainingError where the target is not reached."""
        self.require_gradient()
        if self.bound is None and self.obstacle is not None:
            raise self.obstacle
        if not self.certifiable:
            raise TrainingError(
                f"{self.sentence()} It cannot be certified.",
                kind="last-round-uncertified" if self.state.last else "not-certifiable",
                task=self.state.id,
            )


def assess(spec: TaskSpec, state: TaskSnapshot, history: Sequence[Collected]) -> RoundAssessment:
    """How a round stands and what it needs next, from the sums of all rounds up to it."""
    view = history[-1].view if history and history[-1].round == state.round else None
    if view is None or (total := view.total) is None:
        return RoundAssessment(state)
    found = RoundAssessment(state, view.nodes, total)
    if state.certified:
        return found
    if found.rows < state.minimum_rows:
        return replace(found, obstacle=_too_few_rows(state, found.rows))
    learner, sums = Learner(spec), [past.public_sum(state) for past in history]
    try:
        for past in sums:
            learner.take(past.collection, past.policy, past.weights, past.total, nodes=len(past.nodes))
    except DataError as error:
        return replace(found, obstacle=error)
    if state.collection is not Collection.GRADIENT:
        return found
    shape, optimiser = spec.sizes.round, learner.optimiser
    bound = shape.smallest_bound(state.policy, state.weights, total)
    near = optimiser.decrements[-1] <= learner.limit
    found = replace(
        found,
        bound=bound,
        certifiable=bound <= state.gradient_target,
        distance=distance(sums, family=spec.family, estimate=optimiser.decrements[-1], noisy=spec.privacy is not None),
        settled=learner.settled(optimiser.decrements),
        doubts=tuple(doubts(spec, optimiser, found.rows, near=near)),
    )
    try:
        return replace(found, move=_move(spec, state, total, optimiser.matrix))
    except TrainingError as error:
        return replace(found, obstacle=error)


def _too_few_rows(state: TaskSnapshot, rows: int) -> TrainingError:
    return TrainingError(
        f"{state.name()} has {rows} rows of {state.minimum_rows}: no proof can exist, nor another sum at these weights",
        hint="Agree on another task, with more data.",
        kind="too-few-rows",
        task=state.id,
    )


def _move(spec: TaskSpec, state: TaskSnapshot, total: Opening, matrix: StepMatrix) -> Move:
    moved = spec.sizes.round.next_weights(state.policy, matrix, state.weights, total)
    if moved == state.weights:
        raise TrainingError(
            f"the weights of {state.name()} stand still",
            hint="Above the target: raise `gradient_bound`, or scale the features better, in a new task.",
        )
    check_weights(spec, moved, round_number=state.moves + 1)
    return Move(matrix, moved)
