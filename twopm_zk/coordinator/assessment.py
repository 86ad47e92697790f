"""What a round needs next, worked out once and without writing anything, for commands and a running coordinator alike.

`assess` is a pure function of the task's snapshot, the openings, and what the coordinator remembers of earlier rounds;
`closed_round.assess_round` reads all of it. Acting on it and keeping what was learnt, is `aggregation.RoundExecutor`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from itertools import accumulate

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.coordinator.store import Observation
from twopm_zk.coordinator.task_creation import first_optimiser
from twopm_zk.errors import DataError, TrainingError, TwopmError
from twopm_zk.participants.messages import Enrolment, Opening
from twopm_zk.statements import StepMatrix, Update
from twopm_zk.statements.rounds import BOUND_FRAC_BITS
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import check_classes, check_weights
from twopm_zk.training.optimiser import Optimiser
from twopm_zk.training.stopping import doubts, stands_still


class Action(Enum):
    """What a closed round needs next."""

    COLLECT = "collect"
    """Openings are missing."""
    REOPEN = "reopen"
    """There are fewer rows than any proof accepts: the round has to start again."""
    CERTIFY = "certify"
    """The weights are near enough, or cannot come nearer: prove the bound, which finishes the task."""
    AGGREGATE = "aggregate"
    """Prove and publish the next weights."""
    FINISH = "finish"
    """The last round is over and no certificate possible: end without one."""
    STOP = "stop"
    """Neither a certificate nor other weights are possible; the assessment's obstacle says why."""


@dataclass(frozen=True)
class Contribution:
    """An opened update, and whose it is."""

    node: str
    opening: Opening = field(repr=False)


@dataclass(frozen=True)
class Collected:
    """What a coordinator has of an attempt."""

    contributions: tuple[Contribution, ...] = field(repr=False)
    """All of them in the order of the contract, or none while some are missing."""
    missing: frozenset[str]
    """Nodes with an update that is not opened."""


@dataclass(frozen=True)
class Memory:
    """What a coordinator remembers beyond the present attempt."""

    enrolments: tuple[Enrolment, ...] = field(default=(), repr=False)
    history: Mapping[int, Observation] = field(default_factory=dict, repr=False)
    """What the optimiser has seen in earlier rounds."""
    matrix: StepMatrix | None = None
    """The step matrix that is fixed for the round, by the chain or by a proof that was made and not sent."""
    fixed: bool = False
    """Whether a proof with ``matrix`` was made: then no other one may take its place."""


@dataclass(frozen=True)
class Move:
    """The next weights, and the matrix that leads to them."""

    matrix: StepMatrix
    weights: tuple[int, ...]


@dataclass(frozen=True)
class RoundAssessment:
    """How a closed round stands, and what it needs next."""

    state: TaskSnapshot
    collected: Collected
    total: Update | None = field(default=None, repr=False)
    """The sum of all updates; None while openings are missing."""
    bound: int | None = None
    """The smallest gradient bound that can be proven, in units of 2^-32 per row; None where there can be no proof."""
    certifiable: bool = False
    """Whether the contract's target is reached, and a proof of it possible."""
    decrement: float | None = None
    """The distance to the optimum in standard errors, as well as it is known; None without the task's history."""
    settled: bool = True
    """Whether that distance is within the specification's limit, or no longer gets smaller, or is not known."""
    doubts: tuple[str, ...] = ()
    """What is to be said of a certificate of these weights."""
    move: Move | None = field(default=None, repr=False)
    observation: Observation | None = field(default=None, repr=False)
    """What the optimiser learns from this round, to be kept once its weights are published."""
    obstacle: TwopmError | None = None
    """Why there is no move."""

    @property
    def nodes(self) -> tuple[str, ...]:
        """Addresses of the nodes whose updates are in the sum."""
        return tuple(sorted({one.node for one in self.collected.contributions}))

    @property
    def rows(self) -> int:
        """Rows of all opened updates together."""
        return 0 if self.total is None else self.total.rows

    @property
    def bound_per_row(self) -> float | None:
        """The bound as a real number."""
        return None if self.bound is None else self.bound / (1 << BOUND_FRAC_BITS)

    @property
    def action(self) -> Action:
        """What the round needs next."""
        if self.total is None:
            return Action.COLLECT
        if self.rows < self.state.minimum_rows:
            return Action.REOPEN
        if self.certifiable and (self.settled or self.state.last or self.move is None):
            return Action.CERTIFY
        if self.state.last:
            return Action.FINISH
        return Action.STOP if self.move is None else Action.AGGREGATE

    def sentence(self) -> str:
        """How near the weights are to the optimum, in words."""
        assert self.bound_per_row is not None  # noqa: S101 - asked for complete rounds only
        away = ""
        if self.decrement is not None:
            away = f" The weights are {self.decrement:.2g} standard errors from the optimum."
        return (
            f"Round {self.state.round} of task {self.state.id}, {self.rows} rows of {len(self.nodes)} nodes: the "
            f"gradient is at most {self.bound_per_row:.2e} per row, the target {self.state.target_per_row:.2e}.{away}"
        )

    def require_complete(self) -> None:
        """Raise TrainingError where openings are missing, or there are too few rows for a proof."""
        task = self.state.id
        if self.action is Action.COLLECT:
            raise TrainingError(
                f"openings of {self.state.name()} are missing, of {', '.join(sorted(self.collected.missing))}",
                hint="Wait for them, or start the round again without these nodes.",
                kind="openings-missing",
                task=task,
                nodes=sorted(self.collected.missing),
            )
        if self.action is Action.REOPEN:
            raise TrainingError(
                f"{self.state.name()} has {self.rows} rows of {self.state.minimum_rows}: no proof can exist",
                hint="Start the round again, with all nodes.",
                kind="too-few-rows",
                task=task,
            )

    def require_move(self) -> Move:
        """The next move. Raises TrainingError after the last round, and the obstacle where there is one."""
        self.require_complete()
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
        self.require_complete()
        if isinstance(self.obstacle, DataError):
            raise self.obstacle
        if not self.certifiable:
            raise TrainingError(
                f"{self.sentence()} It cannot be certified.",
                kind="last-round-uncertified" if self.state.last else "not-certifiable",
                task=self.state.id,
            )


