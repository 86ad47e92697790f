"""From a closed round's openings to transactions: folds, then the next weights or the certificate.

Everything random (blindings of partial sums) and everything slow (proofs) is kept in the store before it is sent, so
that a coordinator that is killed sends the same again instead of making it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

from twopm_zk.chain.contracts import Receipt
from twopm_zk.chain.tasks import Phase, TaskSnapshot
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.coordinator.task_creation import first_optimiser
from twopm_zk.errors import InputError, TrainingError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.participants.messages import Opening
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView, require_spec
from twopm_zk.proving.statement_prover import StatementProver, proof_numbers
from twopm_zk.rows.moments import Moments
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    FoldStatement,
    PartialSum,
    RoundUpdates,
    Statement,
    StepMatrix,
    Update,
)
from twopm_zk.statements.rounds import BOUND_FRAC_BITS
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.in_process import check_classes, check_weights
from twopm_zk.training.optimiser import Optimiser


class LostPartialSumError(TrainingError):
    """A segment was folded with a blinding that this store does not have: the attempt has to start again."""


@dataclass(frozen=True)
class Collected:
    """What a coordinator has of an attempt."""

    openings: tuple[Opening, ...] = field(repr=False)
    """In the order of the contract; none while some are missing."""
    missing: frozenset[str]
    """Nodes with an update that is not opened."""

    @property
    def rows(self) -> int:
        """Of all that is opened."""
        return sum(opening.update.rows for opening in self.openings)


def collected(view: ChainView, spec: TaskSpec, store: CoordinatorStore, state: TaskSnapshot) -> Collected:
    """The openings of the present attempt that are in the store, compared with the updates on the chain."""
    attempt = Attempt(state.task_key, state.round, state.attempt)
    updates, received = view.updates(state), store.received(attempt)
    if missing := frozenset(update.node for update in updates if update.commitment not in received):
        return Collected((), missing)
    openings = store.openings(attempt, spec.sizes.round)
    ordered = sorted(updates, key=lambda update: update.position)
    return Collected(tuple(openings[update.commitment] for update in ordered), missing)


def require_complete(
    view: ChainView, spec: TaskSpec, store: CoordinatorStore, state: TaskSnapshot
) -> tuple[Opening, ...]:
    """All openings of a closed round of this account's task.

    Raises InputError for somebody else's task, TrainingError where the round is not closed, openings are missing or
    there are too few rows, DeploymentError for another specification.
    """
    require_spec(state, spec)
    if state.phase is not Phase.CLOSED:
        following = {
            Phase.CREATED: f"`twopm-zk task open {state.id}` opens it.",
            Phase.JOINING: f"`twopm-zk task start-collecting {state.id}` ends joining.",
            Phase.COLLECTING: f"`twopm-zk task close {state.id}` closes it.",
            Phase.FINISHED: f"`twopm-zk task show {state.id}` shows the result.",
        }
        raise TrainingError(
            f"{state.name()} is not closed: it is {state.phase.name.lower()}", hint=following.get(state.phase)
        )
    if state.coordinator != view.address:
        raise InputError(
            f"the coordinator of task {state.id} is {state.coordinator}; this account is {view.address}",
            hint="Give the coordinator's key: --keystore FILE or TWOPM_ZK_PRIVATE_KEY.",
        )
    found = collected(view, spec, store, state)
    if found.missing:
        raise TrainingError(
            f"openings of {state.name()} are missing, of {', '.join(sorted(found.missing))}",
            hint=f"`twopm-zk coordinator collect SPEC --task {state.id}` waits for them; "
            f"`twopm-zk task reopen {state.id} --exclude ADDRESS` goes on without a node.",
        )
    if found.rows < state.minimum_rows:
        raise TrainingError(
            f"{state.name()} has {found.rows} rows of {state.minimum_rows}: no proof can exist",
            hint=f"`twopm-zk task reopen {state.id}` starts the round again, with all nodes.",
        )
    return found.openings


@dataclass(frozen=True)
class Outlook:
    """What the openings of a closed round add up to, before anything is proven."""

    total: Update = field(repr=False)
    bound: int
    """Smallest that can be certified, in units of 2^-32 per row."""
    certifiable: bool
    """Whether the task's target is reached."""

    @property
    def per_row(self) -> float:
        """The bound as a real."""
        return self.bound / (1 << BOUND_FRAC_BITS)


