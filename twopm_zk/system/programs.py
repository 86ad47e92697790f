"""External programs: own process group, a timeout, and nothing left running after Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from twopm_zk.errors import ToolError, ToolMissingError, ToolTimeoutError, ToolVersionError
from twopm_zk.system.progress import Progress

NODE_MAJOR = 20
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_VERSION = re.compile(r"\d+(?:\.\d+)+")


@dataclass(frozen=True)
class Finished:
    """Exit code and output (both streams, ANSI codes removed) of a program that ended by itself."""

    code: int
    output: str


def run(
    command: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    on_line: Progress | None = None,
    descriptors: Sequence[int] = (),
) -> Finished:
    """Run a program to its end; ``on_line`` sees every line of output as it comes.

    It inherits the open files of ``descriptors``, and no others.
    Raises ToolTimeoutError after ``timeout`` seconds. Then, and on any exception, the whole process
    group is killed before this returns.
    """
    words = [str(word) for word in command]
    try:
        process = subprocess.Popen(
            words,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            pass_fds=descriptors,
        )
    except OSError as error:
        raise ToolError(f"{Path(words[0]).name} could not be started: {error.strerror}") from error
    late = threading.Event()

    def stop() -> None:
        late.set()
        _kill_group(process)

    timer = threading.Timer(timeout, stop)
    timer.daemon = True
    timer.start()
    lines: list[str] = []
    try:
        for line in _lines(process):
            lines.append(line)
            if on_line is not None:
                on_line(line)
        process.wait()
    except BaseException:
        _kill_group(process)
        process.wait()
        raise
    finally:
        timer.cancel()
        if process.stdout is not None:
            process.stdout.close()
    if late.is_set():
        raise ToolTimeoutError(f"{Path(words[0]).name} was stopped after {timeout:g} s")
    return Finished(process.returncode, "\n".join(lines))


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None  # noqa: S101 (narrows the type: stdout is a pipe)
    for line in process.stdout:
        yield strip_ansi(line).rstrip()


def _kill_group(process: subprocess.Popen[str]) -> None:
    # The leader may be gone while its children live on: signal the group, whose id is the leader's.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def strip_ansi(text: str) -> str:
    """``text`` without terminal colours."""
    return _ANSI.sub("", text)


@cache
def version_of(executable: Path) -> str:
    """First dotted number that ``executable --version`` prints; empty if it prints none."""
    finished = run([executable, "--version"], timeout=60)
    match = _VERSION.search(finished.output)
    return match.group(0) if match else ""


def node() -> Path:
    """Node.js, checked to be new enough."""
    hint = f"Install Node.js {NODE_MAJOR} or newer, or point $TWOPM_ZK_NODE at one."
    try:
        executable = program("node")
    except ToolMissingError as error:
        raise ToolMissingError(error.message, hint=hint) from None
    version = version_of(executable)
    if not version or int(version.split(".")[0]) < NODE_MAJOR:
        raise ToolVersionError(
            f"node {version or '(unknown version)'} is too old; {NODE_MAJOR} or newer is needed", hint=hint
        )
    return executable


@contextmanager
def interruptible() -> Iterator[None]:
    """Turn SIGTERM into KeyboardInterrupt inside the block, so that temporary files are removed too."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def program(name: str) -> Path:
    """Absolute path of a program on PATH; ``$TWOPM_ZK_<NAME>`` overrides it."""
    configured = os.environ.get(f"TWOPM_ZK_{name.upper()}")
    found = configured if configured and Path(configured).is_file() else shutil.which(configured or name)
    if not found:
        raise ToolMissingError(
            f"program {configured or name!r} was not found on PATH",
            kind="tools",
        )
    return Path(found).absolute()
