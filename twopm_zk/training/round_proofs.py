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
    Tally,
)
from twopm_zk.task.instances import RowsInstances
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class Update:
    """What one batch adds to a round's sum, its node's noise included where it is the one that carries it."""

    batch: Batch
    tally: Tally = field(repr=False)


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
        self._rows, self._noise = RowsInstances.of(spec.instances), spec.sizes.noise

    @property
    def insecure(self) -> bool:
        """Whether the certificate is under development keys."""
        return self._prover.keys(self._names.certify).insecure

    def prove_sum(
        self, collection: Collection, policy: Policy, weights: Sequence[int], updates: Sequence[Update]
    ) -> tuple[RoundProof, ...]:
        """All updates; nothing more is proven of their sum, which opens the sum of their points."""
        return tuple(self._prove_updates(collection, policy, weights, updates)[0])

    def prove_move(
        self, policy: Policy, matrix: StepMatrix, weights: Sequence[int], updates: Sequence[Update]
    ) -> tuple[RoundProof, ...]:
        """All updates, and the aggregation."""
        proofs, total = self._prove_updates(Collection.GRADIENT, policy, weights, updates)
        said = AggregateStatement(total, policy, matrix, tuple(weights))
        return (*proofs, *self._prove([(self._names.aggregate, said)]))

    def prove_certificate(
        self, policy: Policy, weights: Sequence[int], updates: Sequence[Update]
    ) -> tuple[RoundProof, ...]:
        """All updates, and the certificate, which comes last."""
        proofs, total = self._prove_updates(Collection.GRADIENT, policy, weights, updates)
        return (*proofs, *self._prove([(self._names.certify, CertifyStatement(total, policy, tuple(weights)))]))

    def _prove_updates(
        self, collection: Collection, policy: Policy, weights: Sequence[int], updates: Sequence[Update]
    ) -> tuple[list[RoundProof], Opening]:
        noise = self._noise.get(collection, 0)
        openings = [
            Opening.drawn(one.tally.unit, one.tally.items, one.tally.rows) if noise else None for one in updates
        ]
        said = [
            one.batch.statement(collection, policy.context, weights, opening, noise=noise)
            for one, opening in zip(updates, openings, strict=True)
        ]
        names = [self._rows.name(collection, one.batch.shape.rows) for one in updates]
        proofs = self._prove(list(zip(names, said, strict=True)))
        return proofs, list(accumulate(one.opening for one in said))[-1]

    def _prove(self, statements: Sequence[tuple[str, Statement]]) -> list[RoundProof]:
        results = self._prover.prove(statements)
        return [RoundProof(name, result) for (name, _), result in zip(statements, results, strict=True)]