def assess(spec: TaskSpec, state: TaskSnapshot, collected: Collected, memory: Memory) -> RoundAssessment:
    """How a closed round stands and what it needs next; reads nothing, writes nothing, sends nothing."""
    openings = [one.opening for one in collected.contributions]
    if collected.missing or not openings:
        return RoundAssessment(state, collected)
    total = list(accumulate(opening.update for opening in openings))[-1]
    if total.rows < state.minimum_rows:
        return RoundAssessment(state, collected, total)
    bound = spec.sizes.round.smallest_bound(state.policy, state.weights, total)
    observation = _observe(spec, state, openings, total)
    reached, move, obstacle, optimiser = False, None, None, None
    try:
        if state.round == 0:
            check_classes(spec, total)
        reached = bound <= state.gradient_target
        optimiser = _optimiser(spec, state, observation, memory)
        move = _move(spec, state, total, _matrix(state, optimiser, memory))
    except (DataError, TrainingError) as error:
        obstacle = error
    found = RoundAssessment(
        state, collected, total, bound, reached, move=move, observation=observation, obstacle=obstacle
    )
    if optimiser is None:
        return found
    decrement = optimiser.decrements[-1]
    near = decrement <= spec.decrement_bound
    settled = near or stands_still(optimiser.decrements)
    said = doubts(spec, optimiser, total.rows, near=near)
    return replace(found, decrement=decrement, settled=settled, doubts=tuple(said))


def _observe(spec: TaskSpec, state: TaskSnapshot, openings: list[Opening], total: Update) -> Observation:
    gradient = spec.sizes.round.regularised(state.policy, state.weights, total)
    hessians = [opening.hessian for opening in openings if opening.hessian is not None]
    return Observation(state.weights, tuple(gradient), list(accumulate(hessians))[-1] if hessians else None)


def _optimiser(spec: TaskSpec, state: TaskSnapshot, observation: Observation, memory: Memory) -> Optimiser | None:
    """The optimiser with what all rounds so far have shown; None where the task's history is not known."""
    history = {**memory.history, state.round: observation}
    if not memory.enrolments or sorted(history) != list(range(state.round + 1)):
        return None
    optimiser = first_optimiser(spec, memory.enrolments)
    for number in sorted(history):
        seen = history[number]
        optimiser.observe(seen.weights, seen.gradient, seen.hessian)
    return optimiser


def _matrix(state: TaskSnapshot, optimiser: Optimiser | None, memory: Memory) -> StepMatrix:
    """What moves the weights: fixed for the task, or fresh from what all rounds so far have shown."""
    if state.matrix_replaceable and not memory.fixed and optimiser is not None:
        return optimiser.matrix
    if memory.matrix is None:
        raise TrainingError(
            f"the step matrix of {state.name()} is not in this coordinator's store",
            hint=f"Every node keeps it; its hash is {state.matrix_hash}.",
            kind="matrix-lost",
            matrix=state.matrix_hash,
        )
    return memory.matrix


def _move(spec: TaskSpec, state: TaskSnapshot, total: Update, matrix: StepMatrix) -> Move:
    moved = spec.sizes.round.next_weights(state.policy, matrix, state.weights, total)
    if moved == state.weights:
        raise TrainingError(
            f"the weights of {state.name()} stand still",
            hint="Above the target: raise `gradient_bound`, or scale the features better, in a new task.",
        )
    check_weights(spec, moved, round_number=state.round + 1)
    return Move(matrix, moved)
