import sys
import time

import pytest

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


# A child that outlives its parent unless the whole group is killed.
FORKING = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"


def forking(path):
    child = f"import time; time.sleep(1.0); open({str(path)!r}, 'w').write('alive')"
    return python(FORKING.format(child=child))


@pytest.mark.slow
def test_a_program_that_takes_too_long_is_stopped_with_its_children(tmp_path):
    started = time.monotonic()
    with pytest.raises(ToolTimeoutError, match=r"stopped after 0\.5 s"):
        programs.run(forking(tmp_path / "alive"), timeout=0.5)
    assert time.monotonic() - started < 5
    time.sleep(1.0)
    assert not (tmp_path / "alive").exists()


@pytest.mark.slow
def test_an_exception_stops_the_program_and_its_children(tmp_path):
    def interrupt(line):
        raise KeyboardInterrupt

    command = forking(tmp_path / "alive")
    command[-1] = "print('go', flush=True)\n" + command[-1]
    with pytest.raises(KeyboardInterrupt):
        programs.run(command, timeout=30, on_line=interrupt)
    time.sleep(1.0)
    assert not (tmp_path / "alive").exists()


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
