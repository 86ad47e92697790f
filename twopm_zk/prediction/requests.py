"""What a user and an operator mean by a request: its states on the chain, and a row as the circuit takes it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np

from twopm_zk.chain.rpc import reading
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import InputError, RangeError, SpecError
from twopm_zk.participants.task_view import ChainView
from twopm_zk.rows.batches import quantized_rows
from twopm_zk.rows.tables import Table
from twopm_zk.statements import PredictShape
from twopm_zk.task.columns import same_name
from twopm_zk.task.specification import TaskSpec


class RequestState(IntEnum):
    """The state of a request, as in IInference."""

    NONE = 0
    ASKED = 1
    ACCEPTED = 2
    ANSWERED = 3
    LATE = 4


@dataclass(frozen=True)
class ChainRequest:
    """A request as InferenceContract has it."""

    id: int
    state: RequestState
    user: str
    operator: str
    task: int
    deadline: int
    """Seconds since 1970: to accept it, then to answer it."""
    model_commitment: int
    input_commitment: int
    prediction: int
    """Units of 2^-16, once it is answered."""
    verifier: str

    @property
    def over(self) -> bool:
        """Whether it was answered, or slashed for."""
        return self.state in (RequestState.NONE, RequestState.ANSWERED, RequestState.LATE)

    def late(self, now: int) -> bool:
        """Whether its deadline has passed without an answer: no input is needed for it any more."""
        return not self.over and now > self.deadline

    @classmethod
    def read(cls, view: ChainView, number: int) -> Self:
        """The request of this number at the newest block. Raises ChainError."""
        found: Mapping[str, Any] = reading("a request", lambda: view.inference.request(number))
        return cls(
            id=number,
            state=RequestState(found["state"]),
            user=found["user"],
            operator=found["operator"],
            task=found["taskId"],
            deadline=found["deadline"],
            model_commitment=found["modelCommitment"],
            input_commitment=found["inputCommitment"],
            prediction=found["prediction"],
            verifier=found["verifier"],
        )


def predict_shape(spec: TaskSpec) -> PredictShape:
    """The sizes of the specification's ``predict`` instance. SpecError where it has none."""
    if spec.instances is None or spec.instances.predict is None:
        raise SpecError("the specification has no `instances.predict`: its model cannot be asked with proofs")
    return PredictShape.from_parameters(find_instance(spec.instances.predict).parameters)


def quantized_row(spec: TaskSpec, row: Mapping[str, float]) -> tuple[int, ...]:
    """One unscaled row by name as the circuit takes it.

    Raises InputError for features that are missing or unknown, RangeError where one does not fit; no value is shown.
    """
    row = {same_name(name): value for name, value in row.items()}
    if missing := [name for name in spec.features if name not in row]:
        raise InputError(f"the input has no {missing[0]!r}", hint=f"Features are: {', '.join(spec.features)}.")
    if unknown := [name for name in row if name not in spec.features]:
        raise InputError(f"the input has {unknown[0]!r}, which is no feature of the specification")
    for column in spec.columns:
        value = row[column.name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"the input's {column.name!r} is not a number")
        if not abs(value) <= sys.float_info.max:
            raise InputError(f"the input's {column.name!r} is not finite")
        low, high = column.limits(spec.format)
        if not low <= value <= high:
            raise RangeError(
                f"the input's {column.name!r} is outside what the specification takes, {low:g} to {high:g}",
                kind="input-out-of-range",
                feature=column.name,
            )
    values = np.array([[float(row[name]) for name in spec.features]])
    features, _ = quantized_rows(Table(spec.features, values, np.zeros(1, dtype=np.int64)), spec, name="the input")
    padding = predict_shape(spec).features - len(features[0])
    return tuple(int(value) for value in features[0]) + (0,) * padding
