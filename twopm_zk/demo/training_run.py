"""A coordinator and data owners who train until the task is finished, and when each of its rounds happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from twopm_zk.coordinator.coordinator import Coordinator
from twopm_zk.coordinator.service import CoordinatorSettings
from twopm_zk.coordinator.store import CoordinatorStore
from twopm_zk.demo.stage import STAKE, AtWork, Stage, make_prover, put_up_stake
from twopm_zk.node.node import Node
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.news import News
from twopm_zk.rows.tables import Table
from twopm_zk.statements.rounds import BOUND_FRAC_BITS
from twopm_zk.task.specification import TaskSpec

Tell = Callable[[str, News], None]
"""Called with somebody's name and news of theirs."""
POLL = 0.2
"""Seconds between looks at the chain."""


@dataclass
class RoundClock:
    """When each round happened, by the wall clock, and its bound; filled by the coordinator's news."""

    opened_at: dict[int, float] = field(default_factory=dict)
    closed_at: dict[int, float] = field(default_factory=dict)
    published_at: dict[int, float] = field(default_factory=dict)
    bounds: dict[int, float] = field(default_factory=dict)
    """The largest component of the gradient per row, by round."""

    def note(self, news: News) -> None:
        """Remember an event of the chain."""
        now, values = time.monotonic(), news.values
        if news.kind == "chain:RoundOpened":
            self.opened_at[values["round"]] = now
        elif news.kind == "chain:RoundClosed":
            self.closed_at[values["round"]] = now
        elif news.kind == "chain:ModelPublished":
            self.published_at[values["round"]] = now
        elif news.kind == "gradient":
            self.bounds[values["round"]] = values["bound"]
        elif news.kind == "chain:Certified":
            self.published_at[values["round"] + 1] = now
            self.bounds[values["round"]] = values["gradientBound"] / (1 << BOUND_FRAC_BITS)

    def seconds(self, number: int) -> dict[str, float]:
        """The seconds of one round, by activity."""
        times = self.opened_at.get(number), self.closed_at.get(number), self.published_at.get(number + 1)
        if None in times:
            return {}
        opened, closed, done = (float(t or 0) for t in times)
        return {"updates proven and sent": closed - opened, "sum proven and accepted": done - closed}


def train_on(
    stage: Stage, spec: TaskSpec, tables: Sequence[Table], folder: Path, *, backend: str | None, tell: Tell
) -> RoundClock:
    """The coordinator and the owners of ``tables`` train until the task is finished; ``folder`` keeps their stores."""
    clock = RoundClock()

    def coordinator_news(news: News) -> None:
        clock.note(news)
        tell("coordinator", news)

    def owner_news(name: str) -> Callable[[News], None]:
        return lambda news: tell(name, news)

    views = {name: stage.view(name) for name in ("coordinator", *stage.owners)}
    for view in views.values():
        put_up_stake(view)
    with ExitStack() as stack:
        coordinator = stack.enter_context(
            Coordinator(
                views["coordinator"],
                spec,
                stack.enter_context(CoordinatorStore(folder / "coordinator.db")),
                prover=make_prover(backend),
                settings=CoordinatorSettings(nodes=len(tables), minimum_stake=STAKE, poll=POLL),
                notify=coordinator_news,
            )
        )
        nodes = [
            Node(
                views[name],
                spec,
                stack.enter_context(NodeStore(folder / f"{name.replace(' ', '-')}.db")),
                prover=make_prover(backend),
                coordinator=coordinator.view.address,
                table=table,
                notify=owner_news(name),
                poll=POLL,
            )
            for name, table in zip(stage.owners, tables, strict=True)
        ]
        with AtWork([coordinator, *nodes]) as at_work:
            at_work.wait()
    return clock
