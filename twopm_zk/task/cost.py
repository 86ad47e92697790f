"""What a task will cost whom, from figures that were measured; README and bench/results have how.

Times are of the native prover on two cores with its key loaded: `STEP_SECONDS` for a proof in a domain of 2^15, and
others in proportion to n log n. Gas is that of rounds after a task's first, which costs a little more.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from twopm_zk.circuit.instances import find_instance, listed_name
from twopm_zk.errors import CircuitTooLargeError
from twopm_zk.statements import Collection
from twopm_zk.system import paths
from twopm_zk.task.parts.step_rule import Collects
from twopm_zk.task.specification import TaskSpec

STEP_POWER, STEP_SECONDS = 15, 0.51
SUBMIT_GAS, READY_GAS, SHARE_GAS = 377_000, 59_300, 75_000
INFORMATION_GAS, EVALUATION_GAS = 575_000, 786_000
ACCEPT_GAS, CERTIFY_GAS = 505_000, 364_000
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
class RoundsCost:
    """What a node pays for its rows in rounds of one kind."""

    collects: Collection
    when: str
    """How often there are such rounds, in words."""
    seconds: float | None
    """Of all proofs of such a round."""
    coordinator_gas: int


@dataclass(frozen=True)
class RowsCost:
    """What a node pays for its rows."""

    rows: int
    proofs: int
    """In each round, whatever it collects."""
    gas: int
    """Likewise."""
    rounds: tuple[RoundsCost, ...]

    @property
    def seconds(self) -> float | None:
        """Of the proofs of a round that collects gradients."""
        return self.rounds[0].seconds


@dataclass(frozen=True)
class TaskCost:
    """The instances of a task, and how much a node may have."""

    instances: tuple[InstanceCost, ...]
    most_rows: int
    """Rows that a node may take part with at most."""


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
    listed = tuple(InstanceCost(name, role, _powers().get(listed_name(name))) for role, name in named)
    whole = spec.provable()
    return TaskCost(listed, whole.sizes.largest.rows * spec.maximum_node_updates)


def rows_cost(spec: TaskSpec, rows: int) -> RowsCost:
    """What ``rows`` rows, each as often as it counts, cost a node in rounds of a specification with instances."""
    chosen = spec.provable().round_instances
    sizes = sorted(_rows_of(name) for name in chosen.step)
    full, rest = divmod(rows, sizes[-1])
    batches = {sizes[-1]: full}
    if rest:
        last = next(size for size in sizes if size >= rest)
        batches[last] = batches.get(last, 0) + 1
    proofs = sum(batches.values())

    def rounds(collects: Collection, when: str, names: Sequence[str], gas: int) -> RoundsCost:
        each = {_rows_of(name): InstanceCost(name, "", _powers().get(listed_name(name))).seconds for name in names}
        known = [(each[size], count) for size, count in batches.items() if count]
        seconds = [second * count for second, count in known if second is not None]
        return RoundsCost(collects, when, sum(seconds) if len(seconds) == len(known) else None, gas)

    found = [rounds(Collection.GRADIENT, "before every move of the weights, and at the end", chosen.step, ACCEPT_GAS)]
    times = {Collects.FIRST: "once, before the first gradient", Collects.EVERY_ROUND: "before every gradient"}
    wanted = [times[spec.collects]] if spec.collects in times else []
    wanted += [_LAST] if spec.final_information else []
    for when in wanted:
        found.append(rounds(Collection.INFORMATION, when, chosen.information, INFORMATION_GAS))
    if spec.statistics.evaluation:
        found.append(rounds(Collection.EVALUATION, _LAST, chosen.evaluate, EVALUATION_GAS))
    return RowsCost(rows, proofs, SUBMIT_GAS * proofs + READY_GAS + SHARE_GAS, tuple(found))


_LAST = "once, after the certificate"


def _rows_of(name: str) -> int:
    rows: int = find_instance(name).parameters["ROWS"]
    return rows


@cache
def _powers() -> dict[str, int]:
    figures = json.loads(paths.figures_file().read_text())
    return {name: entry["power"] for name, entry in figures.items()}
