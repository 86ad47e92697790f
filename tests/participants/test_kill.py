"""Participants killed with -9 at points of a round end at the same result, and prove nothing twice."""

import json
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from support.people_world import DoubleKeys, Running

from twopm_zk.auditor.audit import audit
from twopm_zk.task.specification_file import write_spec
from twopm_zk.training.in_process import train

SCRIPT = Path(__file__).parents[1] / "support" / "people_process.py"


class Mortal:
    """Runs the process again and again, with the deaths that it is given, until it ends by itself."""

    def __init__(self, party, forks, *, deaths, **options):
        world, self.forks = party.world, forks
        party.world.deployment.write(party.folder / "deployment.json")
        write_spec(party.spec, party.folder / "spec.json")
        self.options = {
            "url": world.node.url,
            "deployment": str(party.folder / "deployment.json"),
            "spec": str(party.folder / "spec.json"),
            "folder": str(party.folder),
            "sizes": list(party.sizes),
            "coordinator": party.coordinator_address,
            **options,
        }
        self.deaths, self.died, self.output = list(deaths), 0, ""
        self.process = None

    def run(self):
        while True:
            death = self.deaths.pop(0) if self.deaths else None
            options = json.dumps({**self.options, "die_at": death})
            command = [*self.forks.command, "--script", str(SCRIPT), options]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            out, err = self.process.communicate(timeout=120)
            self.output += out
            if self.process.returncode == 0:
                return
            assert self.process.returncode == -signal.SIGKILL, err
            self.died += 1

    def proofs(self):
        return (Path(self.options["folder"]) / f"{self.options['name']}.proofs").read_text().splitlines()


class InThread(threading.Thread):
    def __init__(self, mortal):
        super().__init__(daemon=True)
        self.mortal, self.error = mortal, None

    def run(self):
        try:
            self.mortal.run()
        except BaseException as error:
            self.error = error

    def finish(self, timeout=150):
        self.join(timeout)
        if self.error:
            raise self.error
        assert not self.is_alive()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def expect_result(party):
    expected = train(party.tables, party.spec)
    report = audit(party.world.view(8), 1, keyring=DoubleKeys(), spec=party.spec)
    assert report.certified, report.failed
    assert report.coefficients == expected.coefficients
    return expected, report


NODE_DEATHS = {
    "at each kind of step": [["registered", 1], ["enrolled", 1], ["proven", 1], ["submitted", 1], ["delivered", 1]],
    "after a proof, in every round": [["proven", 1]] * 3,
    "at every third write": [["write", 3]] * 9,
}


@pytest.mark.slow
@pytest.mark.parametrize("deaths", NODE_DEATHS.values(), ids=NODE_DEATHS)
def test_a_node_that_is_killed_goes_on_where_it_was(party, forks, deaths):
    key = party.world.node.private_keys[2]
    mortal = Mortal(party, forks, deaths=deaths, role="node", name="node0", part=0, key=key)
    thread = InThread(mortal)
    coordinator = party.coordinator()
    with coordinator, Running(coordinator, party.node(1), party.node(2)) as running:
        thread.start()
        thread.finish()
        running.wait()
    assert mortal.died == len(deaths)
    expected, report = expect_result(party)
    assert not report.notes  # nobody was left out, no attempt was lost
    if deaths[0][0] != "write":  # a write that is killed before the proof is kept may lose one
        assert len(mortal.proofs()) == len(set(mortal.proofs())) == expected.moves + 1


COORDINATOR_DEATHS = {
    "at each kind of step": [["created", 1], ["gradient", 1], ["proven", 1], ["submitted", 1]],
    "after a proof, in every round": [["proven", 1]] * 3,
    "at every fourth write": [["write", 4]] * 6,
}


@pytest.mark.slow
@pytest.mark.parametrize("deaths", COORDINATOR_DEATHS.values(), ids=COORDINATOR_DEATHS)
def test_a_coordinator_that_is_killed_goes_on_where_it_was(party, forks, deaths):
    key = party.world.node.private_keys[1]
    mortal = Mortal(party, forks, deaths=deaths, role="coordinator", name="coordinator", key=key, port=free_port())
    thread = InThread(mortal)
    with Running(*(party.node(number) for number in range(3))) as running:
        thread.start()
        thread.finish()
        running.wait()
    assert mortal.died == len(deaths)
    expected, report = expect_result(party)
    assert not report.notes
    if deaths[0][0] != "write":
        assert len(mortal.proofs()) == len(set(mortal.proofs())) == expected.moves + 1


@pytest.mark.slow
def test_a_coordinator_without_its_store_asks_for_the_openings_again(party):
    """It has lost its key and inbox in the middle of a closed round, and the matrix is the one a node has kept."""
    coordinator = party.coordinator()
    nodes = [party.node(number) for number in range(3)]
    with Running(*nodes) as running:
        with coordinator:
            while coordinator.task is None or coordinator.view.state(coordinator.task).round < 1:
                coordinator.tick()
        coordinator.store.close()
        matrix = None
        while matrix is None:  # a node keeps it once it has delivered
            matrix = nodes[0].store.matrix(coordinator.view.state(1).matrix_hash)
        (party.folder / "coordinator.db").unlink()
        again = party.coordinator(matrix=matrix)
        with again:
            again.run()
        running.wait()
        again.store.close()
    expect_result(party)
