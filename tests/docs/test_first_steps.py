"""The first steps work as printed: a chain, three schools and a coordinator on one machine, and an audit.

Ports are replaced by free ones, and the specification by one of fewer rounds; proofs are hashes, since the same
commands make real ones in tests/cli/test_people_commands.py. Nothing else is replaced.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import hashed_proofs

pytestmark = [pytest.mark.slow, pytest.mark.prover, pytest.mark.chain, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "first-steps.md").read_text()
SERVICES = ("twopm-zk chain", "twopm-zk coordinator run", "twopm-zk node run")
ENDS = {"twopm-zk audit 1 --spec examples/spector.toml --report audit.html": 12}


def blocks(language):
    return [block.splitlines() for block in re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Desk:
    """Shells in one folder, the programs that run in them, and what they said."""

    def __init__(self, folder, forks):
        self.folder, self.processes = folder, []
        self.ports = {"8545": free_port()}
        program = folder / "bin" / "twopm-zk"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.join(forks.command)} "$@"\n')
        program.chmod(0o755)
        spec = (ROOT / "examples" / "spector.toml").read_text()
        spec = spec.replace("lambda = 0.0", "lambda = 1.0").replace("gradient_bound = 2.5e-5", "gradient_bound = 0.1")
        (folder / "examples").mkdir()
        (folder / "examples" / "spector.toml").write_text(spec)

    def shell(self):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("TWOPM_ZK_")}
        if cache := os.environ.get("TWOPM_ZK_CACHE"):
            kept["TWOPM_ZK_CACHE"] = cache
        return kept | hashed_proofs.ALL | {"PATH": f"{self.folder / 'bin'}:{kept['PATH']}"}

    def type(self, line, shell):
        """Run a line; the process of one that goes on."""
        if line == "twopm-zk chain --deploy":
            line = f"{line} --port 8545"
        for printed, here in self.ports.items():
            line = line.replace(printed, here)
        if line.startswith("export "):
            shell |= dict(word.split("=", 1) for word in shlex.split(line)[1:])
            return None
        log = (self.folder / f"{len(self.processes)}.log").open("w")
        with log:
            process = subprocess.Popen(
                ["/bin/sh", "-c", f"exec {line}"],
                cwd=self.folder,
                env=shell,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        if not line.startswith(SERVICES):
            assert process.wait(timeout=300) == ENDS.get(line, 0), f"{line}\n{self.said()}"
        return process

    def said(self):
        return "\n".join(f"{path.name}: {path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def until(self, text):
        limit = time.monotonic() + 400
        while text not in self.said():
            assert time.monotonic() < limit, self.said()
            assert self.processes[-1].poll() is None, self.said()
            time.sleep(0.2)

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def desk(tmp_path, native, forks):
    made = Desk(tmp_path, forks)
    yield made
    made.close()


def test_the_first_steps_lead_to_a_certified_task_and_an_audit(desk):
    install, chain, stake, coordinate, *schools, check = blocks("sh")
    assert install == ["make setup", ". .venv/bin/activate", "twopm-zk doctor"]
    (python,) = blocks("python")
    first = desk.shell()
    running = desk.type(*chain, desk.shell())
    desk.until("In another shell")
    for line in stake:
        desk.type(line, first)
    subprocess.run([sys.executable, "-c", "\n".join(python)], cwd=desk.folder, check=True)
    at_work = [desk.type(*coordinate, first)]
    for lines in schools:
        shell = dict(first)
        at_work += filter(None, [desk.type(line, shell) for line in lines])
    assert len(at_work) == 4
    for process in at_work:
        assert process.wait(timeout=400) == 0, desk.said()
    for line in check:
        desk.type(line, first)
    running.send_signal(signal.SIGINT)
    assert running.wait(timeout=30) == 0, desk.said()
    assert "Traceback" not in desk.said()
