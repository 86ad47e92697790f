"""The guides' commands, line by line as printed, by processes with real proofs: three tasks on one chain.

What is printed for the reader's own machine (addresses, ports, endpoints, a hash) is replaced by name; nothing else is.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from eth_account import Account
from support.people_shell import write_rows
from support.people_world import tables

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.network import Network
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes, registered
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.specification_file import read_spec
from twopm_zk.training.in_process import train

pytestmark = [pytest.mark.slow, pytest.mark.prover, pytest.mark.chain, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
PAGES = ("coordinator", "data-owner", "auditor", "application-user", "networks")
SERVICES = ("node run", "coordinator run", "operator run")
"""Run in the background until they end, or are stopped."""
COORDINATOR, OWNERS, USER = 1, (2, 3, 4), 5
PARTS = (11, 11, 10)
PASSWORD = "a password"  # noqa: S105


def sections(page):
    """Lines of the `sh` blocks below each heading."""
    found = {}
    for part in re.split(r"^## ", (ROOT / "docs" / f"{page}.md").read_text(), flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"^```sh\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
        if blocks:
            found[part.splitlines()[0]] = [line for block in blocks for line in block.splitlines()]
    return found


GUIDES = {page: sections(page) for page in PAGES}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Stage:
    """A chain, what is printed and what it is here, and the lines that were run."""

    def __init__(self, node, folder, forks):
        self.node, self.folder, self.done, self.processes = node, folder, set(), []
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
        deployment = Deployment.read(self.folder / "coordinator" / "deployment.json")
        return ChainView(Network(Chain(self.node.url, private_key=self.node.private_keys[account]), deployment))

    def until(self, what, true, seconds=400):
        limit = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < limit, f"{what} did not come\n{self.said()}"
            for process in (one for one in self.processes if one not in self.checked):
                assert process.poll() in (None, 0, -signal.SIGTERM), self.said()
            time.sleep(0.1)

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
        for line in GUIDES[page][section][lines]:
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


def spec_text(name, *, bound):
    """The example's specification, for a task of few rounds."""
    text = (ROOT / "examples" / "spector.toml").read_text()
    for printed, value in (
        ('name = "Spector-Mazzeo"', f'name = "{name}"'),
        ("lambda = 0.0", "lambda = 1.0"),
        ("gradient_bound = 2.5e-5", f"gradient_bound = {bound}\ndecrement_bound = 1e6"),
        ("collecting_seconds = 120", "collecting_seconds = 900"),
        ("ready_seconds = 60", "ready_seconds = 900"),
        ("sharing_seconds = 600", "sharing_seconds = 3600"),
        ("aggregating_seconds = 120", "aggregating_seconds = 900"),
    ):
        assert printed in text
        text = text.replace(printed, value)
    return text


@pytest.fixture
def stage(tmp_path, native, forks):
    with DevelopmentNode() as node:
        made = Stage(node, tmp_path, forks)
        yield made
        made.close()


def owners_of(stage, spec, name):
    """Three data owners up to their nodes at work."""
    people = [Person(stage, f"{name}{number}", account, spec) for number, account in enumerate(OWNERS)]
    running = []
    for person, part in zip(people, tables(PARTS), strict=True):
        write_rows(person.folder / "rows.csv", part)
        person.follows("data-owner", "Before you take part")
        running += person.follows("data-owner", "Commit and take part")
    return people, running


def test_every_command_of_the_guides_works_in_the_order_of_the_people(stage):
    spec = spec_text("run", bound=0.1)
    coordinator = Person(stage, "coordinator", COORDINATOR, spec)
    coordinator.follows("coordinator", "Prepare")
    for account in (COORDINATOR, *OWNERS, USER):
        stage.view(account).network.contract("RETHDouble").transact("deposit", value=20 * 10**18)
    owner = run_by_itself(stage, coordinator, spec)
    predict(stage, coordinator, spec, owner)
    run_by_hand(stage)
    take_over(stage)
    printed = {(page, name, line) for page, found in GUIDES.items() for name, lines in found.items() for line in lines}
    assert printed - stage.done == set()
    assert "Traceback" not in stage.said()


