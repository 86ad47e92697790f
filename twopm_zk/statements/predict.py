"""``predict``: one prediction of the committed model. Twin of circuits/predict.circom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers import commitments, sigmoid
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.numbers.fixed_point import WEIGHTS, Format, assert_bounds, round_half_up
from twopm_zk.statements.family import Family
from twopm_zk.statements.step import StepShape
from twopm_zk.statements.types import Signals

PREDICTION_FRAC_BITS = 16
LABEL_BITS = 32
"""Of a predicted label that is a number, biased."""


@dataclass(frozen=True)
class PredictShape:
    """Sizes of a ``predict`` instance."""

    features: int
    format: Format
    family: Family = Family.LOGISTIC

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, int]) -> PredictShape:
        """From the template parameters of circuits.json; asserts the bound table."""
        format, family = Format(parameters["X_BITS"], parameters["X_FRAC"]), Family.numbered(parameters["FAMILY"])
        shape = cls(parameters["FEATURES"], format, family)
        one_row = StepShape(1, shape.features, shape.format, shape.family)
        assert_bounds(one_row.bounds(), instance=f"predict-{shape.features}")
        return shape

    def real(self, prediction: int) -> float:
        """What a prediction stands for: the probability of the label 1, or a scaled label."""
        bias = 1 << (LABEL_BITS - 1) if self.family is Family.GAUSSIAN else 0
        return (prediction - bias) / (1 << PREDICTION_FRAC_BITS)


@dataclass(frozen=True)
class PredictStatement:
    """What committed weights expect of one row: the probability of the label 1, or a label that is a number."""

    shape: PredictShape
    context: int
    weights: tuple[int, ...]
    features: tuple[int, ...] = field(repr=False)
    salt: int = field(default_factory=random_scalar, repr=False)

    def __post_init__(self) -> None:
        if len(self.features) != self.shape.features or len(self.weights) != self.shape.features + 1:
            raise InputError(
                f"{len(self.features)} features and {len(self.weights)} weights for a prediction of "
                f"{self.shape.features} features and an intercept"
            )

    @cached_property
    def prediction(self) -> int:
        """In units of 2^-16, rounded half up: a probability, or a scaled label plus 2^31 units, that is 2^15.

        Raises RangeError for a label that has no proof.
        """
        row = (*self.features, self.shape.format.one)
        z = sum(x * w for x, w in zip(row, self.weights, strict=True))
        z_frac_bits = self.shape.format.frac_bits + WEIGHTS.frac_bits
        if self.shape.family is Family.GAUSSIAN:
            found = round_half_up(z, dropped=z_frac_bits - PREDICTION_FRAC_BITS) + (1 << (LABEL_BITS - 1))
            if not 0 <= found < 1 << LABEL_BITS:
                raise RangeError("the weights expect more of this input than a prediction holds")
            return found
        numerator = (1 << sigmoid.SCALE_BITS) + sigmoid.sigmoid_numerator(z, z_frac_bits=z_frac_bits)
        return round_half_up(numerator, dropped=sigmoid.SCALE_BITS + 1 - PREDICTION_FRAC_BITS)

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``modelCommitment``, ``inputCommitment``, ``prediction``."""
        return (
            commitments.model_commitment(self.context, self.weights),
            commitments.input_commitment(
                self.salt, self.features, format=self.shape.format, family=self.shape.family.number
            ),
            self.prediction,
        )

    def circuit_inputs(self) -> Signals:
        """Inputs of the circuit."""
        return {
            "context": self.context,
            "weights": [WEIGHTS.biased(w) for w in self.weights],
            "features": [self.shape.format.biased(x) for x in self.features],
            "salt": self.salt,
        }
