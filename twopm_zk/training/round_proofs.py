"""All proofs of one round, from the batches' updates to the next weights or the certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from twopm_zk.errors import SpecError
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.proving.prover import Prover
from twopm_zk.rows.batches import Batch
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    Collection,
    Opening,
    Policy,
    Statement,
    StepMatrix,
)
from twopm_zk.task.instances import RowsInstances
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
        self._prover, self._names = prover, spec.instances
        self._rows = RowsInstances.of(spec.instances)

    @property
    def insecure(self) -> bool:
        """Whether the certificate is under development keys."""
        return self._prover.keys(self._names.certify).insecure

    def prove_sum(
        self, collection: Collection, policy: Policy, weights: Sequence[int], batches: Sequence[Batch]
    ) -> tuple[RoundProof, ...]:
        """The updates of all batches; nothing more is proven of their sum, which opens the sum of their points."""
        return tuple(self._updates(collection, policy, weights, batches)[0])

    def prove_move(
        self, policy: Policy, matrix: StepMatrix, weights: Sequence[int], batches: Sequence[Batch]
    ) -> tuple[RoundProof, ...]:
        """The updates of all batches, and the aggregation."""
        proofs, total = self._updates(Collection.GRADIENT, policy, weights, batches)
        said = AggregateStatement(total, policy, matrix, tuple(weights))
        return (*proofs, *self._prove([(self._names.aggregate, said)]))

    def prove_certificate(
        self, policy: Policy, weights: Sequence[int], batches: Sequence[Batch]
    ) -> tuple[RoundProof, ...]:
        """The updates of all batches, and the certificate, which comes last."""
        proofs, total = self._updates(Collection.GRADIENT, policy, weights, batches)
        return (*proofs, *self._prove([(self._names.certify, CertifyStatement(total, policy, tuple(weights)))]))

    def _updates(
        self, collection: Collection, policy: Policy, weights: Sequence[int], batches: Sequence[Batch]
    ) -> tuple[list[RoundProof], Opening]:
        said = [batch.statement(collection, policy.context, weights) for batch in batches]
        names = [self._rows.name(collection, batch.shape.rows) for batch in batches]
        proofs = self._prove(list(zip(names, said, strict=True)))
        return proofs, list(accumulate(one.opening for one in said))[-1]

    def _prove(self, statements: Sequence[tuple[str, Statement]]) -> list[RoundProof]:
        results = self._prover.prove(statements)
        return [RoundProof(name, result) for (name, _), result in zip(statements, results, strict=True)]
