"""From a closed round's openings to transactions: folds, then the next weights or the certificate.

Everything random (blindings of partial sums) and everything slow (proofs) is kept in the store before it is sent, so
that a coordinator that is killed sends the same again instead of making it anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from twopm_zk.chain.contracts import Receipt
from twopm_zk.commitments import random_scalar
from twopm_zk.errors import TrainingError
from twopm_zk.federated.chain_view import ChainView, TaskSnapshot
from twopm_zk.federated.coordinator_store import CoordinatorStore
from twopm_zk.federated.messages import Opening
from twopm_zk.federated.node_store import Attempt
from twopm_zk.federated.optimiser import Moments, Optimiser
from twopm_zk.federated.participants import News, Notify, StatementProver, proof_numbers
from twopm_zk.federated.spec import TaskSpec
from twopm_zk.federated.task_creation import first_optimiser
from twopm_zk.federated.training import check_classes, check_weights
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    FoldStatement,
    PartialSum,
    RoundUpdates,
    Statement,
    StepMatrix,
)
from twopm_zk.statements.rounds import BOUND_FRAC_BITS


class LostPartialSumError(TrainingError):
    """A segment was folded with a blinding that this store does not have: the attempt has to start again."""


@dataclass(frozen=True)
class _Summed:
    """All updates of the round, folded but for the last segment."""

    updates: RoundUpdates
    hessian: Moments | None


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
        summed = self._fold(state, openings)
        updates, shape, policy = summed.updates, self.spec.sizes.round, state.policy
        total = updates.total
        if state.round == 0:
            check_classes(self.spec, total)
        bound = shape.smallest_bound(policy, state.weights, total)
        per_row = bound / (1 << BOUND_FRAC_BITS)
        values = {"round": state.round, "rows": total.rows, "bound": per_row, "nodes": state.nodes}
        self._notify(News("gradient", f"round {state.round}: gradient at most {per_row:.2e} per row", values))
        if bound <= state.gradient_target:
            self._certify(state, CertifyStatement(updates, policy, state.weights))
            return
        if state.round == state.maximum_rounds:
            self.view.network.hlr.finish(state.id)
            self._notify(News("unfinished", f"after {state.round} rounds the target is not reached; no certificate"))
            return
        matrix = self._move_matrix(state, summed)
        moved = shape.next_weights(policy, matrix, state.weights, total)
        if moved == state.weights:
            raise TrainingError(
                f"the weights stand still with a gradient of {per_row:.3g} per row, above the target",
                hint="Raise `gradient_bound`, or scale the features better, in a new task.",
            )
        check_weights(self.spec, moved, round_number=state.round + 1)
        said = AggregateStatement(updates, policy, matrix, state.weights)
        attempt = Attempt(state.task_key, state.round, state.attempt)
        proof = self._proof(attempt, "aggregate", self._instance("aggregate"), said, matrix=str(matrix.hash))
        receipt = self.view.network.hlr.accept_weights(state.id, said.next_weights, matrix.hash, proof)
        self._sent("aggregate", state, receipt)

    # --- step matrices ---

    def _move_matrix(self, state: TaskSnapshot, summed: _Summed) -> StepMatrix:
        """What the weights are moved by: fixed for the task, or fresh from what all rounds so far have shown."""
        made = self.store.work(Attempt(state.task_key, state.round, state.attempt), "aggregate")
        if made is not None:
            return self._known_matrix(int(made["matrix"]), state)
        optimiser = self._optimiser(state, summed) if state.matrix_replaceable else None
        if optimiser is None:
            return self._known_matrix(state.matrix_hash, state)
        self.store.add_matrix(optimiser.matrix)
        return optimiser.matrix

    def _known_matrix(self, matrix_hash: int, state: TaskSnapshot) -> StepMatrix:
        known = self.store.matrix(matrix_hash)
        if known is None:
            raise TrainingError(
                f"the step matrix of {state.name()} is not in this coordinator's store",
                hint="Nodes keep copies: `twopm-zk node matrix HASH`; give one with `coordinator run --matrix FILE`.",
            )
        return known

    def _optimiser(self, state: TaskSnapshot, summed: _Summed) -> Optimiser | None:
        """As it stands with this round; None where the history of the task is not in the store."""
        gradient = self.spec.sizes.round.regularised(state.policy, state.weights, summed.updates.total)
        hessian = summed.hessian
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

    def _fold(self, state: TaskSnapshot, openings: Sequence[Opening]) -> _Summed:
        shape = self.spec.sizes.round
        opened = [opening.opened for opening in openings]
        segments = [tuple(opened[start : start + shape.slots]) for start in range(0, len(opened), shape.slots)]
        attempt = Attempt(state.task_key, state.round, state.attempt)
        partial = PartialSum.none()
        for number, segment in enumerate(segments[:-1]):
            blinding = self.store.work(attempt, f"blinding {number}")
            if blinding is None:
                if number < state.folded:
                    raise LostPartialSumError(f"segment {number} of {state.name()} was folded with a lost blinding")
                blinding = {"blinding": str(random_scalar())}
                self.store.add_work(attempt, f"blinding {number}", blinding)
            said = FoldStatement(RoundUpdates(shape, segment, partial), int(blinding["blinding"]))
            if number >= state.folded:
                proof = self._proof(attempt, f"fold {number}", self._instance("fold"), said)
                receipt = self.view.network.hlr.fold_segment(state.id, said.after.commitment, proof)
                self._sent("fold", state, receipt)
            partial = said.after
        hessians = [opening.hessian for opening in openings if opening.hessian is not None]
        hessian = list(accumulate(hessians))[-1] if hessians else None
        return _Summed(RoundUpdates(shape, segments[-1], partial), hessian)

    def _certify(self, state: TaskSnapshot, said: CertifyStatement) -> None:
        attempt = Attempt(state.task_key, state.round, state.attempt)
        proof = self._proof(attempt, "certify", self._instance("certify"), said)
        self._sent("certify", state, self.view.network.hlr.certify(state.id, said.gradient_bound, proof))

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
