"""From an assessed round to transactions: folds, then the next weights or the certificate.

Everything random (blindings of partial sums) and everything slow (proofs) is kept in the store before it is sent, so
that a coordinator that is killed sends the same again instead of making it anew.
"""

from __future__ import annotations

from typing import Any

from twopm_zk.chain.connection import Receipt
from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.coordinator.assessment import Action, RoundAssessment
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.errors import TrainingError
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView
from twopm_zk.proving.statement_prover import StatementProver, proof_numbers
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    FoldStatement,
    PartialSum,
    RoundUpdates,
    Statement,
)
from twopm_zk.task.specification import TaskSpec

AGGREGATE, CERTIFY = "aggregate", "certify"
"""Names of the proofs that end a round."""


class LostPartialSumError(TrainingError):
    """A segment was folded with a blinding that this store does not have: the attempt has to start again."""


class RoundExecutor:
    """Does what a `RoundAssessment` says a round of one task needs: proofs, transactions, and what is kept of it."""

    def __init__(
        self, view: ChainView, spec: TaskSpec, store: CoordinatorStore, *, prover: StatementProver, notify: Notify
    ) -> None:
        self.view, self.spec, self.store = view, spec, store
        self._prover, self._notify = prover, notify

    def conclude(self, assessment: RoundAssessment) -> None:
        """Fold, then certify, or publish the next weights, or end the task after its last round.

        Raises the assessment's obstacle: DataError (one class only), DivergenceError (weights leave their bound),
        TrainingError (they stand still above the target); and LostPartialSumError.
        """
        assessment.require_complete()
        state, bound = assessment.state, assessment.bound_per_row
        values: dict[str, Any] = {"round": state.round, "rows": assessment.rows, "bound": bound}
        values |= {"nodes": list(assessment.nodes), "decrement": assessment.decrement}
        text = f"round {state.round}: gradient at most {bound:.2e} per row"
        if assessment.decrement is not None:
            text += f", {assessment.decrement:.2g} standard errors from the optimum"
        self._notify(News("gradient", text, values))
        if assessment.action is Action.CERTIFY:
            for doubt in assessment.doubts:
                self._notify(News("doubt", f"round {state.round}: {doubt}"))
            self.certify(assessment)
        elif assessment.action is Action.FINISH:
            self.view.hlr.finish(state.id)
            self._notify(News("unfinished", f"after {state.round} rounds the target is not reached; no certificate"))
            self._forget(state)
        else:
            self.aggregate(assessment)

    def certify(self, assessment: RoundAssessment) -> None:
        """Fold, and finish the task with the smallest bound that can be proven.

        Raises TrainingError where the target is not reached, and LostPartialSumError.
        """
        assessment.require_certifiable()
        state = assessment.state
        said = CertifyStatement(self._fold(assessment), state.policy, state.weights)
        covered = {"rows": assessment.rows, "nodes": list(assessment.nodes)}
        proof = self._proof(Attempt.of(state), CERTIFY, self._instance("certify"), said, **covered)
        self._sent(CERTIFY, state, self.view.hlr.certify(state.id, said.gradient_bound, proof))
        self._forget(state)

    def aggregate(self, assessment: RoundAssessment) -> None:
        """Fold, and publish the next weights. Raises the assessment's obstacle, and LostPartialSumError."""
        state, move = assessment.state, assessment.require_move()
        if assessment.observation is not None:
            self.store.add_history(state.task_key, state.round, assessment.observation)
        self.store.add_matrix(move.matrix)  # before its hash is on the chain
        said = AggregateStatement(self._fold(assessment), state.policy, move.matrix, state.weights)
        instance, matrix = self._instance("aggregate"), move.matrix.hash
        proof = self._proof(Attempt.of(state), AGGREGATE, instance, said, matrix=str(matrix))
        self._sent(AGGREGATE, state, self.view.hlr.accept_weights(state.id, said.next_weights, matrix, proof))
        self._forget(state)

    def _forget(self, state: TaskSnapshot) -> None:
        """Forget the openings: they are private, and have served."""
        self.store.forget_openings(Attempt(state.task_key, state.round + 1, 0))

    # --- proofs and transactions ---

    def _fold(self, assessment: RoundAssessment) -> RoundUpdates:
        shape, state = self.spec.sizes.round, assessment.state
        opened = [one.opening.opened for one in assessment.collected.contributions]
        segments = [tuple(opened[start : start + shape.slots]) for start in range(0, len(opened), shape.slots)]
        attempt = Attempt.of(state)
        partial = PartialSum.none()
        for number, segment in enumerate(segments[:-1]):
            blinding = self.store.work(attempt, f"blinding {number}")
            if blinding is None:
                if number < state.folded:
                    raise LostPartialSumError(
                        f"segment {number} of {state.name()} was folded with a lost blinding",
                        hint="Start the round again.",
                        kind="partial-sum-lost",
                        task=state.id,
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
        """A proof from the store, where one of the same public inputs is there, or made now and kept."""
        public = [str(value) for value in said.public]
        made = self.store.work(attempt, name)
        if made is None or made["public"] != public:
            self._notify(News("proving", f"proving {name} of round {attempt.round}", {"name": name}))
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
