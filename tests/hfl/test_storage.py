"""What is kept apart from the chain may be missing, altered, or out of reach: the round goes on all the same."""

import shutil

import pytest
from support.federated_world import ETH

from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import PeerError
from twopm_zk.federated import Storage

pytestmark = pytest.mark.slow


def shared(make_stage, **options):
    """Nodes, all of which have shared in the first round."""
    stage = make_stage(**{"nodes": 4, "maximum_rounds": 1, **options}).begin()
    stage.until(Phase.SUMMED)
    return stage


def lose(stage, number):
    """Take what a node has stored out of every location; the storage keeps it for itself."""
    for path in stage.stored(stage.attempt.shared[stage.address(number)].content):
        path.rename(path.with_suffix(".kept"))


@pytest.mark.parametrize("damage", ["lost", "altered"])
def test_who_has_nothing_that_can_be_had_is_out_and_the_others_share_again(make_stage, damage):
    stage = shared(make_stage, penalty=ETH // 10)
    if damage == "lost":
        lose(stage, 3)
    else:
        for path in stage.stored(stage.attempt.shared[stage.address(3)].content):
            path.write_bytes(path.read_bytes()[:-1] + b"\0")
    for number in range(3):
        stage.nodes[number].tick()
        assert "not to be had yet" in stage.said(number, "waiting")[-1].text
    assert not stage.events("MissingReported")
    stage.last_third()
    state = stage.finished(without={3})
    assert state.latest_result == stage.expected(0, 1, 2)[-1].hash
    (out,) = stage.events("NodeLeft")
    assert (out["node"], bytes.fromhex(out["reason"][2:]).rstrip(b"\0")) == (stage.address(3), b"missing")
    (penalty,) = stage.events("Penalised")
    assert penalty["node"] == stage.address(3)
    assert stage.audited().sound


def test_who_missed_it_too_shares_again_although_others_said_so_first(make_stage):
    stage = shared(make_stage, nodes=5, spec={"quorum_percent": 51})
    lose(stage, 4)
    stage.nodes[0].tick()  # sees that it is missing, before it is time to say so
    stage.restart(0)
    stage.last_third()
    for number in (1, 2, 3):
        stage.nodes[number].tick()
    assert stage.state.phase is Phase.SHARING
    assert stage.address(0) not in {event["node"] for event in stage.events("MissingReported")}
    state = stage.finished(without={4})
    assert state.latest_result == stage.expected(0, 1, 2, 3)[-1].hash


def test_a_node_that_is_there_puts_back_what_was_lost(make_stage):
    stage = shared(make_stage)
    lose(stage, 3)
    stage.restart(3)
    state = stage.finished()
    assert state.latest_result == stage.expected()[-1].hash
    assert not stage.events("MissingReported")


def test_who_cannot_get_what_it_has_stored_itself_reports_nobody(make_stage):
    stage = shared(make_stage)
    for number in range(2):
        shutil.rmtree(stage.folder / f"storage{number}", ignore_errors=True)
        (stage.folder / f"storage{number}").write_text("no folder")
    stage.last_third()
    for node in stage.nodes:
        node.tick()
    assert not stage.events("MissingReported")
    assert stage.said(0, "storage")


def test_what_one_node_has_and_others_miss_is_put_where_they_look(make_stage):
    stage = shared(make_stage, locations=2)
    content = stage.attempt.shared[stage.address(3)].content
    lose(stage, 3)
    stage.last_third()
    stage.nodes[0].tick()
    assert [event["account"] for event in stage.events("MissingReported")] == [stage.address(3)]
    kept = stage.folder / "storage0" / f"{content.hex()}.kept"
    kept.rename(kept.with_suffix(".bin"))
    stage.nodes[1].tick()
    assert len(stage.stored(content)) == 2
    state = stage.finished(without={3})
    assert state.latest_result == stage.expected()[-1].hash


def test_who_had_what_a_quorum_calls_missing_leaves_for_nothing(make_stage):
    """A quorum that lies could learn the sum with a node and the one without it, if the others shared again."""
    stage = shared(make_stage, penalty=ETH // 10)
    stage.nodes[0].tick()  # has everything, and confirms
    for number in (1, 2, 3):
        if number != 3:
            stage.nodes[number].view.hfl.report_missing(stage.task, stage.address(3))
    stage.nodes[3].view.hfl.report_missing(stage.task, stage.address(3))
    assert stage.state.phase is Phase.SHARING
    stage.nodes[0].tick()
    assert "this node had what it shared" in stage.said(0, "objection")[-1].text
    left = stage.events("NodeLeft")
    assert [event["node"] for event in left] == [stage.address(3), stage.address(0)]
    assert [event["node"] for event in stage.events("Penalised")] == [stage.address(3)]
    stage.audited()


def test_who_cannot_store_anything_commits_to_nothing(make_stage, monkeypatch):
    stage = make_stage(nodes=3, maximum_rounds=1).begin()
    plain = Storage.put

    def full(self, location, content):
        raise PeerError(f"storage location {location} cannot be used: OSError", kind="storage-unreachable")

    monkeypatch.setattr(Storage, "put", full)
    stage.nodes[0].tick()
    assert "nothing could be stored" in stage.said(0, "storage")[0].text
    assert stage.state.updates == 0
    monkeypatch.setattr(Storage, "put", plain)
    stage.nodes[0].tick()
    assert stage.state.updates == 1


def test_a_result_that_the_storage_has_lost_is_in_the_stores_of_those_who_computed_it(make_stage):
    stage = make_stage(nodes=3).begin()
    stage.until(Phase.COLLECTING, when=lambda state: state.round == 1)
    for path in stage.stored(stage.state.latest_result):
        path.unlink()
    stage.restart(0)
    assert stage.finished().latest_result == stage.expected()[-1].hash


def test_a_node_without_the_result_waits_for_it(make_stage):
    stage = make_stage(nodes=3).begin()
    for path in stage.stored(stage.spec.initial):
        path.rename(path.with_suffix(".kept"))
    stage.nodes[0].tick()
    assert "waits for the result that it trains from" in stage.said(0, "storage")[0].text
    kept = stage.folder / "storage0" / f"{stage.spec.initial.hex()}.kept"
    kept.rename(kept.with_suffix(".bin"))
    stage.nodes[0].tick()
    assert stage.said(0, "committed")
