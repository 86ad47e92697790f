"""Parts at two sizes: quick in `make test`, full in `make soundness`; what they counted is printed and kept."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from itertools import chain

import pytest
from soundness import report


def pytest_addoption(parser):
    parser.addoption("--soundness", choices=("quick", "full"), default="quick", help="how much tests/soundness tries")


def is_full(config):
    # a run of all tests reads this file after its options
    return config.getoption("soundness", "quick") == "full"


@pytest.fixture
def tally(request):
    """Counts of what was tried: see `soundness.report.Tally`."""
    # properties of a test reach the process that reports, whichever worker runs it
    return report.Tally(lambda record: request.node.user_properties.append(("soundness", record)))


@pytest.fixture(scope="session")
def amount(pytestconfig):
    """``amount(quick, full)``: the one for the size of this run."""
    return lambda quick, full: full if is_full(pytestconfig) else quick


def pytest_collection_modifyitems(config, items):
    """Tests marked full are left out of a quick run."""
    if is_full(config):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    items[:] = [item for item in items if not item.get_closest_marker("full")]
    config.hook.pytest_deselected(items=left_out)


class Report:
    """Gathers and prints the counts of all tests, and keeps those of whole files that passed at full size."""

    def __init__(self, config):
        self.config = config
        self.records, self.left_out = defaultdict(list), defaultdict(Counter)
        self.failed, self.stopped = set(), False

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.partition("::")[0]
        if report.skipped:
            self.left_out[name][str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
        if report.failed:
            self.failed.add(name)
        if report.when == "teardown":
            self.records[name] += [value for key, value in report.user_properties if key == "soundness"]

    def pytest_sessionfinish(self, session, exitstatus):
        self.stopped = exitstatus not in (0, 1) or bool(session.shouldfail or session.shouldstop)

    def pytest_terminal_summary(self, terminalreporter):
        records = {name: found for name, found in self.records.items() if found}
        if not records:
            return
        terminalreporter.section("soundness")
        terminalreporter.write_line(report.text(report.gathered(chain.from_iterable(records.values()))))
        if reason := self.partial():
            terminalreporter.write_line(f"\nnot written to bench/results: {reason}")
            return
        today = datetime.now(UTC).date().isoformat()
        whole = {
            name: report.Kept(today, report.gathered(found), dict(self.left_out[name]))
            for name, found in records.items()
            if name not in self.failed
        }
        report.write(whole)
        terminalreporter.write_line("\nwritten: soundness.md and soundness.json in bench/results, docs/security.md")
        for name in sorted(self.failed):
            terminalreporter.write_line(f"not written, since tests failed: {name}")

    def partial(self):
        """Why the counts are not those of whole files at full size; empty where they are."""
        if not is_full(self.config):
            return "a quick run"
        if (
            any("::" in argument for argument in self.config.args)
            or self.config.option.keyword
            or self.config.option.markexpr
        ):
            return "some tests were chosen"
        return "the run was stopped" if self.stopped else ""


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(config), "soundness-report")
