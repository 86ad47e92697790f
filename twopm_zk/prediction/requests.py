"""What a user and an operator mean by a request: its states on the chain, and a row as the circuit takes it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Self

import numpy as np

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.deployment import DeployedVerifier
from twopm_zk.chain.networks import Model, NetworkEntry
from twopm_zk.chain.rpc import reading
from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import InputError, RangeError, SpecError
from twopm_zk.participants.task_view import ChainView
from twopm_zk.rows.batches import quantized
from twopm_zk.rows.cells import Cells, Values
from twopm_zk.rows.coding import code
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
    REFUNDED = 5


BACK = frozenset({RequestState.LATE, RequestState.REFUNDED})
"""The states of a request whose fee its user has again."""


@dataclass(frozen=True)
class ChainRequest:
    """A request as InferenceContract has it."""

    id: int
    state: RequestState
    user: str
    operator: str
    network: int
    task: int
    deadline: int
    """Seconds since 1970: to accept it, then to answer it."""
    model_commitment: int
    input_commitment: int
    prediction: int
    """Once it is answered, in units of 2^-16: a probability, or a scaled label plus 2^31 units (that is 2^15)."""
    verifier: str
    verifier_id: int
    """The verifier that checks the answer, and its number in the registry."""
    fee: int
    token: bool
    """Whether the fee is in the deployment's token, and not in ETH."""
    operator_stake: int
    """Wei of ETH that the operator has at stake for this request from accepting it to answering it."""
    penalty: int

    @property
    def over(self) -> bool:
        """Whether nothing will happen to it any more: it was answered, slashed for, or its fee was given back."""
        return self.state not in (RequestState.ASKED, RequestState.ACCEPTED)

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
            network=found["networkId"],
            task=found["taskId"],
            deadline=found["deadline"],
            model_commitment=found["modelCommitment"],
            input_commitment=found["inputCommitment"],
            prediction=found["prediction"],
            verifier=found["verifier"],
            verifier_id=found["verifierId"],
            fee=found["fee"],
            token=found["token"],
            operator_stake=found["operatorStake"],
            penalty=found["penalty"],
        )


def now(view: ChainView) -> int:
    """The later of the chain's time and this machine's, in seconds since 1970.

    A chain without transactions stands still.
    """
    return max(view.chain.time, int(time.time()))


def asked_events(view: ChainView, **indexed: Any) -> list[DecodedEvent]:
    """What was asked, oldest first; ``indexed`` arguments of the event select."""
    contract, first = view.inference.contract, view.deployment.block
    return reading("requests", lambda: contract.events("Asked", from_block=first, **indexed))


def registered_verifier(view: ChainView, request: ChainRequest) -> Mapping[str, Any]:
    """What the registry says of the verifier that checks the answer of a request."""
    registry = view.network.contract("VerifierRegistry")
    return reading("a verifier", lambda: dict(registry.call("entryOf", request.verifier_id)))


def network_of(view: ChainView, spec: TaskSpec, number: int) -> NetworkEntry:
    """The network of this number. InputError where there is none, or its model is of another specification."""
    network = reading("a network", lambda: view.networks.get(number))
    if network.model is not Model.HLR:
        raise InputError(
            f"network {number} is of a task without proofs: nobody can ask it", kind="network-without-proofs"
        )
    if view.state(network.task).spec_hash != spec.spec_hash:
        raise SpecError(f"network {number} is of another specification than the one given")
    return network


def predict_verifier(view: ChainView, spec: TaskSpec) -> DeployedVerifier:
    """The deployment's verifier of predictions of a specification. InputError where it has none."""
    name = spec.instances.predict if spec.instances else None
    verifier = view.deployment.verifiers.get(name or "")
    if verifier is None:
        raise InputError(
            f"the deployment has no verifier of {name!r}, which predictions need",
            kind="no-predict-verifier",
            instance=name,
        )
    return verifier


def predict_shape(spec: TaskSpec) -> PredictShape:
    """The sizes of the specification's ``predict`` instance. SpecError where it has none."""
    if spec.instances is None or spec.instances.predict is None:
        raise SpecError("the specification has no `instances.predict`: its model cannot be asked with proofs")
    return PredictShape.from_parameters(find_instance(spec.instances.predict).parameters)


def quantized_row(spec: TaskSpec, row: Mapping[str, Any]) -> tuple[int, ...]:
    """One row as the circuit takes it, by the columns of the data: a number, a category, or None for a missing one.

    Raises InputError for values that are missing or unknown, RangeError where one does not fit; no value is shown.
    """
    row = {same_name(name): value for name, value in row.items()}
    names = tuple(one.name for one in spec.sources)
    if missing := [name for name in names if name not in row]:
        raise InputError(f"the input has no {missing[0]!r}", hint=f"It takes: {', '.join(names)}.")
    if unknown := [name for name in row if name not in names]:
        raise InputError(f"the input has {unknown[0]!r}, which is no feature of the specification")
    cells = {one.name: _cell(row[one.name], texts=bool(one.categories)) for one in spec.sources}
    coded = code(Cells(names, cells, 1), spec, labelled=False)
    if coded.problems:
        problem = coded.problems[0]
        said = f"the input's {problem.column!r} {problem.reason}"
        if problem.kind == "outside":
            raise RangeError(said, kind="input-out-of-range", feature=problem.column)
        raise InputError(said, hint=problem.hint)
    features, _ = quantized(coded, spec)
    padding = predict_shape(spec).features - len(features[0])
    return tuple(int(value) for value in features[0]) + (0,) * padding


def _cell(value: Any, *, texts: bool) -> Values:
    """One cell of a row; anything that is none there counts as a text that is no number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = float(value) if abs(value) <= sys.float_info.max else math.inf
        return np.array([value])
    found = np.empty(1, dtype=object)
    found[0] = value if value is None or (texts and isinstance(value, str)) else "?"
    return found
