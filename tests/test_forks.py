"""Commands that a server forks are processes like those that are started, as far as tests look."""

import os
import signal
import subprocess
import sys

import pytest

SCRIPT = """
import atexit, os, signal, sys, time
atexit.register(lambda: print("the end"))
print(os.getcwd(), os.environ.get("WORD"), sys.argv[1:], sys.stdin.read(), flush=True)
print("said", file=sys.stderr)
if sys.argv[1] == "raise": raise ValueError("wrong")
if sys.argv[1] == "exit": sys.exit(7)
if sys.argv[1] == "die": os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "wait":
    try:
        print(os.getpid(), flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


@pytest.fixture
def both(forks, script, tmp_path):
    """``both(word)``: the script as a process that was forked, and as one that was started."""

    def start(command, word):
        return subprocess.Popen(
            [*command, str(script), word],
            cwd=tmp_path,
            env=os.environ | {"WORD": "a word"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return lambda word: [start(command, word) for command in ([*forks.command, "--script"], [sys.executable])]


@pytest.mark.slow
@pytest.mark.parametrize("word", ["end", "raise", "exit", "die"])
def test_it_says_and_ends_as_one_that_was_started(both, word):
    said = []
    for process in both(word):
        out, err = process.communicate("asked\n", timeout=30)
        said.append((process.returncode, out, err.splitlines()[-1]))
    assert said[0] == said[1]
    assert "asked" in said[0][1]


def at_work(process):
    """Its pid, once it waits."""
    process.stdin.close()
    process.stdin = None
    process.stdout.readline()
    return int(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_it(both, number):
    codes = []
    for process in both("wait"):
        at_work(process)
        process.send_signal(number)
        process.communicate(timeout=30)
        codes.append(process.returncode)
    assert codes[0] == codes[1] == (130 if number == signal.SIGINT else -number)


def test_it_ends_with_what_stands_for_it(both):
    forked, started = both("wait")
    pid = at_work(forked)
    os.kill(pid, 0)
    assert pid != forked.pid
    for process in (forked, started):
        process.kill()
        process.communicate(timeout=30)  # its end closes what it writes to
    assert forked.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_it_knows_the_command(forks):
    done = subprocess.run([*forks.command, "no-such"], capture_output=True, text=True, check=False)
    assert (done.returncode, "No such command" in done.stderr) == (2, True)
    done = subprocess.run([*forks.command, "circuits", "--json"], capture_output=True, text=True, check=True)
    assert "step-48x3" in done.stdout
