"""Parts at two sizes: quick in `make test`, full in `make soundness`; what they counted is printed and kept."""

from collections import Counter
from pathlib import Path

import pytest
from soundness import report

FOLDER = Path(__file__).parent


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
    """Gathers the counts of all tests, prints them, and keeps those of a whole run."""

    def __init__(self, config):
        self.config = config
        self.records = []
        self.left_out = Counter()

    def pytest_runtest_logreport(self, report):
        if report.skipped:
            self.left_out[str(report.longrepr[2]).removeprefix("Skipped: ")] += 1
        if report.when == "teardown":
            self.records += [value for name, value in report.user_properties if name == "soundness"]

    def pytest_terminal_summary(self, terminalreporter, exitstatus):
        parts = report.gathered(self.records)
        if not parts:
            return
        terminalreporter.section("soundness")
        terminalreporter.write_line(report.text(parts))
        if reason := self.partial(exitstatus):
            terminalreporter.write_line(f"\nnot written to bench/results: {reason}")
        else:
            report.write(parts, self.left_out)
            terminalreporter.write_line("\nwritten: soundness.md and soundness.json in bench/results, docs/security.md")

    def partial(self, exitstatus):
        """Why the counts are not those of the whole of `make soundness`; empty where they are."""
        chosen = [Path(argument).resolve() for argument in self.config.args]
        if not is_full(self.config):
            return "a quick run"
        if chosen != [FOLDER] or self.config.option.keyword or self.config.option.markexpr:
            return "some tests were chosen"
        return "the run failed" if exitstatus != 0 else ""


def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Report(config), "soundness-report")
