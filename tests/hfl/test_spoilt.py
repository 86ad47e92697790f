"""Nodes that hand in something else than their update, or confirm something else than follows from the updates."""

import pytest

from twopm_zk.chain.tasks import Phase
from twopm_zk.federated import Update
from twopm_zk.hfl.coordinator import FederatedSettings
from twopm_zk.hfl.sharing_part import FederatedPart

pytestmark = pytest.mark.slow


class _Spoiling(FederatedPart):
    """Shares its update with a word that no update within the bounds has."""

    def _held_spoilt(self, held):
        words = held.stored.update.words.copy()
        words[0] += 1 << 60
        object.__setattr__(held.stored, "update", Update(words))
        return held

    def _share(self, state, attempt, held):
        super()._share(state, attempt, None if held is None else self._held_spoilt(held))


class _Lying(FederatedPart):
    """Confirms a result that does not follow."""

    def _confirm(self, state, sharing_set, result):
        self.view.hfl.confirm(state.id, b"\x66" * 32)


def spoiling(stage, number):
    stage.nodes[number]._sharing.__class__ = _Spoiling
    return stage


def test_a_spoilt_sum_is_confirmed_by_nobody_and_tried_again_with_the_same_nodes_alone(make_stage):
    stage = spoiling(make_stage(nodes=4, maximum_rounds=1).begin(), 3)
    stage.until(Phase.SUMMED)
    for node in stage.nodes[:3]:
        node.tick()
    assert "is spoilt" in stage.said(0, "spoilt")[0].text
    assert "masks hide which one" in stage.said(0, "spoilt")[0].text
    assert not stage.events("ResultConfirmed")
    stage.late()
    stage.coordinator.tick()
    assert "is spoilt" in stage.said("coordinator", "failed")[0].text
    assert (stage.state.attempt, stage.state.phase) == (1, Phase.COLLECTING)
    # a sum without node 3 would tell its update, and that of whoever else is away
    stage.until(Phase.COLLECTING, without={3}, when=lambda state: state.updates == 3)
    stage.late()
    stage.until(Phase.READY, without={3})
    for node in stage.nodes[:3]:
        node.tick()
    assert stage.state.ready == 0
    assert "goes on once all of them are back" in stage.said(0, "objection")[-1].text


def test_the_same_nodes_hand_in_the_same_updates_once_more(make_stage):
    stage = spoiling(make_stage(nodes=3, maximum_rounds=1).begin(), 2)
    stage.until(Phase.SUMMED)
    stage.late()
    stage.coordinator.tick()
    stage.restart(2)  # which is honest now
    state = stage.finished()
    assert state.latest_result == stage.expected()[-1].hash
    first, second = (
        {e["node"]: e["update"] for e in stage.events("UpdateCommitted") if e["attempt"] == n} for n in (0, 1)
    )
    assert first == second
    assert stage.audited().sound


def test_a_stranger_does_not_stop_a_round_that_is_tried_again(make_stage):
    stage = spoiling(make_stage(nodes=4, maximum_rounds=1).begin(), 2)
    stage.until(Phase.COLLECTING, without={3}, coordinator=False, when=lambda state: state.updates == 3)
    stage.coordinator.view.hfl.close(stage.task)
    stage.until(Phase.SUMMED, without={3})
    stage.late()
    stage.coordinator.tick()
    stage.restart(2)
    stage.nodes[3].tick()
    assert "goes on with those nodes, not with this one" in stage.said(3, "waiting")[-1].text
    assert stage.finished().latest_result == stage.expected(0, 1, 2)[-1].hash


def test_a_task_ends_with_what_it_has_where_its_sum_is_spoilt_again_and_again(make_stage):
    settings = FederatedSettings(straggler_seconds=3600, poll=0.05, attempts=1)
    stage = spoiling(make_stage(nodes=3, settings=settings).begin(), 2)
    stage.until(Phase.SUMMED)
    stage.late()
    stage.coordinator.tick()
    assert stage.state.phase is Phase.FINISHED
    assert (stage.state.results, stage.state.complete) == (0, False)
    assert "is spoilt" in stage.said("coordinator", "failed")[0].text
    assert "for the last time" in stage.said("coordinator", "unfinished")[0].text
    stage.audited()


def test_a_task_ends_where_a_node_of_a_shared_round_never_comes_back(make_stage):
    settings = FederatedSettings(straggler_seconds=3600, poll=0.05, attempts=2)
    stage = spoiling(make_stage(nodes=3, settings=settings).begin(), 2)
    stage.until(Phase.SUMMED)
    stage.late()
    stage.coordinator.tick()
    stage.until(Phase.COLLECTING, without={2}, when=lambda state: state.updates == 2)
    stage.late()
    stage.coordinator.tick()
    assert stage.state.phase is Phase.FINISHED
    assert "for the last time" in stage.said("coordinator", "unfinished")[0].text


def test_a_wrong_result_of_one_is_outvoted(make_stage):
    stage = make_stage(nodes=4, maximum_rounds=1).begin()
    stage.nodes[0]._sharing.__class__ = _Lying
    assert stage.finished().latest_result == stage.expected()[-1].hash
    confirmed = {event["node"]: event["result"] for event in stage.events("ResultConfirmed")}
    assert confirmed[stage.address(0)] == "0x" + "66" * 32
    assert any("confirmed another result" in note for note in stage.audited().notes)


def test_who_knows_that_an_accepted_result_is_wrong_takes_no_further_part(make_stage):
    stage = make_stage(nodes=4).begin()
    stage.until(Phase.SUMMED)
    stage.nodes[0].tick()  # the only honest one
    for node in stage.nodes[1:]:
        node.view.hfl.confirm(stage.task, b"\x66" * 32)
    assert stage.state.round == 1
    stage.nodes[0].tick()
    assert "it takes no further part" in stage.said(0, "fault")[0].text
    assert stage.state.updates == 0


def test_a_quorum_that_is_not_reached_starts_the_round_again(make_stage):
    stage = make_stage(nodes=3, maximum_rounds=1, spec={"quorum_percent": 100}).begin()
    stage.nodes[0]._sharing.__class__ = _Lying
    stage.until(Phase.SUMMED)
    stage.until(Phase.SUMMED, coordinator=False, when=lambda state: len(stage.attempt.confirmed) == 3)
    stage.late()
    stage.coordinator.tick()
    assert "2 of 3 nodes have confirmed" in stage.said("coordinator", "failed")[0].text
    stage.restart(0)
    assert stage.finished().latest_result == stage.expected()[-1].hash
