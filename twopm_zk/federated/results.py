"""What a round ends with: the parameters that all nodes go on from, the same integers for everybody."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import FileFormatError, InputError, RangeError, SpecError
from twopm_zk.federated.encoding import RESULT
from twopm_zk.federated.model import Arrays, arrays_of, flat
from twopm_zk.federated.specification import LOSS_FRAC_BITS, PARAMETER_FRAC_BITS, FederatedSpec
from twopm_zk.system.content_store import content_hash

Words = npt.NDArray[np.int64]
PARAMETER_BOUND = 1 << 60
"""A parameter's magnitude is at most this, 2^28 in its own unit."""
NOWHERE = bytes(32)


@dataclass(frozen=True, eq=False)
class RoundResult:
    """Parameters and velocity after a round, and what else its sum tells. RangeError for one that leaves its limits."""

    layout: bytes
    round: int
    """0 for what training starts from."""
    previous: bytes
    """The hash of the result that this one follows from; zeros in round 0."""
    parameters: Words
    """In units of 2^-32."""
    velocity: Words
    """Of the momentum, likewise; empty where the rule has none."""
    weight: int = 0
    """What was divided by: all examples, or the number of nodes."""
    loss: int = 0
    """Sum of the losses at the previous result, in units of 2^-16."""
    evaluated: int = 0
    """Examples that they are of."""

    def __post_init__(self) -> None:
        for row in (self.parameters, self.velocity):
            if row.size and max(int(row.max()), -int(row.min())) > PARAMETER_BOUND:
                raise RangeError("a parameter of a result, or its velocity, is beyond 2^28", kind="result-out-of-range")
            row.flags.writeable = False

    @cached_property
    def encoded(self) -> bytes:
        """The bytes that are stored."""
        words = np.concatenate([self.parameters, self.velocity])
        return RESULT.encode(self.layout, words, self.round, self.previous, self.weight, self.loss, self.evaluated)

    @cached_property
    def hash(self) -> bytes:
        """SHA-256 of `encoded`: what nodes confirm."""
        return content_hash(self.encoded)

    @cached_property
    def parameters_hash(self) -> bytes:
        """SHA-256 of the parameters alone: two results with the same one are the same point to train from, which is
        what a node remembers of what it has shared."""
        return hashlib.sha256(self.parameters.astype("<i8").tobytes()).digest()

    @property
    def values(self) -> npt.NDArray[np.float64]:
        """All parameters in one row, as doubles."""
        return np.ldexp(self.parameters.astype(np.float64), -PARAMETER_FRAC_BITS)

    def arrays(self, spec: FederatedSpec) -> list[npt.NDArray[np.float64]]:
        """The parameters as the model has them."""
        return arrays_of(spec, self.values)

    @property
    def mean_loss(self) -> float | None:
        """Of the previous result over everything that nodes hold out; None where nothing was evaluated."""
        return self.loss / self.evaluated / 2**LOSS_FRAC_BITS if self.evaluated else None

    @property
    def is_first(self) -> bool:
        """Whether training starts from it."""
        return self.round == 0


def result_words(spec: FederatedSpec) -> int:
    """How many integers a result has."""
    return spec.parameters * (2 if spec.has_velocity else 1)


def result_size(spec: FederatedSpec) -> int:
    """How many bytes a result has."""
    return RESULT.size(result_words(spec))


def parse_result(spec: FederatedSpec, content: bytes) -> RoundResult:
    """A result from untrusted bytes. FileFormatError where they are none of this specification's."""
    head, words = RESULT.parse(spec.layout, result_words(spec), content)
    round, previous, weight, loss, evaluated = head
    parameters, velocity = words[: spec.parameters], words[spec.parameters :]
    if round > spec.maximum_rounds:
        raise FileFormatError(f"a result is of round {round}; the specification has {spec.maximum_rounds}")
    first = round == 0
    if (first and (previous != NOWHERE or weight or velocity.any())) or (not first and not weight):
        raise FileFormatError("a result claims a round that does not go with its weight or with what it follows from")
    if ((loss or evaluated) and (first or not spec.evaluate)) or (loss and not evaluated):
        raise FileFormatError("a result claims losses that nobody has evaluated")
    try:
        return RoundResult(spec.layout, round, previous, parameters, velocity, weight, loss, evaluated)
    except RangeError as error:
        raise FileFormatError(error.message) from error


def first_result(spec: FederatedSpec, arrays: Arrays) -> RoundResult:
    """What training starts from: a model's arrays, rounded to 2^-32.

    SpecError where the specification names another one by its hash; InputError where they do not fit it.
    """
    row = np.rint(flat(spec, arrays, what="the initial parameters") * 2.0**PARAMETER_FRAC_BITS)
    if not (np.abs(row) <= PARAMETER_BOUND).all():
        raise InputError("an initial parameter is beyond 2^28", kind="result-out-of-range")
    velocity = np.zeros(spec.parameters if spec.has_velocity else 0, dtype=np.int64)
    result = RoundResult(spec.layout, 0, NOWHERE, row.astype(np.int64), velocity)
    if spec.initial is not None and result.hash != spec.initial:
        raise SpecError(
            f"`model.initial` is {spec.initial.hex()}; these parameters are {result.hash.hex()}", kind="other-initial"
        )
    return result
