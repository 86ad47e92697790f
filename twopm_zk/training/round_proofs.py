"""All proofs of one round, from the batches' updates to the next weights or the certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from twopm_zk.circuit.instances import Instance, find_instance
from twopm_zk.errors import SpecError
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.proving.prover import Prover
from twopm_zk.rows.batches import Batch
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    FoldStatement,
    OpenedUpdate,
    PartialSum,
    Policy,
    RoundUpdates,
    Statement,
    StepMatrix,
    StepShape,
)
from twopm_zk.task.instances import TaskInstances
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class RoundProof:
    """A verified proof and what it is of."""

    instance: str
    result: ProofResult = field(repr=False)

    @property
    def public(self) -> list[int]:
        """The three public inputs."""
        return self.result.public


class RoundProver:
    """Proves the rounds of one task."""

    def __init__(self, prover: Prover, spec: TaskSpec) -> None:
        if spec.instances is None:
            raise SpecError("a task without `instances` cannot be proven", hint="Use `spec.provable()`.")
        self._prover, self._shape = prover, spec.sizes.round
        self._names: TaskInstances = spec.instances
        steps = [find_instance(name) for name in self._names.step]
        self._steps: dict[StepShape, Instance] = {StepShape.from_parameters(i.parameters): i for i in steps}

    def prove_move(
        self,
        policy: Policy,
        matrix: StepMatrix,
        weights: Sequence[int],
        batches: Sequence[Batch],
    ) -> tuple[RoundProof, ...]:
        """The updates of all batches, folds of full segments, and the aggregation."""
        proofs, updates = self._updates(policy, weights, batches)
        said = AggregateStatement(updates, policy, matrix, tuple(weights))
        return (*proofs, *self._prove([(self._names.aggregate, said)]))

    def prove_certificate(
        self, policy: Policy, weights: Sequence[int], batches: Sequence[Batch]
    ) -> tuple[RoundProof, ...]:
        """The updates of all batches, folds, and the certificate, which comes last."""
        proofs, updates = self._updates(policy, weights, batches)
        return (*proofs, *self._prove([(self._names.certify, CertifyStatement(updates, policy, tuple(weights)))]))

    def _updates(
        self, policy: Policy, weights: Sequence[int], batches: Sequence[Batch]
    ) -> tuple[list[RoundProof], RoundUpdates]:
        said = [batch.statement(policy.context, weights) for batch in batches]
        proofs = self._prove([(self._steps[one.shape].name, one) for one in said])
        opened = [OpenedUpdate(one.update, one.blinding) for one in said]
        slots = self._shape.slots
        segments = [tuple(opened[start : start + slots]) for start in range(0, len(opened), slots)]
        partial = PartialSum.none()
        folds: list[tuple[str, Statement]] = []
        for segment in segments[:-1]:
            fold = FoldStatement(RoundUpdates(self._shape, segment, partial))
            folds.append((self._names.fold or "", fold))
            partial = fold.after
        proofs += self._prove(folds)
        return proofs, RoundUpdates(self._shape, segments[-1], partial)

    def _prove(self, statements: Sequence[tuple[str, Statement]]) -> list[RoundProof]:
        results = self._prover.prove(statements)
        return [RoundProof(name, result) for (name, _), result in zip(statements, results, strict=True)]
