"""A coordinator and data owners who train until the task is finished, and when each of its rounds happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.coordinator.task_creation import Stakes
from twopm_zk.demo.stage import STAKE, AtWork, Stage, make_prover, put_up_stake
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.news import News
from twopm_zk.participants.participant import Participant
from twopm_zk.rows.sources import RowData
from twopm_zk.task.specification import TaskSpec

Tell = Callable[[str, News], None]
"""Called with somebody's name and news of theirs."""
POLL = 0.5
"""Seconds between looks at the chain, where nobody says that something has happened."""


_MOMENTS = {
    "chain:RoundOpened": "opened",
    "chain:RoundClosed": "closed",
    "chain:SharingStarted": "sharing",
    "chain:SumShared": "summed",
}
_PHASES = {
    "updates proven and sent": ("opened", "closed"),
    "saying that they are ready": ("closed", "sharing"),
    "sharing": ("sharing", "summed"),
    "sum proven and accepted": ("summed", "done"),
}


@dataclass
class RoundClock:
    """When each round's phases began, by the wall clock; filled by the coordinator's news."""

    times: dict[int, dict[str, float]] = field(default_factory=dict)
    """By round, and name of the moment; of the last attempt."""

    def note(self, news: News) -> None:
        """Remember an event of the chain."""
        now, number = time.monotonic(), news.values.get("round", 0)
        if news.kind in _MOMENTS:
            self.times.setdefault(number, {})[_MOMENTS[news.kind]] = now
        if news.kind == "chain:RoundOpened":
            self.times.setdefault(number - 1, {})["done"] = now
        elif news.kind == "chain:TaskFinished":
            self.times.setdefault(max(self.times, default=0), {})["done"] = now

    def seconds(self, number: int) -> dict[str, float]:
        """The seconds of one round, by phase, as far as they are known."""
        times = self.times.get(number, {})
        return {
            name: max(0.0, times[last] - times[first])
            for name, (first, last) in _PHASES.items()
            if first in times and last in times
        }


def store_of(folder: Path, name: str) -> Path:
    """Where somebody with this name keeps a store."""
    return folder / f"{name.replace(' ', '-')}.db"


def train_on(
    stage: Stage,
    spec: TaskSpec,
    parties: Sequence[RowData],
    folder: Path,
    *,
    held_out: Sequence[RowData] = (),
    backend: str | None,
    tell: Tell,
) -> RoundClock:
    """The coordinator and the owners of ``parties`` train until the task is finished; ``folder`` keeps their stores.

    ``held_out`` are rows of the same owners that the weights are evaluated on.
    """
    clock = RoundClock()

    people: list[Participant[Any]] = []

    def notify(name: str) -> Callable[[News], None]:
        def said(news: News) -> None:
            if name == "coordinator":
                clock.note(news)
            if name == "coordinator" or not news.kind.startswith("chain:"):  # news to others too
                for person in people:
                    person.loop.wake()
            tell(name, news)

        return said

    views = {name: stage.view(name) for name in ("coordinator", *stage.owners)}
    for view in views.values():
        put_up_stake(view)
    with ExitStack() as stack:
        coordinator = Coordinator(
            views["coordinator"],
            spec,
            stack.enter_context(CoordinatorStore(folder / "coordinator.db")),
            prover=make_prover(backend),
            settings=CoordinatorSettings(nodes=len(parties), stakes=Stakes(STAKE, STAKE // 2), poll=POLL),
            notify=notify("coordinator"),
        )
        nodes = [
            Node(
                views[name],
                spec,
                stack.enter_context(NodeStore(store_of(folder, name))),
                prover=make_prover(backend),
                coordinator=coordinator.view.address,
                table=rows,
                held_out=apart,
                notify=notify(name),
                poll=POLL,
            )
            for name, rows, apart in zip(stage.owners, parties, held_out or [None] * len(parties), strict=True)
        ]
        people += [coordinator, *nodes]
        with AtWork(people) as at_work:
            at_work.wait()
    return clock
