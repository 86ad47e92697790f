"""What roles ask of a prover: verified proofs of statements, and their calldata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twopm_zk.circuit.instances import Instance
from twopm_zk.plonk.proving import ProofResult
from twopm_zk.plonk.solidity import calldata
from twopm_zk.statements import Statement


class StatementProver(Protocol):
    """What makes proofs, such as `prover.Prover`."""

    def prove(self, statements: Sequence[tuple[Instance | str, Statement]]) -> list[ProofResult]:
        """A verified proof of each statement, in order."""


def proof_numbers(result: ProofResult) -> tuple[int, ...]:
    """A proof as contracts take it."""
    return tuple(calldata(result.proof, result.public)[0])
