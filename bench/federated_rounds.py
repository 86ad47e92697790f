"""How long a federated round over a development chain takes, of which a node drops out after it was ready.

python bench/federated_rounds.py [--parameters 100000] [--nodes 5] [--rounds 5]

Every node is the library's own, with a store of its own, and looks at the chain when it is its turn, one after the
other in one process: what they would do at the same time adds up here. In each round the last node says that it is
ready, and falls silent. The others share, leave it out at the deadline, share again without it, and confirm; the
deadline itself is skipped on the chain's clock. The result is compared with the sum of the four updates. Training takes
no time: the model adds numbers that are drawn from a seed. Writes bench/results/federated_rounds.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from pipeline import cpu_model

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "tests"))

from support.federated_world import FederatedStage, specification  # noqa: E402
from support.people_world import World  # noqa: E402

from twopm_zk.chain import DevelopmentNode  # noqa: E402
from twopm_zk.chain.tasks import Phase  # noqa: E402
from twopm_zk.federated import federate, masked_size  # noqa: E402

TARGET = 30
"""Seconds that a round may take."""


class Drift:
    """Adds numbers of a seed to its parameters, which are ``size`` many."""

    size = 100_000

    def __init__(self, seed: int) -> None:
        self._seed = int(seed)

    def parameters(self) -> list[Any]:
        """Zeros."""
        return [np.zeros(self.size)]

    def fit(self, parameters: list[Any], config: dict[str, Any]) -> tuple[list[Any], int, dict[str, Any]]:
        """The parameters, moved."""
        random = np.random.default_rng([self._seed, config["round"]])
        return [parameters[0] + random.normal(0, 1e-3, self.size)], 100, {}

    def evaluate(self, parameters: list[Any], config: dict[str, Any]) -> tuple[float, int, dict[str, Any]]:
        """Nothing is held out."""
        return 0.0, 0, {}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parameters", type=int, default=Drift.size)
    parser.add_argument("--nodes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    Drift.size = asked.parameters
    with DevelopmentNode() as node, tempfile.TemporaryDirectory() as folder:
        world = World(node, verifiers=[])
        found = [one_round(world, Path(folder) / str(number), asked.nodes) for number in range(asked.rounds)]
    write(asked, found)


def one_round(world: World, folder: Path, nodes: int) -> dict[str, float]:
    """Seconds of the phases of one round, in a task of its own."""
    folder.mkdir()
    spec = specification(folder, model=Drift, locations=1, maximum_rounds=1, evaluate=False, fit={})
    stage = FederatedStage(world, folder, nodes=nodes, spec=spec, models=Drift)
    stage.begin()
    last, clock = nodes - 1, Clock()
    stage.until(Phase.READY)
    clock.lap("collecting: an update each")
    stage.until(Phase.SHARING)
    clock.lap("ready")
    stage.until(Phase.SHARING, without={last}, when=lambda state: state.shared == last)
    clock.lap("sharing")
    stage.late()
    clock.skip()
    stage.until(Phase.SUMMED, without={last})
    clock.lap("left out, and shared again")
    state = stage.until(Phase.FINISHED, without={last})
    clock.lap("the result, and its confirmations")
    *_, expected = federate(spec, [Drift(number) for number in range(last)])
    assert state.latest_result == expected.hash, "the result is not the exact one"
    gas = {name: sum(cost(stage, event) for event in stage.events(event_name)) for name, event_name in GAS.items()}
    stage.close()
    return clock.laps | {"gas of a node": sum(gas.values()) / last}


GAS = {"commit": "UpdateCommitted", "share": "MaskedUpdateShared", "confirm": "ResultConfirmed"}
"""The events by which a node's transactions are found."""


def cost(stage: FederatedStage, event: Any) -> int:
    """Gas of the transaction of an event."""
    return int(stage.reader.chain.mined(event.transaction).gas_used)


class Clock:
    """Seconds between its laps."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def skip(self) -> None:
        """What was done since the last lap does not count."""
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        """The seconds since the last one, by a name."""
        self.laps[name] = time.perf_counter() - self._last
        self._last = time.perf_counter()


def write(asked: argparse.Namespace, found: list[dict[str, float]]) -> None:
    """The table of medians."""
    spec = specification("/folder", model=Drift, evaluate=False, fit={}, locations=1)
    names = [name for name in found[0] if name != "gas of a node"]
    totals = [sum(one[name] for name in names) for one in found]
    lines = [
        "# A federated round over a development chain",
        "",
        "Written by `bench/federated_rounds.py`.",
        "",
        f"{asked.parameters:,} parameters, {asked.nodes} nodes, of which one drops out after it was ready; a masked "
        f"update of {masked_size(spec):,} bytes. Seconds of all nodes one after the other in one process; medians of "
        f"{asked.rounds} rounds, {cpu_model()}. The result was the exact one in each.",
        "",
        "| step | seconds |",
        "|---|---|",
        *(f"| {name} | {median(one[name] for one in found):.2f} |" for name in names),
        f"| **the round** (at most {TARGET}) | **{median(totals):.2f}** |",
        "",
        f"The slowest round took {max(totals):.2f} seconds. A node's transactions in it (commitment, two shares, "
        f"confirmation) took {median(one['gas of a node'] for one in found):,.0f} gas.",
        "",
    ]
    (ROOT / "bench" / "results" / "federated_rounds.md").write_text("\n".join(lines))
    print("\n".join(lines))
    assert median(totals) < TARGET


if __name__ == "__main__":
    main()
