"""What a task will cost whom, from figures that were measured; README and bench/results have how.

Times are of the native prover on two cores with its key loaded: `STEP_SECONDS` for a proof in a domain of 2^15, and
others in proportion to n log n. Gas is that of rounds after a task's first, which costs a little more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from twopm_zk.circuit.instances import find_instance
from twopm_zk.errors import CircuitTooLargeError
from twopm_zk.system import paths
from twopm_zk.task.specification import Collects, TaskSpec

STEP_POWER, STEP_SECONDS = 15, 0.51
SUBMIT_GAS, READY_GAS, SHARE_GAS = 372_000, 59_500, 75_000
PROCEED_GAS, ACCEPT_GAS, CERTIFY_GAS = 575_000, 505_000, 363_000
SOURCES = (
    "domains as measured for every instance; gas as docs/contracts.md has it (3 features, later rounds); seconds "
    "as bench/results/sums.md has them for 2^15 (native prover, 2 cores), others in proportion to n log n"
)


@dataclass(frozen=True)
class InstanceCost:
    """One circuit of a task."""

    name: str
    role: str
    """What it proves: ``step``, ``information``, ``evaluate``, ``aggregate``, ``certify`` or ``predict``."""
    power: int | None
    """Its domain holds 2^power gates; None where nobody has measured it."""

    @property
    def seconds(self) -> float | None:
        """How long one proof takes."""
        if self.power is None:
            return None
        return STEP_SECONDS * 2.0 ** (self.power - STEP_POWER) * self.power / STEP_POWER


@dataclass(frozen=True)
class RowsCost:
    """What a node pays for its rows in a round that collects gradients."""

    rows: int
    proofs: int
    seconds: float | None
    gas: int
    information_seconds: float | None
    """For as many proofs of information, where the task collects it; see `Collects`."""


@dataclass(frozen=True)
class TaskCost:
    """The instances of a task, what its smallest node pays, and its coordinator."""

    instances: tuple[InstanceCost, ...]
    smallest: RowsCost
    most_rows: int
    """Rows that a node may take part with at most."""
    collects: Collects
    coordinator_gas: int
    """Of a round that moves the weights."""


def cost_of(spec: TaskSpec) -> TaskCost | None:
    """The cost of a task; None where circuits.json has no instances that are wide enough."""
    try:
        chosen = spec.provable().round_instances
    except CircuitTooLargeError:
        return None
    named = [
        *(("step", name) for name in chosen.step),
        *(("information", name) for name in chosen.information),
        *(("evaluate", name) for name in chosen.evaluate),
        ("aggregate", chosen.aggregate),
        ("certify", chosen.certify),
        *([] if chosen.predict is None else [("predict", chosen.predict)]),
    ]
    listed = tuple(InstanceCost(name, role, _powers().get(name)) for role, name in named)
    whole = spec.provable()
    return TaskCost(
        listed,
        rows_cost(whole, spec.minimum_node_rows),
        whole.sizes.largest.rows * spec.maximum_node_updates,
        spec.collects,
        ACCEPT_GAS,
    )


def rows_cost(spec: TaskSpec, rows: int) -> RowsCost:
    """What ``rows`` rows, each as often as it counts, cost a node in a round of a specification with instances."""
    chosen = spec.provable().round_instances
    shapes = sorted((find_instance(name).parameters["ROWS"], name) for name in chosen.step)
    full, rest = divmod(rows, shapes[-1][0])
    names = [shapes[-1][1]] * full
    if rest:
        names.append(next(name for most, name in shapes if most >= rest))
    beside = {find_instance(name).parameters["ROWS"]: name for name in chosen.information}
    sums = [beside[find_instance(name).parameters["ROWS"]] for name in names] if beside else []
    gas = SUBMIT_GAS * len(names) + READY_GAS + SHARE_GAS
    return RowsCost(rows, len(names), _seconds(names), gas, _seconds(sums) if sums else None)


def _seconds(names: Sequence[str]) -> float | None:
    """How long all these proofs take, one after the other."""
    each = [InstanceCost(name, "", _powers().get(name)).seconds for name in names]
    known = [second for second in each if second is not None]
    return sum(known) if len(known) == len(each) else None


@cache
def _powers() -> dict[str, int]:
    figures = json.loads(paths.figures_file().read_text())
    return {name: entry["power"] for name, entry in figures.items()}
