"""One participant of a cell of bench/growth.py, in a process of its own; not for use by hand.

The first line of its input is a JSON document with what it is; the end of its input ends it. Output is JSON, one line
for each piece of news and a last one with its figures: times by what they went to, requests, peak memory. No value of
a row, opening or key is in them.
"""

from __future__ import annotations

import fcntl
import json
import os
import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from throughput import OneByOne

from twopm_zk.chain import Chain, Deployment, Network
from twopm_zk.chain.rpc import endpoint
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.demo.stage import split_rows
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.numbers import commitments
from twopm_zk.participants.database import Database
from twopm_zk.participants.news import News
from twopm_zk.participants.task_view import ChainView
from twopm_zk.plonk import proving
from twopm_zk.plonk.backends import get_backend
from twopm_zk.plonk.backends.native import NativeBackend
from twopm_zk.proving import prover as provers
from twopm_zk.rows.tables import Table
from twopm_zk.sharing import Sharer
from twopm_zk.task.columns import choose_column
from twopm_zk.task.instances import BATCH_ROWS
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification import TaskSpec

POLL = 1.0
"""Seconds between looks at the chain."""
_NEWS = ("created", "submitted", "retry", "unstuck", "overtaken", "silent", "finished")


@dataclass(frozen=True)
class Cell:
    """How large a task is, and how many of its rounds are measured."""

    nodes: int
    rows: int
    features: int
    rounds: int = 2

    @property
    def name(self) -> str:
        return f"{self.nodes}x{self.rows}x{self.features}"

    @property
    def updates(self) -> int:
        """Proofs of all nodes in one round."""
        rows = self.spec().sizes.largest.rows
        return sum(-(-table.rows // rows) for table in self.tables())

    def spec(self) -> TaskSpec:
        """A task of gradients alone, which does not come to its end while it is measured."""
        columns = tuple(choose_column(f"x{index}", mean=0.0, sd=1.0) for index in range(self.features))
        columns = tuple(replace(column, low=-6.0, high=6.0) for column in columns)
        free = TaskSpec(
            columns=columns,
            label="y",
            step=StepRule(curvature="ranges"),
            gradient_bound=2.0**-30,
            maximum_rounds=100,
            minimum_nodes=self.nodes,
            minimum_rows=self.rows,
            minimum_node_rows=1,
            maximum_updates=1 << 20,
            maximum_node_updates=1024,
            collecting_seconds=86_400,
            ready_seconds=86_400,
            aggregating_seconds=86_400,
        )
        found = free.provable(rows=min(BATCH_ROWS, -(-self.rows // self.nodes)))
        assert found.instances is not None
        return replace(found, instances=replace(found.instances, predict=None))

    def tables(self) -> list[Table]:
        """Rows of each node: normal features, labels by a logistic model, the same at each start."""
        rng = np.random.default_rng(20261122)
        features = np.clip(rng.normal(size=(self.rows, self.features)), -6, 6)
        chance = 1 / (1 + np.exp(-features @ rng.normal(size=self.features) / np.sqrt(self.features)))
        labels = (rng.random(self.rows) < chance).astype(np.int64)
        return split_rows(Table(tuple(f"x{i}" for i in range(self.features)), features, labels), self.nodes)


class Times:
    """Seconds by what they went to; time within an inner one does not count for the outer."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.counts: defaultdict[str, int] = defaultdict(int)
        self._inner = threading.local()

    @contextmanager
    def measured(self, name: str) -> Iterator[None]:
        outer, self._inner.seconds = getattr(self._inner, "seconds", 0.0), 0.0
        started = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - started
            self.seconds[name] += spent - self._inner.seconds
            self._inner.seconds = outer + spent

    def wrap(self, owner: Any, attribute: str, name: str, count: Callable[..., None] | None = None) -> None:
        """Measure every call of ``owner.attribute``; ``count`` gets its arguments and result."""
        plain = getattr(owner, attribute)

        def timed(*arguments: Any, **named: Any) -> Any:
            with self.measured(name):
                result = plain(*arguments, **named)
            if count is not None:
                count(result, *arguments)
            return result

        setattr(owner, attribute, timed)


@contextmanager
def _slot(folder: Path, slots: int) -> Iterator[None]:
    """As many proofs at once as the machine has cores: more would only take memory."""
    files = [(folder / f"slot{number}").open("w") for number in range(slots)]
    try:
        while True:
            for file in files:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue
                yield
                return
            time.sleep(0.01)
    finally:
        for file in files:
            file.close()


def instrument(times: Times, folder: Path) -> None:
    """Measure where the seconds of this process go."""

    def asked(_answer: Any, _provider: Any, body: bytes) -> None:
        times.counts["requests"] += 1
        times.counts["rpc bytes"] += len(body)

    def answered(content: bytes, *_: Any) -> None:
        times.counts["rpc bytes"] += len(content)

    times.wrap(endpoint.RpcProvider, "make_request", "chain")
    times.wrap(endpoint.RpcProvider, "_once", "chain", asked)
    times.wrap(endpoint, "_limited", "chain", answered)
    for name in ("run", "query"):
        times.wrap(Database, name, "store")
    for name in ("public_hash", "secret_hash"):
        times.wrap(commitments, name, "Poseidon in Python")
    times.wrap(Sharer, "vector", "masks")
    times.wrap(proving, "calculate_witness", "witness")
    times.wrap(NativeBackend, "verify", "own proofs verified")
    times.wrap(NativeBackend, "prove", "proof")
    times.wrap(Chain, "send", "sending and waiting")
    times.wrap(Node, "tick", "the rest of the program")
    times.wrap(Coordinator, "tick", "the rest of the program")
    prove = provers.prove

    def in_turn(*arguments: Any, **named: Any) -> Any:
        with ExitStack() as turn:
            with times.measured("waiting for a core to prove on"):
                turn.enter_context(_slot(folder, os.cpu_count() or 1))
            return prove(*arguments, **named)

    provers.prove = in_turn


def figures(times: Times, started: float) -> dict[str, Any]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": time.perf_counter() - started,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
        "times": dict(times.seconds),
        "counts": dict(times.counts),
    }


def main() -> None:
    options = json.loads(sys.stdin.readline())
    folder, times, started = Path(options["folder"]), Times(), time.perf_counter()
    instrument(times, folder)
    cell, number = Cell(**options["cell"]), options["number"]
    chain = Chain(options["url"], private_key=options["key"])
    view = ChainView(Network(chain, Deployment.read(folder / "deployment.json")))
    get_backend("native")
    prover = provers.Prover(OneByOne, backend="native", verifier="native")  # in this thread, whose time is measured
    lock = threading.Lock()

    def say(document: dict[str, Any]) -> None:
        with lock:
            print(json.dumps(document), flush=True)

    def notify(news: News) -> None:
        if news.kind in _NEWS or (number is None and news.kind.startswith("chain:")):
            known = {name: news.values.get(name) for name in ("name", "round")}
            say({"news": news.kind, "text": news.text, **known})

    def end_with_input() -> None:
        sys.stdin.read()
        say({"figures": figures(times, started)})
        os._exit(0)

    threading.Thread(target=end_with_input, daemon=True).start()
    if number is None:
        settings = CoordinatorSettings(nodes=cell.nodes, poll=POLL)
        with CoordinatorStore(folder / "coordinator.db") as store:
            Coordinator(view, cell.spec(), store, prover=prover, settings=settings, notify=notify).run()
    else:
        with NodeStore(folder / f"node{number}.db") as store:
            options = {"coordinator": options["coordinator"], "table": cell.tables()[number], "poll": POLL}
            Node(view, cell.spec(), store, prover=prover, notify=notify, **options).run()


if __name__ == "__main__":
    main()
