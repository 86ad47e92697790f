"""From an assessed round to a transaction: the sum opened as it is, the next weights, or the certificate.

Proofs, which are slow, are kept in the store before they are sent, so that a coordinator that is killed sends the same
again instead of making it anew.
"""

from __future__ import annotations

from typing import Any

from twopm_zk.chain.rpc import Receipt
from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.coordinator.assessment import Action, RoundAssessment
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.errors import TrainingError
from twopm_zk.numbers.pedersen import vector_generators
from twopm_zk.participants.news import News, Notify
from twopm_zk.participants.records import Attempt
from twopm_zk.participants.task_view import ChainView
from twopm_zk.proving.statement_prover import StatementProver, proof_numbers
from twopm_zk.sharing import vector_of
from twopm_zk.statements import AggregateStatement, CertifyStatement, Statement
from twopm_zk.task.specification import TaskSpec

AGGREGATE, CERTIFY = "aggregate", "certify"
"""Names of the proofs that end a round."""


def open_sum(view: ChainView, assessment: RoundAssessment) -> Receipt:
    """Send the sum of a round of information or evaluation as it is. Raises the assessment's obstacle."""
    assessment.require_opened()
    total = assessment.require_sum()
    generators = vector_generators(total.unit, len(total.items))
    return view.hlr.proceed(assessment.state.id, vector_of(total), generators)


class RoundExecutor:
    """Does what a `RoundAssessment` says a round of one task needs: proofs, transactions, and what is kept of it."""

    def __init__(
        self, view: ChainView, spec: TaskSpec, store: CoordinatorStore, *, prover: StatementProver, notify: Notify
    ) -> None:
        self.view, self.spec, self.store = view, spec, store
        self._prover, self._notify = prover, notify

    def conclude(self, assessment: RoundAssessment) -> None:
        """Proceed, or certify, or publish the next weights, or end the task after its last round.

        Raises the assessment's obstacle: DataError (one class only), DivergenceError (weights leave their bound),
        TrainingError (they stand still above the target, or there are too few rows).
        """
        self._tell(assessment)
        state = assessment.state
        if assessment.action is Action.PROCEED:
            self.proceed(assessment)
        elif assessment.action is Action.CERTIFY:
            for doubt in assessment.doubts:
                self._notify(News("doubt", f"round {state.round}: {doubt}"))
            self.certify(assessment)
        elif assessment.action is Action.FINISH:
            self.view.hlr.finish(state.id)
            self._notify(News("unfinished", f"after {state.moves} moves the target is not reached; no certificate"))
        else:
            self.aggregate(assessment)

    def _tell(self, assessment: RoundAssessment) -> None:
        state, bound = assessment.state, assessment.bound_per_row
        values: dict[str, Any] = {"round": state.round, "rows": assessment.rows, "bound": bound}
        values |= {"nodes": list(assessment.nodes), "decrement": assessment.decrement}
        if bound is None:
            self._notify(News("summed", f"round {state.round}: the {state.collected} is summed", values))
            return
        text = f"round {state.round}: gradient at most {bound:.2e} per row"
        if assessment.distance is not None:
            values["distance"] = assessment.distance.to_json()
            text += f"; {assessment.distance.sentence()}"
        self._notify(News("gradient", text, values))

    def proceed(self, assessment: RoundAssessment) -> None:
        """Open the sum on the chain, and the round after it. Raises the assessment's obstacle."""
        self._sent("proceed", assessment.state, open_sum(self.view, assessment))

    def certify(self, assessment: RoundAssessment) -> None:
        """Certify the task with the smallest bound that there is. TrainingError where the target is not reached."""
        assessment.require_certifiable()
        state = assessment.state
        said = CertifyStatement(assessment.require_sum(), state.policy, state.weights)
        proof = self._proof(Attempt.of(state), CERTIFY, self._instance(CERTIFY), said)
        self._sent(CERTIFY, state, self.view.hlr.certify(state.id, said.gradient_bound, proof))

    def aggregate(self, assessment: RoundAssessment) -> None:
        """Publish the next weights. Raises the assessment's obstacle."""
        state, move = assessment.state, assessment.require_move()
        said = AggregateStatement(assessment.require_sum(), state.policy, move.matrix, state.weights)
        proof = self._proof(Attempt.of(state), AGGREGATE, self._instance(AGGREGATE), said)
        receipt = self.view.hlr.accept_weights(state.id, said.next_weights, move.matrix.hash, proof)
        self._sent(AGGREGATE, state, receipt)

    # --- proofs and transactions ---

    def _proof(self, attempt: Attempt, name: str, instance: str, said: Statement) -> tuple[int, ...]:
        """A proof from the store, where one of the same public inputs is there, or made now and kept."""
        public = [str(value) for value in said.public]
        made = self.store.work(attempt, name)
        if made is None or made["public"] != public:
            self._notify(News("proving", f"proving {name} of round {attempt.round}", {"name": name}))
            (result,) = self._prover.prove([(instance, said)])
            made = {"public": public, "proof": [str(value) for value in proof_numbers(result)]}
            self.store.add_work(attempt, name, made)
            values = {"name": name, "instance": instance, "seconds": result.prove_seconds}
            self._notify(News("proven", f"proven {name} of round {attempt.round}", values))
        return tuple(int(value) for value in made["proof"])

    def _sent(self, name: str, state: TaskSnapshot, receipt: Receipt) -> None:
        values = {"name": name, "transaction": receipt.transaction, "gas": receipt.gas_used, "round": state.round}
        self._notify(News("submitted", f"submitted {name} of round {state.round}", values))

    def _instance(self, kind: str) -> str:
        chosen = self.spec.instances
        if chosen is None:
            raise TrainingError("a task without instances cannot be proven")
        name: str = getattr(chosen, kind)
        return name