class Aggregator:
    """The coordinator's work on closed rounds of one task."""

    def __init__(
        self, view: ChainView, spec: TaskSpec, store: CoordinatorStore, *, prover: StatementProver, notify: Notify
    ) -> None:
        self.view, self.spec, self.store = view, spec, store
        self._prover, self._notify = prover, notify

    def conclude(self, state: TaskSnapshot, openings: Sequence[Opening]) -> None:
        """Fold, then certify, or publish the next weights, or end the task after its last round.

        Raises DataError (one class only), DivergenceError (weights leave their bound), TrainingError (they stand
        still above the target), LostPartialSumError.
        """
        outlook = self.outlook(state, openings)
        if outlook.certifiable:
            self.certify(state, openings)
        elif state.round == state.maximum_rounds:
            self.view.hlr.finish(state.id)
            self._notify(News("unfinished", f"after {state.round} rounds the target is not reached; no certificate"))
            self._forget(state)
        else:
            self.aggregate(state, openings)

    def outlook(self, state: TaskSnapshot, openings: Sequence[Opening]) -> Outlook:
        """How near the weights are to the optimum. Raises DataError where all labels are the same."""
        total = list(accumulate(opening.update for opening in openings))[-1]
        if state.round == 0:
            check_classes(self.spec, total)
        bound = self.spec.sizes.round.smallest_bound(state.policy, state.weights, total)
        found = Outlook(total, bound, bound <= state.gradient_target)
        values = {"round": state.round, "rows": total.rows, "bound": found.per_row, "nodes": state.nodes}
        self._notify(News("gradient", f"round {state.round}: gradient at most {found.per_row:.2e} per row", values))
        return found

    def next_move(self, state: TaskSnapshot, openings: Sequence[Opening]) -> tuple[StepMatrix, tuple[int, ...]]:
        """The matrix that moves the weights, and where to.

        Raises DivergenceError, and TrainingError where they stand still or the matrix is not in the store.
        """
        total = list(accumulate(opening.update for opening in openings))[-1]
        matrix = self._move_matrix(state, openings, total)
        moved = self.spec.sizes.round.next_weights(state.policy, matrix, state.weights, total)
        if moved == state.weights:
            raise TrainingError(
                f"the weights of {state.name()} stand still",
                hint="Above the target: raise `gradient_bound`, or scale the features better, in a new task.",
            )
        check_weights(self.spec, moved, round_number=state.round + 1)
        return matrix, moved

    def certify(self, state: TaskSnapshot, openings: Sequence[Opening]) -> None:
        """Fold, and finish the task with the smallest bound that can be proven. Raises LostPartialSumError."""
        said = CertifyStatement(self._fold(state, openings), state.policy, state.weights)
        attempt = Attempt(state.task_key, state.round, state.attempt)
        proof = self._proof(attempt, "certify", self._instance("certify"), said)
        self._sent("certify", state, self.view.hlr.certify(state.id, said.gradient_bound, proof))
        self._forget(state)

    def aggregate(self, state: TaskSnapshot, openings: Sequence[Opening]) -> None:
        """Fold, and publish the next weights. Raises what `next_move` raises, and LostPartialSumError."""
        matrix, _ = self.next_move(state, openings)
        said = AggregateStatement(self._fold(state, openings), state.policy, matrix, state.weights)
        attempt = Attempt(state.task_key, state.round, state.attempt)
        proof = self._proof(attempt, "aggregate", self._instance("aggregate"), said, matrix=str(matrix.hash))
        receipt = self.view.hlr.accept_weights(state.id, said.next_weights, matrix.hash, proof)
        self._sent("aggregate", state, receipt)
        self._forget(state)

    def _forget(self, state: TaskSnapshot) -> None:
        """Openings are private, and have served."""
        self.store.forget_openings(Attempt(state.task_key, state.round + 1, 0))

    # --- step matrices ---

    def _move_matrix(self, state: TaskSnapshot, openings: Sequence[Opening], total: Update) -> StepMatrix:
        """What the weights are moved by: fixed for the task, or fresh from what all rounds so far have shown."""
        made = self.store.work(Attempt(state.task_key, state.round, state.attempt), "aggregate")
        if made is not None:
            return self._known_matrix(int(made["matrix"]), state)
        optimiser = self._optimiser(state, openings, total) if state.matrix_replaceable else None
        if optimiser is None:
            return self._known_matrix(state.matrix_hash, state)
        self.store.add_matrix(optimiser.matrix)
        return optimiser.matrix

    def _known_matrix(self, matrix_hash: int, state: TaskSnapshot) -> StepMatrix:
        known = self.store.matrix(matrix_hash)
        if known is None:
            raise TrainingError(
                f"the step matrix of {state.name()} is not in this coordinator's store",
                hint=f"Nodes keep it: `twopm-zk node matrix {matrix_hash} --out FILE`; give it as --matrix FILE.",
            )
        return known

    def _optimiser(self, state: TaskSnapshot, openings: Sequence[Opening], total: Update) -> Optimiser | None:
        """As it stands with this round; None where the history of the task is not in the store."""
        gradient = self.spec.sizes.round.regularised(state.policy, state.weights, total)
        hessians = [opening.hessian for opening in openings if opening.hessian is not None]
        hessian = list(accumulate(hessians))[-1] if hessians else None
        content = {
            "weights": list(state.weights),
            "gradient": [str(value) for value in gradient],
            "hessian": None if hessian is None else [hessian.rows, [[str(v) for v in row] for row in hessian.sums]],
        }
        self.store.add_history(state.task_key, state.round, content)
        enrolments = self.store.enrolments(self.spec.spec_hash, self.spec.sizes.round)
        history = self.store.history(state.task_key)
        if not enrolments or list(history) != list(range(state.round + 1)):
            return None
        optimiser = first_optimiser(self.spec, enrolments.values())
        for seen in history.values():
            hessian = seen["hessian"]
            moments = hessian and Moments(hessian[0], tuple(tuple(int(v) for v in row) for row in hessian[1]))
            optimiser.observe(seen["weights"], [int(value) for value in seen["gradient"]], moments)
        return optimiser

    # --- proofs and transactions ---

    def _fold(self, state: TaskSnapshot, openings: Sequence[Opening]) -> RoundUpdates:
        shape = self.spec.sizes.round
        opened = [opening.opened for opening in openings]
        segments = [tuple(opened[start : start + shape.slots]) for start in range(0, len(opened), shape.slots)]
        attempt = Attempt(state.task_key, state.round, state.attempt)
        partial = PartialSum.none()
        for number, segment in enumerate(segments[:-1]):
            blinding = self.store.work(attempt, f"blinding {number}")
            if blinding is None:
                if number < state.folded:
                    raise LostPartialSumError(
                        f"segment {number} of {state.name()} was folded with a lost blinding",
                        hint=f"Start the round again: `twopm-zk task reopen {state.id}`.",
                    )
                blinding = {"blinding": str(random_scalar())}
                self.store.add_work(attempt, f"blinding {number}", blinding)
            said = FoldStatement(RoundUpdates(shape, segment, partial), int(blinding["blinding"]))
            if number >= state.folded:
                proof = self._proof(attempt, f"fold {number}", self._instance("fold"), said)
                receipt = self.view.hlr.fold_segment(state.id, said.after.commitment, proof)
                self._sent("fold", state, receipt)
            partial = said.after
        return RoundUpdates(shape, segments[-1], partial)

    def _proof(self, attempt: Attempt, name: str, instance: str, said: Statement, **content: Any) -> tuple[int, ...]:
        """From the store, where it is of the same public inputs, or made and kept."""
        public = [str(value) for value in said.public]
        made = self.store.work(attempt, name)
        if made is None or made["public"] != public:
            (result,) = self._prover.prove([(instance, said)])
            made = {"public": public, "proof": [str(value) for value in proof_numbers(result)], **content}
            self.store.add_work(attempt, name, made)
            values = {"name": name, "instance": instance, "seconds": result.prove_seconds}
            self._notify(News("proven", f"proven {name} of round {attempt.round}", values))
        return tuple(int(value) for value in made["proof"])

    def _sent(self, name: str, state: TaskSnapshot, receipt: Receipt) -> None:
        values = {"name": name, "transaction": receipt.transaction, "gas": receipt.gas_used, "round": state.round}
        self._notify(News("submitted", f"submitted {name} of round {state.round}", values))

    def _instance(self, kind: str) -> str:
        chosen = self.spec.instances
        name: str | None = getattr(chosen, kind) if chosen else None
        if name is None:
            raise TrainingError(f"the specification has no {kind} instance, and the round has too many updates")
        return name
