"""``aggregate`` and ``certify``: what a round's updates add up to.

Twin of circuits/{aggregate,certify}.circom and circuits/lib/collection.circom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from twopm_zk.errors import InputError, WitnessError
from twopm_zk.numbers import commitments
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.numbers.commitments import Tag
from twopm_zk.numbers.field import FIELD_ORDER
from twopm_zk.numbers.fixed_point import WEIGHTS, Bound, Format, assert_bounds, to_field
from twopm_zk.numbers.pedersen import GRADIENT, Opening, Tally
from twopm_zk.statements.family import Family
from twopm_zk.statements.policy import LAMBDA_BITS, LAMBDA_FRAC_BITS, MATRIX, Policy, StepMatrix
from twopm_zk.statements.rows import MAX_ROWS, WHOLE_BITS
from twopm_zk.statements.step import StepShape
from twopm_zk.statements.types import Signals, in_bus

MAX_UPDATES = 1 << 20
"""Updates that one round can hold: more, and a sum could leave its lane."""
SUM_DIGITS = 41
"""Signed base-4 digits of a component of a round's summed gradient."""
COUNT_DIGITS = 16
"""Signed base-4 digits of a round's row count."""
BOUND_BITS = 32
BOUND_FRAC_BITS = 32
_FEATURE_FRAC_BITS = 12  # of the widest features, whose bound is the same for all formats


