"""``fold``, ``aggregate`` and ``certify``: what a round's updates add up to.

Twin of circuits/{fold,aggregate,certify}.circom and circuits/lib/segment.circom.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from twopm_zk.errors import CircuitTooLargeError, InputError, WitnessError
from twopm_zk.numbers import commitments, sigmoid
from twopm_zk.numbers.commitments import Tag, random_scalar
from twopm_zk.numbers.fixed_point import WEIGHTS, Bound, Format, assert_bounds, to_field
from twopm_zk.statements.policy import LAMBDA_BITS, LAMBDA_FRAC_BITS, MATRIX, Policy, StepMatrix
from twopm_zk.statements.step import WHOLE_BITS, StepShape, Update
from twopm_zk.statements.types import Signals, in_bus

MAX_UPDATES = 1024
"""Updates that one round can hold; the bound table needs a limit."""
MAX_ROWS = 1024
"""Rows that one update can count."""
BOUND_BITS = 32
BOUND_FRAC_BITS = 32
_MARGIN_EXTRA_BITS = 26


@dataclass(frozen=True)
class RoundShape:
    """Sizes of a ``fold``, ``aggregate`` or ``certify`` instance."""

    slots: int
    features: int
    x_frac_bits: int

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, int]) -> RoundShape:
        """From the template parameters of circuits.json; asserts the bound table."""
        shape = cls(parameters["SLOTS"], parameters["FEATURES"], parameters["X_FRAC"])
        assert_bounds(shape.bounds(), instance=f"{shape.slots} slots x {shape.features}")
        return shape

    @property
    def weights(self) -> int:
        """Number of weights, the intercept among them."""
        return self.features + 1

    @property
    def gradient_frac_bits(self) -> int:
        """Fractional bits of the exact gradient."""
        return self.x_frac_bits + sigmoid.SCALE_BITS + 1

    @property
    def penalty_unit(self) -> int:
        """Factor that brings lambda times a weight to the gradient's unit."""
        return 1 << (self.gradient_frac_bits - LAMBDA_FRAC_BITS - WEIGHTS.frac_bits)

    @property
    def shift(self) -> int:
        """Bits that P G has more than a weight."""
        return MATRIX.frac_bits + self.gradient_frac_bits - WEIGHTS.frac_bits

    @property
    def bound_unit(self) -> int:
        """Factor that brings ``gradientBound`` to the gradient's unit."""
        return 1 << (self.gradient_frac_bits - BOUND_FRAC_BITS)

    def bounds(self) -> tuple[Bound, ...]:
        """Largest magnitudes, for a round with MAX_UPDATES updates of MAX_ROWS rows."""
        widest = StepShape(MAX_ROWS, self.features, Format(self.x_frac_bits + WHOLE_BITS, self.x_frac_bits))
        total = MAX_UPDATES * widest.max_gradient()
        penalty = (1 << LAMBDA_BITS) * WEIGHTS.bias * self.penalty_unit
        moved = self.weights * MATRIX.bias * (total + penalty) + (1 << (self.shift - 1))
        allowed = self.bound_unit * (1 << BOUND_BITS) * MAX_UPDATES * MAX_ROWS
        margin = self.gradient_frac_bits - BOUND_FRAC_BITS + BOUND_BITS + _MARGIN_EXTRA_BITS
        return (
            Bound("sum of updates", total),
            Bound("regularised gradient", total + penalty),
            # the hint of the remainder adds 2^252
            Bound("step matrix times gradient", moved, limit=1 << 252),
            Bound("weight difference", (2 * WEIGHTS.bias + 1) << self.shift),
            Bound("margin of the certificate", allowed + total + penalty, limit=1 << margin),
        )

    def regularised(self, policy: Policy, weights: Sequence[int], total: Update) -> list[int]:
        """G: the summed gradient with lambda w, none for the intercept."""
        penalty = [policy.penalty * w * self.penalty_unit for w in weights[:-1]] + [0]
        return [g + p for g, p in zip(total.gradient, penalty, strict=True)]

    def next_weights(
        self, policy: Policy, matrix: StepMatrix, weights: Sequence[int], total: Update
    ) -> tuple[int, ...]:
        """w' = w - floor((P G + 2^(shift-1)) / 2^shift), unchecked against any bound."""
        G = self.regularised(policy, weights, total)
        half = 1 << (self.shift - 1)
        moves = [(sum(p * g for p, g in zip(row, G, strict=True)) + half) >> self.shift for row in matrix.rows()]
        return tuple(w - move for w, move in zip(weights, moves, strict=True))

    def smallest_bound(self, policy: Policy, weights: Sequence[int], total: Update) -> int:
        """The smallest ``gradientBound`` that can be certified."""
        largest = max(abs(g) for g in self.regularised(policy, weights, total))
        return -(-largest // (total.rows * self.bound_unit))


@dataclass(frozen=True)
class OpenedUpdate:
    """An update and the blinding that opens its commitment."""

    update: Update
    blinding: int = field(repr=False)

    @cached_property
    def commitment(self) -> int:
        """``updateCommitment``."""
        return self.update.commitment(self.blinding)


def segment_digest(update_commitments: Sequence[int]) -> int:
    """The chain of one segment's update commitments, from 0."""
    return list(accumulate(update_commitments, commitments.append_digest, initial=0))[-1]


@dataclass(frozen=True)
class PartialSum:
    """A sum of earlier segments; ``PartialSum.none()`` is the empty one, whose commitment is 0."""

    total: Update | None
    blinding: int = field(default_factory=random_scalar, repr=False)

    @classmethod
    def none(cls) -> PartialSum:
        """Before the first fold."""
        return cls(None, 0)

    @cached_property
    def commitment(self) -> int:
        """``partial``."""
        if self.total is None:
            return 0
        total = self.total
        return commitments.sum_commitment(
            Tag.PARTIAL, self.blinding, total.rows, total.gradient, x_frac_bits=total.x_frac_bits
        )

    def circuit_inputs(self, shape: RoundShape) -> Signals:
        """The circuit's bus PartialSum."""
        total = self.total or Update(0, (0,) * shape.weights)
        return {
            "present": int(self.total is not None),
            "blinding": self.blinding,
            "rows": total.rows,
            "gradient": [to_field(g) for g in total.gradient],
        }


@dataclass(frozen=True)
class RoundUpdates:
    """The last (or only) segment of a round, on top of a partial sum."""

    shape: RoundShape
    segment: tuple[OpenedUpdate, ...]
    partial: PartialSum = field(default_factory=PartialSum.none)

    def __post_init__(self) -> None:
        if len(self.segment) > self.shape.slots:
            raise CircuitTooLargeError(
                f"{len(self.segment)} updates in a segment of {self.shape.slots} slots",
                hint="Fold all segments but the last first.",
            )
        units = {opened.update.x_frac_bits for opened in self.segment}
        if self.partial.total is not None:
            units.add(self.partial.total.x_frac_bits)
        if units - {self.shape.x_frac_bits}:
            raise InputError(f"an update is not of features with {self.shape.x_frac_bits} fractional bits")
        if not self.segment and self.partial.total is None:
            raise InputError("a round without updates has no sum")
        totals = [opened.update for opened in self.segment] + ([self.partial.total] if self.partial.total else [])
        if {len(update.gradient) for update in totals} != {self.shape.weights}:
            raise InputError(f"an update is not of {self.shape.features} features and an intercept")

    @cached_property
    def total(self) -> Update:
        """Sum of the partial sum and the segment."""
        updates = [opened.update for opened in self.segment]
        if self.partial.total is not None:
            updates.insert(0, self.partial.total)
        return list(accumulate(updates))[-1]

    @cached_property
    def segment_digest(self) -> int:
        """``segmentDigest``."""
        return segment_digest([opened.commitment for opened in self.segment])

    @property
    def updates_digest(self) -> int:
        """``updatesDigest``."""
        return commitments.public_hash(Tag.ROUND, [self.partial.commitment, self.segment_digest])

    def circuit_inputs(self) -> Signals:
        """The circuit's bus RoundUpdates; unused slots are zeros."""
        empty = OpenedUpdate(Update(0, (0,) * self.shape.weights), 0)
        unused = self.shape.slots - len(self.segment)
        slots = [*self.segment, *[empty] * unused]
        segment: Signals = {
            "used": [int(s < len(self.segment)) for s in range(self.shape.slots)],
            "blinding": [slot.blinding for slot in slots],
            "rows": [slot.update.rows for slot in slots],
            "gradient": [[to_field(g) for g in slot.update.gradient] for slot in slots],
        }
        return {**in_bus("segment", segment), **in_bus("partial", self.partial.circuit_inputs(self.shape))}


@dataclass(frozen=True)
class FoldStatement:
    """The partial sum after is the one before plus a segment."""

    updates: RoundUpdates
    next_blinding: int = field(default_factory=random_scalar, repr=False)

    @cached_property
    def after(self) -> PartialSum:
        """The new partial sum."""
        return PartialSum(self.updates.total, self.next_blinding)

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``partialBefore``, ``segmentDigest``, ``partialAfter``."""
        return self.updates.partial.commitment, self.updates.segment_digest, self.after.commitment

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit."""
        return {**in_bus("updates", self.updates.circuit_inputs()), "nextBlinding": self.next_blinding}


def _check_sizes(shape: RoundShape, weights: Sequence[int]) -> None:
    if len(weights) != shape.weights:
        raise InputError(f"{len(weights)} weights for {shape.features} features and an intercept")


def _check_policy(policy: Policy, weights: Sequence[int], total: Update, *, what: str) -> None:
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
    """The next weights follow from the committed ones, the rule, and all updates of the round.

    ``matrix`` is committed to together with the next weights.
    """

    updates: RoundUpdates
    policy: Policy
    matrix: StepMatrix
    weights: tuple[int, ...]

    def __post_init__(self) -> None:
        """Raise InputError for weights or a matrix of another size than the round's."""
        _check_sizes(self.updates.shape, self.weights)
        if self.matrix.size != self.updates.shape.weights:
            raise InputError(f"a step matrix of size {self.matrix.size} for {self.updates.shape.weights} weights")

    @cached_property
    def next_weights(self) -> tuple[int, ...]:
        """The exact next weights; WitnessError where the policy forbids them."""
        shape = self.updates.shape
        result = shape.next_weights(self.policy, self.matrix, self.weights, self.updates.total)
        _check_policy(self.policy, result, self.updates.total, what="the next weights")
        return result

    @cached_property
    def next_policy(self) -> Policy:
        """The policy of the round that the next weights open."""
        return self.policy.next_round(matrix_hash=self.matrix.hash)

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``modelCommitment``, ``updatesDigest``, ``nextModelCommitment``."""
        return (
            self.policy.model_commitment(self.weights),
            self.updates.updates_digest,
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
            **in_bus("updates", self.updates.circuit_inputs()),
        }


@dataclass(frozen=True)
class CertifyStatement:
    """No component of the regularised gradient exceeds ``bound`` (units of 2^-32) per row."""

    updates: RoundUpdates
    policy: Policy
    weights: tuple[int, ...]
    bound: int | None = None

    def __post_init__(self) -> None:
        """Raise InputError for weights of another number than the round's."""
        _check_sizes(self.updates.shape, self.weights)

    @cached_property
    def gradient_bound(self) -> int:
        """The bound given, or the smallest one; WitnessError where there is none."""
        total = self.updates.total
        _check_policy(self.policy, self.weights, total, what="the weights")
        smallest = self.updates.shape.smallest_bound(self.policy, self.weights, total)
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
        """``modelCommitment``, ``updatesDigest``, ``gradientBound``."""
        return self.policy.model_commitment(self.weights), self.updates.updates_digest, self.gradient_bound

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit."""
        return {
            **in_bus("policy", self.policy.circuit_inputs()),
            "weights": [WEIGHTS.biased(w) for w in self.weights],
            "gradientBound": self.gradient_bound,
            **in_bus("updates", self.updates.circuit_inputs()),
        }
