"""What a model commitment binds besides the weights. Twin of circuits/lib/policy.circom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers import commitments
from twopm_zk.numbers.commitments import PACKED_BITS, Tag
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS, Format
from twopm_zk.numbers.poseidon import poseidon
from twopm_zk.statements.types import Signals

MATRIX = Format(bits=48, frac_bits=32)
LAMBDA_BITS = 24
LAMBDA_FRAC_BITS = 12
COUNT_BITS = 32
ROUND_BITS = 64
_ATTEMPT_BITS = 32


@dataclass(frozen=True)
class StepMatrix:
    """A symmetric integer matrix P; ``upper`` is its upper triangle by rows, in the format MATRIX."""

    size: int
    upper: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.upper) != self.size * (self.size + 1) // 2:
            raise InputError(f"a symmetric {self.size} x {self.size} matrix has another number of entries")
        if not all(MATRIX.holds(value) for value in self.upper):
            low, high = MATRIX.limits
            raise RangeError(f"an entry of the step matrix is outside [{low:g}, {high:g}]")

    @classmethod
    def quantized(cls, matrix: npt.NDArray[np.float64]) -> StepMatrix:
        """The nearest integer matrix to a symmetric real one (size, size)."""
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"a step matrix is square; this array has the shape {matrix.shape}")
        rows, columns = np.triu_indices(len(matrix))
        values = MATRIX.quantize(matrix[rows, columns], name="step matrix")
        return cls(len(matrix), tuple(int(value) for value in values))

    def rows(self) -> list[list[int]]:
        """The full matrix."""
        full = [[0] * self.size for _ in range(self.size)]
        entries = iter(self.upper)
        for i in range(self.size):
            for j in range(i, self.size):
                full[i][j] = full[j][i] = next(entries)
        return full

    def biased(self) -> list[int]:
        """The upper triangle as a circuit takes it."""
        return [MATRIX.biased(value) for value in self.upper]

    @cached_property
    def hash(self) -> int:
        """``matrixHash``."""
        packed = commitments.pack(self.biased(), bits=MATRIX.bits, per=PACKED_BITS // MATRIX.bits)
        return commitments.secret_hash(Tag.MATRIX, packed, shape=self.size)


@dataclass(frozen=True)
class Policy:
    """The rules of one round.

    ``task_key`` names task, contract and chain; ``round`` and ``attempt`` count from 0; ``penalty`` is lambda in
    units of 2^-12; ``weight_bound`` the largest |weight| in units of 2^-20; ``min_rows`` at least 1;
    ``matrix_hash`` of the step matrix that led to the weights of this round, 0 before the first move.
    """

    task_key: int
    round: int
    attempt: int
    penalty: int
    weight_bound: int
    min_rows: int
    matrix_hash: int

    def __post_init__(self) -> None:
        limits = {
            "task_key": (0, FIELD_ORDER),
            "round": (0, 1 << (ROUND_BITS - _ATTEMPT_BITS)),
            "attempt": (0, 1 << _ATTEMPT_BITS),
            "penalty": (0, 1 << LAMBDA_BITS),
            "weight_bound": (0, WEIGHTS.bias + 1),
            "min_rows": (1, 1 << COUNT_BITS),
            "matrix_hash": (0, FIELD_ORDER),
        }
        for name, (low, end) in limits.items():
            if not low <= getattr(self, name) < end:
                raise RangeError(f"{name} of a policy is outside [{low}, {end})")

    @property
    def round_id(self) -> int:
        """Round and attempt in one number."""
        return self.round << _ATTEMPT_BITS | self.attempt

    @property
    def packed(self) -> int:
        """``policy``: one element with the range-checked fields."""
        high = (self.round_id << LAMBDA_BITS | self.penalty) << WEIGHTS.bits | self.weight_bound
        return high << COUNT_BITS | self.min_rows

    @cached_property
    def context(self) -> int:
        """``context`` of a model commitment."""
        return commitments.public_hash(Tag.CONTEXT, [self.task_key, self.packed, self.matrix_hash])

    @cached_property
    def context_head(self) -> int:
        """``context`` before the step matrix: its first block."""
        return poseidon([commitments.domain(Tag.CONTEXT, 3), self.task_key, self.packed])

    def model_commitment(self, weights: Sequence[int]) -> int:
        """``modelCommitment`` of integer ``weights`` in this round."""
        return commitments.model_commitment(self.context, weights)

    def next_collection(self) -> Policy:
        """The policy of the round after this one at the same weights: of a gradient after information."""
        return replace(self, round=self.round + 1, attempt=0)

    def next_round(self, *, matrix_hash: int) -> Policy:
        """The policy of the round after this one, with the step matrix that led there."""
        return replace(self, round=self.round + 1, attempt=0, matrix_hash=matrix_hash)

    def circuit_inputs(self) -> Signals:
        """The bus Policy of the circuits that open the context."""
        return {
            "taskKey": self.task_key,
            "round": self.round_id,
            "lambda": self.penalty,
            "weightBound": self.weight_bound,
            "minRows": self.min_rows,
            "matrixHash": self.matrix_hash,
        }
