"""What a model has to have to be trained in a federation, and what it is asked in a round.

The three methods are those of Flower's NumPyClient, but for the configuration that ``get_parameters`` takes there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from twopm_zk.errors import InputError
from twopm_zk.federated.checks import Setting
from twopm_zk.federated.specification import LOSS_BOUND, FederatedSpec

Arrays = Sequence[npt.NDArray[Any]]
Config = Mapping[str, Setting]


@runtime_checkable
class Model(Protocol):
    """A model with its data, of one node.

    ``config`` has the keys of the specification's table ``fit``, ``round`` (from 1), and ``proximal_mu`` where that is
    not 0. Parameters come as float64 arrays of the specification's shapes, and may be changed in place.
    """

    def parameters(self) -> Arrays:
        """The arrays that training starts from: the same ones at all nodes, if one of them is to make the task."""

    def fit(self, parameters: Arrays, config: Config) -> tuple[Arrays, int, Mapping[str, Any]]:
        """Train from ``parameters`` on the data of this node: the new ones, how many examples they are from, and
        anything else, which stays here."""

    def evaluate(self, parameters: Arrays, config: Config) -> tuple[float, int, Mapping[str, Any]]:
        """Mean loss of ``parameters`` on examples of this node that it does not train on, how many they are, and
        anything else, which stays here."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What one node's model made of a result: secret."""

    parameters: npt.NDArray[np.float64]
    """All of them in one row."""
    examples: int
    loss: float = 0.0
    """Mean loss at the result before."""
    evaluated: int = 0
    """Examples that it is of."""
    metrics: Mapping[str, Any] | None = None
    """What else `Model.fit` said, for its owner."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(examples=..., parameters=...)"


def train(model: Model, spec: FederatedSpec, arrays: Arrays, *, round: int) -> Trained:
    """Let a model train from ``arrays``, and evaluate them where the specification asks for it.

    InputError where what it returns is not of the specification's shapes, or not finite.
    """
    config: dict[str, Setting] = {**spec.fit, "round": round}
    if spec.rule.proximal:
        config["proximal_mu"] = spec.rule.proximal
    loss, evaluated = 0.0, 0
    if spec.evaluate:
        loss, evaluated, _ = _parts(model.evaluate(_copies(arrays), config), "evaluate")
        evaluated = _count(evaluated, "evaluate")
        if evaluated and not (_is_number(loss) and math.isfinite(loss) and loss >= 0):
            raise InputError("the loss that `evaluate` returned is no finite number from 0 on", kind="model-refused")
        loss = min(float(loss), float(LOSS_BOUND)) if evaluated else 0.0
    parameters, examples, metrics = _parts(model.fit(_copies(arrays), config), "fit")
    found = flat(spec, parameters, what="the parameters that `fit` returned")
    if not (examples := _count(examples, "fit")):
        raise InputError("`fit` returned 0 examples: a node without data takes no part", kind="model-refused")
    return Trained(found, examples, loss, evaluated, metrics)


def flat(spec: FederatedSpec, arrays: Arrays, *, what: str = "the parameters") -> npt.NDArray[np.float64]:
    """Arrays in one row, after one another. InputError where their shapes are not the specification's, or a number is
    not finite."""
    shapes = tuple(np.shape(array) for array in arrays)
    if shapes != spec.shapes:
        raise InputError(
            f"{what} have the shapes {_shown(shapes)}; the specification has {_shown(spec.shapes)}",
            kind="other-shapes",
        )
    if not all(np.asarray(array).dtype.kind in "fiu" for array in arrays):
        raise InputError(f"{what} are no arrays of real numbers", kind="other-shapes")
    row = np.concatenate([np.asarray(array, dtype=np.float64).ravel() for array in arrays])
    if not np.isfinite(row).all():
        raise InputError(f"{what} hold a number that is not finite", kind="not-finite")
    return row


def arrays_of(spec: FederatedSpec, row: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The arrays of one row, each a copy. InputError for one of another length."""
    if row.shape != (spec.parameters,):
        raise InputError(f"{row.size} parameters are given; the specification has {spec.parameters}")
    ends = np.cumsum([math.prod(shape) for shape in spec.shapes])[:-1]
    return [part.reshape(shape).copy() for part, shape in zip(np.split(row, ends), spec.shapes, strict=True)]


def _copies(arrays: Arrays) -> list[npt.NDArray[Any]]:
    return [array.copy() for array in arrays]


def _parts(returned: Any, what: str) -> tuple[Any, Any, Mapping[str, Any]]:
    try:
        first, count, metrics = returned
    except (TypeError, ValueError):
        raise InputError(f"`{what}` returned no three values", kind="model-refused") from None
    return first, count, dict(metrics) if isinstance(metrics, Mapping) else {}


def _count(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise InputError(f"the number of examples that `{what}` returned is no integer from 0 on", kind="model-refused")
    return int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _shown(shapes: Sequence[tuple[int, ...]]) -> str:
    text = ", ".join(str(list(shape)) for shape in shapes[:8])
    return f"{text}, ... ({len(shapes)} arrays)" if len(shapes) > 8 else text
