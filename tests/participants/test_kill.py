"""Participants killed with -9 at points of a round end at the same result, and prove nothing twice."""

import contextlib
import json
import signal
import subprocess
import threading
from pathlib import Path

import pytest
from support.people_stage import lying
from support.people_world import SPEC, Party, Running, replace

from twopm_zk.errors import TransactionError
from twopm_zk.task.parts.statistics import Statistics
from twopm_zk.task.specification_file import write_spec
from twopm_zk.training.in_process import train

pytestmark = pytest.mark.slow

EVALUATED = replace(
    SPEC, statistics=Statistics(evaluation=True), instances=replace(SPEC.instances, evaluate=("evaluate-48x3",))
)
NEAR = replace(EVALUATED, gradient_bound=0.2)
SCRIPT = Path(__file__).parents[1] / "support" / "people_process.py"


class Mortal:
    """Runs the process again and again, with the deaths that it is given, until it ends by itself."""

    def __init__(self, party, forks, *, deaths, **options):
        world, self.command = party.world, [*forks.command, "--script", str(SCRIPT)]
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
            self.process = subprocess.Popen(
                [*self.command, options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
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

    def finish(self, timeout=240):
        self.join(timeout)
        if self.error:
            raise self.error
        assert not self.is_alive(), self.mortal.output


def expect_result(party, tables):
    """Everybody's weights, and no attempt, share attempt or penalty more than without a kill."""
    expected = train(tables, party.spec)
    view = party.world.view(8)
    state = view.state(1)
    assert party.spec.coefficients(state.weights) == expected.coefficients
    assert state.certified
    return state.round + 1, view.task_events(1, from_block=1, to_block=state.block)


NODE_DEATHS = {
    "after each kind of news": [["news", kind] for kind in ("registered", "proven", "submitted", "ready", "shared")],
    "after each kind of write and transaction": [
        ["write", "INTO updates"],
        ["write", "UPDATE updates SET proof"],
        ["sent", "submitUpdate"],
        ["write", "INTO round_keys"],
        ["sent", "ready"],
        ["write", "INTO ledger"],
        ["sent", "HLRContract.share"],
    ],
    "after the certificate, and in the evaluation that follows": [
        ["text", "certified"],
        ["write", "INTO updates"],
        ["sent", "submitUpdate"],
        ["write", "INTO ledger"],
    ],
}


@pytest.mark.parametrize("deaths", NODE_DEATHS.values(), ids=NODE_DEATHS)
def test_a_node_that_is_killed_goes_on_where_it_was_and_nobody_proves_again(party, forks, deaths):
    party.spec = NEAR
    key = party.world.node.private_keys[2]
    mortal = Mortal(party, forks, deaths=deaths, role="node", name="node0", part=0, key=key)
    thread = InThread(mortal)
    others = party.node(1), party.node(2)
    with Running(party.coordinator(), *others) as running:
        thread.start()
        thread.finish()
        running.wait(200)
    assert mortal.died == len(deaths)
    rounds, events = expect_result(party, party.tables)
    assert len(mortal.proofs()) == len(set(mortal.proofs())) == rounds
    for other in others:
        assert len(other._prover.made) == rounds
    assert {event["attempt"] for event in events if event.name == "UpdateAccepted"} == {0}
    shared = [(event["round"], event["shareAttempt"]) for event in events if event.name == "Shared"]
    assert sorted(shared) == [(number, 0) for number in range(rounds) for _ in range(3)]


def test_a_node_that_is_killed_in_a_dispute_claims_and_reveals_where_it_was(world, forks, tmp_path):
    party = Party(world, tmp_path, spec=replace(NEAR, minimum_rows=20), sizes=(8, 8, 8, 8))
    deaths = [["sent", "claim"], ["sent", "reveal"]]
    key = party.world.node.private_keys[2]
    mortal = Mortal(party, forks, deaths=deaths, role="node", name="node0", part=0, key=key)
    thread = InThread(mortal)
    victim = party.world.view(2).address
    liar = lying(party.node(3), blamed=victim, reveals=False)
    liar._take_part, plain = lambda state: None if state.round else plain(state), liar._take_part
    party.settings = replace(party.settings, nodes=4, straggler_seconds=1)
    with Running(party.coordinator(), party.node(1), party.node(2), Tolerant(liar)) as running:
        thread.start()
        thread.finish()
        running.wait(200)
    assert mortal.died == len(deaths)
    _, events = expect_result(party, party.tables[:3])
    assert [(event["node"], event["other"]) for event in events if event.name == "PairRevealed"] == [
        (victim, liar.view.address)
    ]


class Tolerant:
    """A participant that nobody stops because a contract refuses it."""

    def __init__(self, participant):
        self.participant, self.loop, self.store = participant, participant.loop, participant.store

    def run(self):
        while True:
            with contextlib.suppress(TransactionError):
                return self.participant.run()


COORDINATOR_DEATHS = [
    ["news", "created"],
    ["sent", "openRound"],
    ["sent", "close"],
    ["sent", "proceed"],
    ["write", "INTO work"],
    ["sent", "acceptWeights"],
    ["news", "proven"],
    ["sent", "certify"],
    ["sent", "close"],
    ["news", "summed"],
    ["sent", "proceed"],
]
"""The last four are in the round of the evaluation, but for the transaction that opens it; the last ends the task."""


def test_a_coordinator_that_is_killed_goes_on_where_it_was(party, forks):
    party.spec = replace(EVALUATED, gradient_bound=0.1)
    key = party.world.node.private_keys[1]
    mortal = Mortal(party, forks, deaths=COORDINATOR_DEATHS, role="coordinator", name="coordinator", key=key)
    thread = InThread(mortal)
    with Running(*(party.node(number) for number in range(3))) as running:
        thread.start()
        thread.finish()
        running.wait(200)
    assert mortal.died == len(COORDINATOR_DEATHS)
    assert party.world.view(8).task_count() == 1  # and no second one
    assert '"news": "finished"' in mortal.output
    rounds, events = expect_result(party, party.tables)
    assert len(mortal.proofs()) == len(set(mortal.proofs())) == rounds - 2  # information and evaluation need none
    assert {event["attempt"] for event in events if event.name == "UpdateAccepted"} == {0}