def run_by_itself(stage, coordinator, spec):
    service = coordinator.follows("coordinator", "Run")
    people, running = owners_of(stage, spec, "owner")
    finished(stage, [*service, *running])
    state = stage.view().state(1)
    expected = train(tables(PARTS), read_spec(coordinator.folder / "spec.toml"))
    assert (state.certified, state.weights) == (True, expected.weights)
    coordinator.follows("coordinator", "Watch")
    people[0].follows("data-owner", "Afterwards")
    # sums of this task are exact: a node with a limit takes no part
    refused(stage, people[1].follows("data-owner", "What you promise to the people in the rows"), "keep none")
    assert stage.view().member(stage.view(OWNERS[0]).address) is None
    auditor = Person(stage, "auditor", None, spec)
    for section in ("Audit a task", "The report as one page"):
        auditor.follows("auditor", section, code=12)
        assert "UNPROVEN: every check held, but the keys of" in stage.said()
    return people[0]


def predict(stage, coordinator, spec, owner):
    coordinator.follows("networks", "Register")
    (operator,) = coordinator.follows("application-user", "Answer")
    stage.until("an offer", lambda: stage.view().inference.contract.events("Offered"))
    user = Person(stage, "user", USER, spec)
    user.follows("application-user", "Ask")
    assert [event["id"] for event in stage.view().inference.contract.events("Answered")] == [1]
    stop(stage, operator)
    # a second question, which nobody answers
    network = stage.view(USER).network
    terms, asked = network.networks.get(1), stage.view(COORDINATOR).address
    network.inference.ask(terms, asked, network.verifier_id("predict-3"), [1])
    stage.node.advance(3601)
    user.follows("application-user", "Take fees back")
    paid = stage.view().inference.contract.events("Withdrawn")
    assert [(event["account"], event["amount"]) for event in paid] == [(stage.view(USER).address, 10**15)]
    owner.follows("networks", "Be paid")
    assert "ETH can be withdrawn now." in stage.said()
    account, amount = stage.view(OWNERS[0]).address, 7 * 10**14 // 3
    paid = stage.view().inference.contract.events("Withdrawn")[1:]
    assert [(event["account"], event["amount"]) for event in paid] == [(account, amount)]


def run_by_hand(stage):
    def nodes_are_there(line):
        def stands(phase):
            state = stage.view().state(2)
            return state.phase is phase and state.updates == 3

        if line.startswith("twopm-zk task create"):
            view, task = stage.view(), read_spec(hand.folder / "spec.toml")
            stage.until("three nodes", lambda: len(registered(view, task, stakes=Stakes()).ready) == 3)
        elif line.startswith("twopm-zk task close"):
            stage.until("three updates", lambda: stands(Phase.COLLECTING))
        elif line.startswith(("twopm-zk proceed", "twopm-zk aggregate", "twopm-zk certify")):
            stage.until("a sum", lambda: stands(Phase.SUMMED))

    spec = spec_text("by hand", bound=one_move())
    hand = Person(stage, "hand", COORDINATOR, spec)
    hand.environment |= {"TWOPM_ZK_RPC_URL": stage.node.url, "TWOPM_ZK_KEYSTORE": "me.json"}
    _, running = owners_of(stage, spec, "hand-owner")
    hand.follows("coordinator", "By hand", before=nodes_are_there)
    finished(stage, running)
    state = stage.view().state(2)
    expected = train(tables(PARTS), read_spec(hand.folder / "spec.toml"))
    assert (state.certified, state.moves, state.weights) == (True, 1, expected.weights)


def one_move():
    """A gradient bound that is reached by moving once."""
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(spec_text("how far", bound=1e-3))
        file.flush()
        first, second = train(tables(PARTS), read_spec(file.name)).rounds[:2]
    return (first.bound_per_row + second.bound_per_row) / 2


def take_over(stage):
    spec = spec_text("stalls", bound=one_move())
    stalls = Person(stage, "stalls", COORDINATOR, spec)
    stalls.environment |= {"TWOPM_ZK_RPC_URL": stage.node.url, "TWOPM_ZK_KEYSTORE": "me.json"}
    (service,) = stalls.follows("coordinator", "Run")
    people, running = owners_of(stage, spec, "heir")
    stage.until("information", lambda: stage.view().task_count() == 3 and stage.view().state(3).round == 1)
    stop(stage, service)
    if stage.view().state(3).phase is Phase.COLLECTING:
        stage.until("updates", lambda: stage.view().state(3).updates == 3)
        stage.node.advance(1000)
    stage.until("a sum", lambda: stage.view().state(3).phase is Phase.SUMMED)
    stop(stage, running[0])
    running += people[0].follows("data-owner", "With whom you share")
    stage.node.advance(1000)
    heir = people[0].follows("coordinator", "Take over")
    finished(stage, [*heir, *running[1:]])
    state = stage.view().state(3)
    assert (state.certified, state.coordinator) == (True, stage.view(OWNERS[0]).address)
