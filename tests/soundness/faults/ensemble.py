"""Participants of one task, all or some of which die at every write, and how they take their turns."""

import pytest

from twopm_zk.chain.tasks import Phase

WHO = [
    pytest.param((0,), id="node"),
    pytest.param(("coordinator",), id="coordinator", marks=pytest.mark.full),
    pytest.param((0, 1, 2, "coordinator"), id="all", marks=pytest.mark.full),
]
"""Who is mortal."""


class Ensemble:
    """``reader`` sees the chain, ``news`` is what everybody has told; ``others`` are those that do not die."""

    def __init__(self, reader, news, *, everywhere):
        self.reader, self.news, self.everywhere = reader, news, everywhere
        self.mortals, self.others = [], []

    @property
    def state(self):
        """The newest task's; None before there is one."""
        count = self.reader.task_count()
        return self.reader.state(count) if count else None

    @property
    def where(self):
        """What tells points of one phase from those of others; of one round from others where everything is tried."""
        state = self.state
        if state is None:
            return "before the task"
        return f"{state.phase.name} of round {state.round}" if self.everywhere else state.phase.name

    def finished(self):
        return self.state is not None and self.state.phase is Phase.FINISHED

    def run(self, most=40):
        for _ in range(most):
            for mortal in self.mortals:
                if not mortal.finished:
                    mortal.look(self.where)
            for other in self.others:
                if not self.finished():
                    other.tick()
            if all(mortal.finished for mortal in self.mortals) and self.finished():
                return
        said = {who: [item.text for item in news[-3:]] for who, news in self.news.items()}
        raise AssertionError(f"not finished: {self.where}: {said}")

    def close(self):
        for mortal in self.mortals:
            mortal.close()
