"""What a coordinator says while it waits: who is there, and who of them with how much."""

from types import SimpleNamespace

import pytest
from support.people_world import SPEC

from twopm_zk.chain.tasks import AcceptedUpdate, Phase
from twopm_zk.coordinator.coordinator import Coordinator
from twopm_zk.coordinator.service import CoordinatorSettings
from twopm_zk.coordinator.task_creation import Enrolled, wanted_nodes
from twopm_zk.errors import InputError, TrainingError
from twopm_zk.participants.records import Attempt as Key

BATCHES = {"0xA": [1], "0xB": [2, 3, 4], "0xC": [5, 6], "0xD": [7]}


class Attempt:
    """A coordinator in an attempt in which these batches were handed in, without a chain."""

    def __init__(self, *handed_in, waited):
        owners = {data: node for node, batches in BATCHES.items() for data in batches}
        updates = [AcceptedUpdate(owners[data], data, 100 + data, place) for place, data in enumerate(handed_in)]
        self.news, self.closed = [], []
        self.state = SimpleNamespace(
            id=1,
            key=1,
            phase=Phase.COLLECTING,
            dataset=b"",
            opened_at=1,
            late=False,
            nodes=len({update.node for update in updates}),
            minimum_nodes=3,
            updates=len(updates),
            maximum_updates=16,
            name=lambda: "task 1, round 0, attempt 0",
        )
        coordinator = object.__new__(Coordinator)
        coordinator.view = SimpleNamespace(
            updates=lambda state: updates,
            registrations=lambda dataset, before: BATCHES,
            is_excluded=lambda state, node: False,
            hlr=SimpleNamespace(close=self.closed.append),
        )
        coordinator.settings, coordinator.spec = CoordinatorSettings(straggler_seconds=5), SPEC
        coordinator._absent, coordinator._seen, coordinator._told = set(), {}, set()
        coordinator._notify = self.news.append
        coordinator._waited = lambda state: waited
        self.coordinator = coordinator

    def collect(self):
        self.coordinator._collect(self.state)
        return self


def test_a_node_with_two_of_three_batches_is_said_to_have_handed_in_two():
    attempt = Attempt(1, 2, 3, 5, 6, waited=6).collect()
    said = {item.values["node"]: item for item in attempt.news if item.kind == "silent"}
    assert said["0xB"].text == "0xB has handed in 2 of its 3 batches in task 1, round 0, attempt 0"
    assert (said["0xB"].values["batches"], said["0xB"].values["registered"]) == (2, 3)
    assert said["0xD"].text == "0xD has handed in none of its 1 batches in task 1, round 0, attempt 0"
    assert said.keys() == {"0xB", "0xD"}
    assert attempt.closed == [1]
    assert attempt.coordinator._absent == {"0xD"}  # who hands in a part is expected again in the next round


def test_while_it_waits_for_updates_it_says_for_whose_and_says_it_once():
    attempt = Attempt(1, 2, 3, 5, 6, waited=4).collect().collect()
    (waiting,) = attempt.news
    assert "updates of 3 nodes are here, the minimum is 3" in waiting.text
    assert "waiting for 0xB (2 of 3 batches), 0xD (0 of 1 batches)" in waiting.text
    assert attempt.closed == []


def test_below_the_minimum_of_nodes_it_says_who_is_there_too():
    (waiting,) = Attempt(1, waited=6).collect().news
    assert "updates of 1 nodes are here, the minimum is 3" in waiting.text
    assert waiting.values["missing"] == ["0xB", "0xC", "0xD"]


def test_while_it_waits_for_openings_it_says_for_whose_until_it_leaves_them_out():
    attempt, key = Attempt(1, 2, 5, waited=4), Key(1, 0, 0)
    attempt.state.round = 0
    faults, reopened = [], []
    store = SimpleNamespace(faults=lambda task_key: faults, add_fault=faults.append)
    attempt.state.task_key = 1
    attempt.coordinator.store = store
    attempt.coordinator.settings = CoordinatorSettings(opening_seconds=5)
    attempt.coordinator.view.hlr.reopen = lambda task, excluded: reopened.append(excluded)
    for _ in range(2):
        attempt.coordinator._leave_out(attempt.state, key, {"0xB", "0xC"})
    (waiting,) = attempt.news
    assert waiting.text == "task 1, round 0, attempt 0: waiting for openings of 0xB, 0xC"
    attempt.coordinator._waited = lambda state: 5
    attempt.coordinator._leave_out(attempt.state, key, {"0xB", "0xC"})
    assert reopened == [["0xB", "0xC"]]
    assert [item.values["node"] for item in attempt.news if item.kind == "fault"] == ["0xB", "0xC"]


def test_who_has_enrolled_is_named_and_who_is_not_ready_too():
    found = Enrolled({"0xA": None, "0xB": None, "0xC": None}, ("0xA", "0xC"))
    assert found.sentence(3) == (
        "2 of 3 nodes have enrolled and registered their data: 0xA, 0xC; enrolled, and not ready: 0xB"
    )
    with pytest.raises(TrainingError, match="not ready: 0xB"):
        found.require(3)
    found.require(2)


def test_fewer_nodes_than_the_specification_allows_are_refused():
    assert (wanted_nodes(SPEC), wanted_nodes(SPEC, 3), wanted_nodes(SPEC, 7)) == (3, 3, 7)
    with pytest.raises(InputError, match="2 nodes to wait for are fewer than the minimum of 3"):
        wanted_nodes(SPEC, 2)
