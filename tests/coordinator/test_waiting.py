"""What a coordinator says while it waits: who is there, and who of them with how much."""

from types import SimpleNamespace

import pytest
from support.people_world import SPEC

from twopm_zk.chain.tasks import AcceptedUpdate, Phase
from twopm_zk.coordinator import coordinator as module
from twopm_zk.coordinator.coordinator import Coordinator, CoordinatorSettings
from twopm_zk.coordinator.task_creation import Registered, Stakes, wanted_nodes
from twopm_zk.errors import InputError, TrainingError
from twopm_zk.numbers.baby_jubjub import IDENTITY
from twopm_zk.statements import Family

BATCHES = {"0xA": [1], "0xB": [2, 3, 4], "0xC": [5, 6], "0xD": [7]}


class Attempt:
    """A coordinator in an attempt in which these batches were handed in, without a chain."""

    def __init__(self, *handed_in, waited, barred=(), certified=False, late=False):
        owners = {data: node for node, batches in BATCHES.items() for data in batches}
        updates = [AcceptedUpdate(owners[data], data, IDENTITY, place) for place, data in enumerate(handed_in)]
        self.news, self.closed, self.finished = [], [], []
        self.state = SimpleNamespace(
            id=1,
            key=1,
            phase=Phase.COLLECTING,
            collected_dataset=b"",
            collected="evaluation on held-out rows",
            data_before=1,
            family=Family.LOGISTIC,
            late=late,
            certified=certified,
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
            terms_of=lambda dataset: None,
            barred=lambda state: frozenset(barred),
            hlr=SimpleNamespace(close=self.closed.append, finish=self.finished.append),
        )
        coordinator.settings, coordinator.spec = CoordinatorSettings(straggler_seconds=5), SPEC
        coordinator._absent, coordinator._seen, coordinator._told = set(), {}, set()
        coordinator._notify = self.news.append
        coordinator._waited = lambda state: waited
        coordinator.loop = SimpleNamespace(wake=lambda: None)
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


def test_who_is_out_of_the_task_is_not_waited_for():
    attempt = Attempt(1, 2, 3, 4, 5, 6, waited=0, barred={"0xD"}).collect()
    assert attempt.closed == [1]
    assert attempt.news == []


def test_who_handed_in_nothing_is_waited_for_once_and_again_after_it_has_handed_in():
    """A stranger registers rows for nothing, and would cost each round its patience."""
    attempt = Attempt(1, 2, 3, 4, 5, 6, waited=6).collect()
    assert attempt.closed == [1]
    again = attempt.coordinator
    again._waited = lambda state: 0
    attempt.collect()
    assert attempt.closed == [1, 1]
    again.view.updates = lambda state: [AcceptedUpdate("0xD", 7, IDENTITY, 0)]
    assert again._missing(attempt.state).keys() == {"0xA", "0xB", "0xC"}
    again.view.updates = lambda state: []
    assert again._missing(attempt.state).keys() == {"0xA", "0xB", "0xC", "0xD"}


def test_a_linear_regression_waits_for_all_that_it_began_with_whoever_was_absent_the_last_time(monkeypatch):
    """The others share with nobody left out, so that a set without one comes to nothing."""
    monkeypatch.setattr(
        module, "fixed_rows", lambda view, state: {node: BATCHES[node] for node in ("0xA", "0xB", "0xC")}
    )
    attempt = Attempt(1, 2, 3, 4, 7, waited=6)  # and 0xD is of no use
    attempt.coordinator._absent = {"0xC"}
    attempt.collect()
    assert attempt.closed == []
    (waiting,) = attempt.news
    assert waiting.values["missing"] == ["0xC"]
    assert waiting.text.endswith("the others of a linear regression share only with all nodes that it began with")
    attempt.state.late = True
    assert attempt.collect().closed == [1]


def test_a_certified_task_ends_where_too_few_have_rows_for_what_is_collected_still():
    """Its certificate stands, and another attempt would wait for the same nodes."""
    attempt = Attempt(waited=0, certified=True, barred={"0xA", "0xD"}).collect()
    assert (attempt.finished, attempt.closed) == ([1], [])
    said = attempt.news[-1]
    assert said.kind == "no-statistics"
    assert said.text.endswith("too few nodes for the evaluation on held-out rows; the task ends with its certificate")


def test_a_certified_task_ends_where_too_few_hand_in_until_the_deadline():
    attempt = Attempt(1, waited=0, certified=True, late=True).collect()
    assert (attempt.finished, attempt.closed) == ([1], [])


def test_a_certified_task_does_not_end_for_nodes_that_only_did_not_come_the_last_time():
    attempt = Attempt(waited=0, certified=True)
    attempt.coordinator._absent |= {"0xC", "0xD"}
    attempt.collect()
    assert (attempt.finished, attempt.closed) == ([], [])
    assert attempt.news[-1].values["missing"] == ["0xA", "0xB"]  # and yet nobody waits for them


@pytest.mark.parametrize(("handed_in", "closed"), [((1, 2, 3, 4), []), ((1, 2, 3, 4, 5, 6, 7), [1])])
def test_a_certified_task_waits_while_enough_nodes_may_still_come(handed_in, closed):
    attempt = Attempt(*handed_in, waited=0, certified=True).collect()
    assert (attempt.finished, attempt.closed) == ([], closed)


def test_who_has_registered_is_named_and_who_is_not_ready_too():
    found = Registered(("0xA", "0xC"), ("0xB",))
    assert found.sentence(3) == ("2 of 3 nodes have registered their data: 0xA, 0xC; registered, and not ready: 0xB")
    with pytest.raises(TrainingError, match="not ready: 0xB"):
        found.require(3)
    found.require(2)


def test_a_penalty_above_the_stake_is_refused():
    assert Stakes(5, 5).penalty == 5
    with pytest.raises(InputError, match="a penalty of 6 wei is more than the 5"):
        Stakes(5, 6)


def test_fewer_nodes_than_the_specification_allows_are_refused():
    assert (wanted_nodes(SPEC), wanted_nodes(SPEC, 3), wanted_nodes(SPEC, 7)) == (3, 3, 7)
    with pytest.raises(InputError, match="2 nodes to wait for are fewer than the minimum of 3"):
        wanted_nodes(SPEC, 2)
