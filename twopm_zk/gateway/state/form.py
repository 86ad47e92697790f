"""What a page needs to make a form of a specification, and the circuit's inputs of what somebody fills in.

The page is the twin of `rows.coding`, `rows.batches` and `statements.predict`: all constants of these are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twopm_zk.chain.tasks import TaskSnapshot
from twopm_zk.circuit.instances import Instance
from twopm_zk.statements import Family, PredictShape
from twopm_zk.task.columns import Column
from twopm_zk.task.inputs import Input
from twopm_zk.task.specification import TaskSpec


def form_of(
    spec: TaskSpec, state: TaskSnapshot, instance: Instance, metadata: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The form of a certified model, in JSON; words of ``metadata`` where there are some."""
    shape = PredictShape.from_parameters(instance.parameters)
    named = {str(one["name"]): one for one in (metadata or {}).get("inputs", [])}
    columns = {column.name: column for column in spec.columns if not column.product}
    said = (metadata or {}).get("output", {})
    label = spec.label_column
    gaussian = shape.family is Family.GAUSSIAN
    return {
        "task": state.id,
        "instance": instance.name,
        "features": shape.features,
        "x_bits": shape.format.bits,
        "x_frac": shape.format.frac_bits,
        "family": shape.family.value,
        "clip": None if spec.privacy is None else spec.privacy.clip,
        "context": str(state.policy.context),
        "weights": [str(weight) for weight in state.weights],
        "model_commitment": str(state.model_commitment),
        "inputs": [_input(one, columns.get(one.name), named.get(one.name, {})) for one in spec.sources],
        "columns": [
            {
                "name": column.name,
                "centre": column.centre,
                "scale": column.scale,
                "low": column.low,
                "high": column.high,
                "factors": [[name, power] for name, power in column.factors],
            }
            for column in spec.columns
        ],
        "output": {
            "label": said.get("label", spec.label),
            "unit": said.get("unit", ""),
            "help": said.get("help", ""),
            "positive": spec.outcome.positive,
            "centre": label.centre if gaussian else 0.0,
            "scale": label.scale if gaussian else 1.0,
        },
    }


def _input(one: Input, column: Column | None, said: Mapping[str, Any]) -> dict[str, Any]:
    """One field of the form. A plain number has the range of its column, where the metadata give no narrower one."""
    low, high = (one.low, one.high) if one.low is not None or column is None else (column.low, column.high)
    words = said.get("categories") or {}
    return {
        "name": one.name,
        "label": said.get("label", one.name),
        "unit": said.get("unit", ""),
        "help": said.get("help", ""),
        "kind": "category" if one.categories else "number",
        "minimum": _narrowest(max, low, said.get("minimum")),
        "maximum": _narrowest(min, high, said.get("maximum")),
        "step": None if column is None else column.unit,
        "categories": [{"value": value, "label": words.get(value, value)} for value in one.categories],
        "missing": one.missing is not None,
        "missing_value": one.missing,
        "transform": one.transform,
        "winsorise": None if one.winsorise is None else list(one.winsorise),
    }


def _narrowest(choose: Callable[..., float], *ends: float | None) -> float | None:
    known = [end for end in ends if end is not None]
    return choose(known) if known else None
