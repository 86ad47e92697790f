"""Events that were read before are not read again, and a chain that replaced its blocks is believed at once."""

import time
from dataclasses import replace

import pytest
from support.people_stage import Stage

from twopm_zk.chain import tasks
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes, task_config, training_config
from twopm_zk.errors import DeploymentError, UnsettledError
from twopm_zk.participants.rounds.view import looking_again
from twopm_zk.participants.task_view import dataset_of


@pytest.fixture
def asked(monkeypatch):
    """The ranges of blocks that were asked for."""
    ranges, plain = [], Contract.events

    def events(self, name, *, from_block=0, to_block=None, **indexed):
        ranges.extend([(from_block, to_block)] if name != "DataWithdrawn" else [])
        return plain(self, name, from_block=from_block, to_block=to_block, **indexed)

    monkeypatch.setattr(Contract, "events", events)
    return ranges


def registered(view, spec, *commitments):
    hub = view.data_hub
    if not hub.is_open(dataset_of(spec)):
        hub.open(spec.data_terms)
    for commitment in commitments:
        hub.register(dataset_of(spec), commitment, [commitment])


def seen(view, spec):
    return view.registrations(dataset_of(spec), before=view.block() + 1).get(view.address, [])


def test_only_new_blocks_are_read_again(party, asked):
    view = party.world.view(2)
    registered(view, party.spec, 11, 12)
    assert seen(view, party.spec) == [11, 12]
    first = view.block()
    registered(view, party.spec, 13)
    assert seen(view, party.spec) == [11, 12, 13]
    assert seen(view, party.spec) == [11, 12, 13]
    assert asked == [(view.deployment.block, first), (first, first + 1), (first + 1, first + 1)]


def test_a_task_is_read_once_while_no_block_comes(party, monkeypatch):
    """After a moment: a development node that is mining may still answer from the block before."""
    view = party.coordinator_view
    view.hlr.create_task(task_config(party.spec, stakes=Stakes()), training_config(party.spec, view.network))
    view, calls, plain = party.world.view(2), [], Contract.encode
    monkeypatch.setattr(tasks, "_WEIGHTS", {})  # no test before this one has seen these
    monkeypatch.setattr(Contract, "encode", lambda self, *words: calls.append(words) or plain(self, *words))
    moment = time.monotonic()
    monkeypatch.setattr("time.monotonic", lambda: moment)
    first = view.state(1)
    view.state(1)
    assert [name for name, _ in calls] == ["taskOf", "trainingOf", "setDigestOf", "weightsOf"] * 2
    moment += 1
    view.state(1)
    assert len(calls) == 12
    now = time.time() + 100
    monkeypatch.setattr("time.time", lambda: now)
    assert view.state(1) == replace(first, time=int(now))  # the clock goes on
    assert len(calls) == 12
    party.coordinator_view.hlr.open_round(1)
    assert (view.state(1).phase, len(calls)) == (Phase.COLLECTING, 17)  # one of them is openRound
    assert view.state(1).weights == first.weights
    # weights are known by their commitment
    assert [name for name, *_ in calls[17:]] == ["taskOf", "trainingOf", "setDigestOf"]


def test_weights_that_are_known_by_their_commitment_are_compared_with_it_all_the_same(party, monkeypatch):
    view = party.coordinator_view
    view.hlr.create_task(task_config(party.spec, stakes=Stakes()), training_config(party.spec, view.network))
    view.hlr.open_round(1)
    state = view.state(1)
    monkeypatch.setitem(tasks._WEIGHTS, state.model_commitment, (1, *state.weights[1:]))
    with pytest.raises(DeploymentError, match="another model commitment"):
        party.world.view(2).state(1)


def test_an_earlier_block_is_asked_for_by_itself(party):
    view = party.world.view(2)
    registered(view, party.spec, 11, 12, 13)
    assert seen(view, party.spec) == [11, 12, 13]
    before = view.block()
    assert view.registrations(dataset_of(party.spec), before=before)[view.address] == [11, 12]
    assert seen(view, party.spec) == [11, 12, 13]


def test_blocks_that_were_replaced_are_read_again(party):
    view, node = party.world.view(2), party.world.node
    snapshot = node.snapshot()
    registered(view, party.spec, 11, 12, 13)
    assert seen(view, party.spec) == [11, 12, 13]
    node.revert(snapshot)
    view.chain.forget_nonces()
    registered(view, party.spec, 21, 22, 23, 24)
    assert seen(view, party.spec) == [21, 22, 23, 24]


def test_looking_for_tasks_again_reads_new_blocks_only(party, asked):
    """A node looks every other second, on a chain of millions of blocks."""
    view = party.world.view(2)
    for _ in range(3):
        assert view.tasks_of(party.spec.spec_hash, coordinator=view.address) == []
    first, *others = asked
    assert first == (view.deployment.block, view.block())
    assert set(others) == {(view.block(), view.block())}


@pytest.mark.slow
def test_what_a_coordinator_reads_at_each_look_does_not_grow_with_the_nodes(party, monkeypatch):
    stage = Stage(party).begin()
    stage.tick(*stage.nodes[:2], stage.coordinator)
    calls, plain = [], Contract.call

    def call(self, function, *arguments, **options):
        calls.append(function)
        return plain(self, function, *arguments, **options)

    monkeypatch.setattr(Contract, "call", call)
    stage.tick(stage.coordinator)
    stage.close()
    assert len(calls) == len(set(calls)) <= 4
    assert set(calls) <= {"setDigestOf", "taskOf", "trainingOf", "weightsOf"}


@pytest.mark.parametrize("failures", [1, 11, 12])
def test_whoever_looks_once_looks_again_for_a_few_seconds(failures, monkeypatch):
    slept, left = [], [failures]
    monkeypatch.setattr("time.sleep", slept.append)

    def look():
        if left[0]:
            left[0] -= 1
            raise UnsettledError("round 1: the endpoint shows other events; looking again")
        return "whole"

    if failures < 12:
        assert looking_again(look) == "whole"
    else:
        with pytest.raises(UnsettledError) as caught:
            looking_again(look)
        assert caught.value.message == "round 1: the endpoint shows other events"
        assert "Try again in a moment" in caught.value.hint
    assert 0 < sum(slept) < 5