@dataclass(frozen=True)
class RoundShape:
    """Sizes of an ``aggregate`` or ``certify`` instance."""

    features: int

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, int]) -> RoundShape:
        """From the template parameters of circuits.json; asserts the bound table."""
        shape = cls(parameters["FEATURES"])
        assert_bounds(shape.bounds(), instance=f"{shape.features} features")
        return shape

    @property
    def weights(self) -> int:
        """Number of weights, the intercept among them."""
        return self.features + 1

    @property
    def penalty_unit(self) -> int:
        """Factor that brings lambda times a weight to the gradient's unit."""
        return 1 << (GRADIENT.frac_bits - LAMBDA_FRAC_BITS - WEIGHTS.frac_bits)

    @property
    def shift(self) -> int:
        """Bits that P G has more than a weight."""
        return MATRIX.frac_bits + GRADIENT.frac_bits - WEIGHTS.frac_bits

    @property
    def bound_unit(self) -> int:
        """Factor that brings ``gradientBound`` to the gradient's unit."""
        return 1 << (GRADIENT.frac_bits - BOUND_FRAC_BITS)

    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitudes, for a sum of MAX_UPDATES updates of MAX_ROWS rows, and for any that its digits hold."""
        format = Format(_FEATURE_FRAC_BITS + WHOLE_BITS, _FEATURE_FRAC_BITS)
        largest = max(StepShape(MAX_ROWS, self.features, format, family).max_rounded() for family in Family)
        total, rows = (4**SUM_DIGITS) // 2, (4**COUNT_DIGITS) // 2
        penalty = (1 << LAMBDA_BITS) * WEIGHTS.bias * self.penalty_unit
        moved = self.weights * MATRIX.bias * (total + penalty) + (1 << (self.shift - 1))
        allowed = self.bound_unit * (1 << BOUND_BITS) * rows
        return (
            Bound("sum of updates", MAX_UPDATES * largest, limit=total),
            Bound("lane of a packed sum", total, limit=(1 << (GRADIENT.lane_bits - 1)) + 1),
            Bound("row count", MAX_UPDATES * MAX_ROWS, limit=rows),
            Bound("regularised gradient", total + penalty),
            # the hint of the remainder adds 2^200
            Bound("step matrix times gradient", moved, limit=1 << 200),
            Bound("weight difference", (2 * WEIGHTS.bias + 1) << self.shift, limit=1 << 200),
            Bound("margin of the certificate", allowed + total + penalty, limit=1 << (2 * SUM_DIGITS + 2)),
        )

    def regularised(self, policy: Policy, weights: Sequence[int], total: Tally) -> list[int]:
        """G: the summed gradient with lambda w, none for the intercept."""
        penalty = [policy.penalty * w * self.penalty_unit for w in weights[:-1]] + [0]
        return [g + p for g, p in zip(total.items, penalty, strict=True)]

    def next_weights(self, policy: Policy, matrix: StepMatrix, weights: Sequence[int], total: Tally) -> tuple[int, ...]:
        """w' = w - floor((P G + 2^(shift-1)) / 2^shift), unchecked against any bound."""
        G = self.regularised(policy, weights, total)
        half = 1 << (self.shift - 1)
        moves = [(sum(p * g for p, g in zip(row, G, strict=True)) + half) >> self.shift for row in matrix.rows()]
        return tuple(w - move for w, move in zip(weights, moves, strict=True))

    def smallest_bound(self, policy: Policy, weights: Sequence[int], total: Tally) -> int:
        """The smallest ``gradientBound`` that can be certified."""
        largest = max(abs(g) for g in self.regularised(policy, weights, total))
        return -(-largest // (total.rows * self.bound_unit))


def updates_commitment(point: Point) -> int:
    """``updatesCommitment``: the hash of a round's point, which contracts recompute."""
    return commitments.public_hash(Tag.POINT, list(point))


def _sum_signals(total: Opening) -> Signals:
    """The circuit's bus RoundSum."""
    return {
        "gradient": [to_field(g) for g in total.items],
        "rows": to_field(total.rows),
        "blinding": total.blinding % FIELD_ORDER,
    }


def _shape(total: Opening, weights: Sequence[int]) -> RoundShape:
    if total.unit != GRADIENT or len(total.items) != len(weights):
        raise InputError(f"the sum is not a gradient of {len(weights)} weights")
    return RoundShape(len(weights) - 1)


def _check_policy(policy: Policy, weights: Sequence[int], total: Tally, *, what: str) -> None:
    """WitnessError where no proof can exist, with the reason that the circuit could not give."""
    if total.rows < policy.min_rows:
        raise WitnessError(f"{total.rows} rows in the round, the policy wants at least {policy.min_rows}")
    for index, weight in enumerate(weights):
        if abs(weight) > policy.weight_bound or not WEIGHTS.holds(weight):
            name = "the intercept" if index == len(weights) - 1 else f"weight {index + 1}"
            raise WitnessError(
                f"{what}: {name} leaves the bound {policy.weight_bound / WEIGHTS.one:g}",
                hint="Raise lambda in the task's specification.",
            )


@dataclass(frozen=True)
class AggregateStatement:
    """The next weights follow from the committed ones, the rule, and the sum of all updates of the round.

    ``matrix`` is committed to together with the next weights.
    """

    total: Opening
    """What opens the round's point."""
    policy: Policy
    matrix: StepMatrix
    weights: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raise InputError for weights or a matrix of another size than the round's."""
        if self.matrix.size != _shape(self.total, self.weights).weights:
            raise InputError(f"a step matrix of size {self.matrix.size} for {len(self.weights)} weights")

    @cached_property
    def next_weights(self) -> tuple[int, ...]:
        """The exact next weights; WitnessError where the policy forbids them."""
        shape = _shape(self.total, self.weights)
        result = shape.next_weights(self.policy, self.matrix, self.weights, self.total)
        _check_policy(self.policy, result, self.total, what="the next weights")
        return result

    @cached_property
    def next_policy(self) -> Policy:
        """The policy of the round that the next weights open."""
        return self.policy.next_round(matrix_hash=self.matrix.hash)

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``modelCommitment``, ``updatesCommitment``, ``nextModelCommitment``."""
        return (
            self.policy.model_commitment(self.weights),
            updates_commitment(self.total.point),
            self.next_policy.model_commitment(self.next_weights),
        )

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit."""
        return {
            **in_bus("policy", self.policy.circuit_inputs()),
            "nextHead": self.next_policy.context_head,
            "upper": list(self.matrix.biased()),
            "weights": [WEIGHTS.biased(w) for w in self.weights],
            "nextWeights": [WEIGHTS.biased(w) for w in self.next_weights],
            **in_bus("sum", _sum_signals(self.total)),
        }


@dataclass(frozen=True)
class CertifyStatement:
    """No component of the regularised gradient exceeds ``bound`` (units of 2^-32) per row."""

    total: Opening
    """What opens the round's point."""
    policy: Policy
    weights: tuple[int, ...]
    bound: int | None = None

    def __post_init__(self) -> None:
        """Raise InputError for weights of another number than the round's."""
        _shape(self.total, self.weights)

    @cached_property
    def gradient_bound(self) -> int:
        """The bound given, or the smallest one; WitnessError where there is none."""
        _check_policy(self.policy, self.weights, self.total, what="the weights")
        smallest = _shape(self.total, self.weights).smallest_bound(self.policy, self.weights, self.total)
        chosen = smallest if self.bound is None else self.bound
        if chosen < smallest or chosen >= 1 << BOUND_BITS:
            unit = 1 << BOUND_FRAC_BITS
            raise WitnessError(
                f"the gradient per row is {smallest / unit:.3g}, the bound to certify {min(chosen, unit) / unit:.3g}",
                hint="Train for more rounds, or certify a larger bound.",
            )
        return chosen

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``modelCommitment``, ``updatesCommitment``, ``gradientBound``."""
        return self.policy.model_commitment(self.weights), updates_commitment(self.total.point), self.gradient_bound

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit."""
        return {
            **in_bus("policy", self.policy.circuit_inputs()),
            "weights": [WEIGHTS.biased(w) for w in self.weights],
            "gradientBound": self.gradient_bound,
            **in_bus("sum", _sum_signals(self.total)),
        }
