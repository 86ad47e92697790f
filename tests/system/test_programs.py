import os
import sys
import time

import pytest
from support.waiting import until

from twopm_zk.errors import ToolError, ToolMissingError, ToolTimeoutError, ToolVersionError
from twopm_zk.system import programs


def python(code):
    return [sys.executable, "-c", code]


def test_both_streams_and_the_exit_code_are_returned():
    code = "import sys; print('out', flush=True); print('\\x1b[31merr\\x1b[0m', file=sys.stderr); sys.exit(3)"
    finished = programs.run(python(code), timeout=30)
    assert finished.code == 3
    assert sorted(finished.output.splitlines()) == ["err", "out"]


def test_lines_are_seen_as_they_come():
    seen = []
    code = "import time; print('one', flush=True); time.sleep(0.3); print('two')"
    programs.run(python(code), timeout=30, on_line=lambda line: seen.append((line, time.monotonic())))
    assert [line for line, _ in seen] == ["one", "two"]
    assert seen[1][1] - seen[0][1] > 0.2


# A child that outlives its parent unless the whole group is killed, and whose number is printed.
FORKING = """
import subprocess, sys, time
print(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]).pid, flush=True)
time.sleep(60)
"""


def is_there(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_program_that_takes_too_long_is_stopped_with_its_children():
    numbers = []
    with pytest.raises(ToolTimeoutError, match="stopped after 2 s"):
        programs.run(python(FORKING), timeout=2, on_line=lambda line: numbers.append(int(line)))
    until(lambda: not is_there(numbers[0]))


@pytest.mark.slow
def test_an_exception_stops_the_program_and_its_children():
    numbers = []

    def interrupt(line):
        numbers.append(int(line))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        programs.run(python(FORKING), timeout=30, on_line=interrupt)
    until(lambda: not is_there(numbers[0]))


def test_a_program_that_cannot_be_started_is_a_tool_error(tmp_path):
    with pytest.raises(ToolError, match="could not be started"):
        programs.run([tmp_path / "none"], timeout=1)


def test_output_that_is_no_text_does_no_harm():
    finished = programs.run(python("import sys; sys.stdout.buffer.write(bytes([255, 254]))"), timeout=30)
    assert finished.code == 0


@pytest.mark.parametrize(("version", "accepted"), [("v20.0.0", True), ("v19.9.9", False), ("hello", False)])
def test_node_has_to_be_new_enough(tmp_path, monkeypatch, version, accepted):
    fake = tmp_path / "node"
    fake.write_text(f"#!/bin/sh\necho {version}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("TWOPM_ZK_NODE", str(fake))
    if accepted:
        assert programs.node() == fake
    else:
        with pytest.raises(ToolVersionError, match="too old"):
            programs.node()


def test_whoever_has_no_node_is_told_to_install_it(tmp_path, monkeypatch):
    monkeypatch.delenv("TWOPM_ZK_NODE", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissingError, match="'node' was not found") as caught:
        programs.node()
    assert caught.value.hint.startswith("Install Node.js 20")
    assert caught.value.kind is None  # advice to look what is missing would lead in a circle
