"""``predict``: one prediction of the committed model. Twin of circuits/predict.circom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from twopm_zk.errors import InputError
from twopm_zk.numbers import commitments, sigmoid
from twopm_zk.numbers.commitments import random_scalar
from twopm_zk.numbers.fixed_point import WEIGHTS, Format, assert_bounds
from twopm_zk.statements.step import StepShape
from twopm_zk.statements.types import Signals

PREDICTION_FRAC_BITS = 16


@dataclass(frozen=True)
class PredictShape:
    """Sizes of a ``predict`` instance."""

    features: int
    format: Format

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, int]) -> PredictShape:
        """From the template parameters of circuits.json; asserts the bound table."""
        shape = cls(parameters["FEATURES"], Format(parameters["X_BITS"], parameters["X_FRAC"]))
        one_row = StepShape(1, shape.features, shape.format)
        assert_bounds(one_row.bounds(), instance=f"predict-{shape.features}")
        return shape


@dataclass(frozen=True)
class PredictStatement:
    """The probability of the label 1 for one row, at committed weights."""

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
        """Probability in units of 2^-16, rounded half up."""
        row = (*self.features, self.shape.format.one)
        z = sum(x * w for x, w in zip(row, self.weights, strict=True))
        numerator = sigmoid.sigmoid_numerator(z, z_frac_bits=self.shape.format.frac_bits + WEIGHTS.frac_bits)
        shift = sigmoid.SCALE_BITS + 1 - PREDICTION_FRAC_BITS
        return ((1 << sigmoid.SCALE_BITS) + numerator + (1 << (shift - 1))) >> shift

    @cached_property
    def public(self) -> tuple[int, int, int]:
        """``modelCommitment``, ``inputCommitment``, ``prediction``."""
        return (
            commitments.model_commitment(self.context, self.weights),
            commitments.input_commitment(self.salt, self.features, format=self.shape.format),
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
