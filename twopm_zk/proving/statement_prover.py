"""What roles ask of a prover: verified proofs of statements, and their calldata."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from twopm_zk.circuit.instances import Instance
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.plonk.solidity import calldata
from twopm_zk.statements import Statement

Keep = Callable[[int, ProofResult], object]
"""Takes the index of a statement and its verified proof."""


class StatementProver(Protocol):
    """What makes proofs, such as `prover.Prover`."""

    def prove(
        self, statements: Sequence[tuple[Instance | str, Statement]], *, keep: Keep | None = None
    ) -> list[ProofResult]:
        """A verified proof of each statement, in order; each goes to ``keep`` too, as soon as it is there."""


def proof_numbers(result: ProofResult) -> tuple[int, ...]:
    """A proof as contracts take it."""
    return tuple(calldata(result.proof, result.public)[0])
