"""Durations of tests in seconds of CPU, with those of all processes that they start: they say more on a busy machine.

A process that lives on, such as a development node, is counted where it works; Linux only.
"""

import os
import resource
from pathlib import Path

import pytest

TICKS = os.sysconf("SC_CLK_TCK")


class CpuTimes:
    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item):
        return (yield from self._timed(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        return (yield from self._timed(item))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item):
        return (yield from self._timed(item))

    def _timed(self, item):
        begun = used()
        try:
            return (yield)
        finally:
            self._taken = used() - begun

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        report.duration = self._taken
        return report


def used():
    """Of this process, of its children that have ended, and of all that live."""
    ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in ended) + below(os.getpid())


def below(process):
    """Of the living descendants of a process, and of their children that have ended."""
    total = 0.0
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        try:
            children = tasks.read_text().split()
            for child in children:
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
                total += sum(map(int, fields[11:15])) / TICKS + below(child)
        except OSError:
            pass  # it has just ended
    return total
