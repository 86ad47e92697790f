"""People at work as a guide prints it: a chain, a folder for each, and the lines of a page's sections as processes."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

from eth_account import Account
from support import hashed_proofs

from twopm_zk.chain import Chain
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.participants.task_view import ChainView

ROOT = Path(__file__).parents[2]
SERVICES = ("node run", "coordinator run", "operator run")
"""Run in the background until they end, or are stopped."""
PASSWORD = "a password"  # noqa: S105


def sections(page):
    """Lines of the `sh` blocks below each heading."""
    found = {}
    for part in re.split(r"^## ", (ROOT / "docs" / f"{page}.md").read_text(), flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"^```sh\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
        if blocks:
            found[part.splitlines()[0]] = [line for block in blocks for line in block.splitlines()]
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Stage:
    """A chain, what is printed and what it is here, and the lines that were run."""

    def __init__(self, node, folder, forks, *, hashed=False):
        """With ``hashed`` the people's proofs are hashes: `hashed_proofs`."""
        self.hashed, self.node, self.folder = hashed, node, folder
        self.done, self.processes, self._views = set(), [], {}
        self.checked = set()  # processes that have ended as they should
        port = free_port()
        self.here = {
            "http://127.0.0.1:8545": node.url,
            "https://ask.example": f"http://127.0.0.1:{port}",
            "8701": port,
        }
        self.bin = folder / "bin"
        self.bin.mkdir()
        program = self.bin / "twopm-zk"
        program.write_text(f'#!/bin/sh\nexec {shlex.join(forks.command)} "$@"\n')
        program.chmod(0o755)

    def view(self, account=0):
        """As this account; the same one again, which has compared the contracts already."""
        if account not in self._views:
            deployment = Deployment.read(self.folder / "coordinator" / "deployment.json")
            chain = Chain(self.node.url, private_key=self.node.private_keys[account])
            self._views[account] = ChainView(Network(chain, deployment))
        self._views[account].chain.forget_nonces()  # the people's own processes sign with them too
        return self._views[account]

    def until(self, what, true, seconds=400):
        limit = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < limit, f"{what} did not come\n{self.said()}"
            for process in (one for one in self.processes if one not in self.checked):
                assert process.poll() in (None, 0, -signal.SIGTERM), self.said()
            time.sleep(0.3)

    def said(self):
        return "\n".join(f"{path}: {path.read_text()}" for path in sorted(self.folder.rglob("*.log")))

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


class Person:
    """Somebody with an account, at work in a folder of their own."""

    def __init__(self, stage, name, account, spec=""):
        self.stage, self.folder = stage, stage.folder / name
        self.folder.mkdir()
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith("TWOPM_ZK_")}
        self.environment["PATH"] = f"{stage.bin}:{self.environment['PATH']}"
        if cache := os.environ.get("TWOPM_ZK_CACHE"):
            self.environment["TWOPM_ZK_CACHE"] = cache
        if stage.hashed:
            self.environment |= hashed_proofs.ALL
        if account is not None:
            key = Account.encrypt(stage.node.private_keys[account], PASSWORD, kdf="pbkdf2", iterations=1000)
            (self.folder / "me.json").write_text(json.dumps(key))
            self.environment["TWOPM_ZK_PASSWORD"] = PASSWORD
        self.takes(spec)

    def takes(self, spec):
        """What the coordinator sends: specification and deployment file."""
        (self.folder / "spec.toml").write_text(spec)
        deployment = self.stage.folder / "coordinator" / "deployment.json"
        if deployment.exists():
            (self.folder / "deployment.json").write_text(deployment.read_text())
        return self

    def follows(self, page, section, *, lines=slice(None), before=None, code=0):
        """Run the lines of a section to this exit code; ``before`` is called with each. Returns what goes on."""
        started = []
        for line in sections(page)[section][lines]:
            self.stage.done.add((page, section, line))
            if before is not None:
                before(line)
            for printed, here in self.stage.here.items():
                line = line.replace(printed, here)
            if line.startswith("export "):
                self.environment |= dict(word.split("=", 1) for word in shlex.split(line)[1:])
            elif any(line.startswith(f"twopm-zk {name} ") for name in SERVICES):
                started.append(self.start(line))
            else:
                finished = self.start(line)
                finished.wait(timeout=400)
                assert finished.returncode == code, f"{line}\n{self.stage.said()}"
                self.stage.checked.add(finished)
        return started

    def start(self, line):
        with (self.folder / f"{len(self.stage.processes)}.log").open("w") as log:
            log.write(f"$ {line}\n")
            log.flush()
            prefix = "exec " if line.startswith("twopm-zk ") else ""
            process = subprocess.Popen(
                ["/bin/sh", "-c", prefix + line],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.stage.processes.append(process)
        return process


def finished(stage, processes):
    for process in processes:
        process.wait(timeout=400)
        assert process.returncode == 0, stage.said()


def refused(stage, processes, words):
    for process in processes:
        assert process.wait(timeout=400) == 3, stage.said()
        stage.checked.add(process)
    assert words in stage.said()


def stop(stage, process):
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=30)
    assert process.returncode == 0, stage.said()
