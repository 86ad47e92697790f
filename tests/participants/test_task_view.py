"""Events that were read before are not read again, and a chain that replaced its blocks is believed at once."""

import time
from dataclasses import replace
from types import SimpleNamespace

import pytest

from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import task_config, training_config
from twopm_zk.participants.task_view import ChainView, dataset_of


@pytest.fixture
def asked(monkeypatch):
    ranges, plain = [], Contract.events

    def events(self, name, *, from_block=0, to_block=None, **indexed):
        ranges.append((from_block, to_block))
        return plain(self, name, from_block=from_block, to_block=to_block, **indexed)

    monkeypatch.setattr(Contract, "events", events)
    return ranges


def registered(view, spec, *commitments):
    hub = view.data_hub
    for commitment in commitments:
        hub.register(dataset_of(spec), commitment, [commitment])


def seen(view, spec):
    return view.registrations(dataset_of(spec), before=view.block() + 1).get(view.address, [])


def test_participation_is_of_each_rounds_last_attempt():
    handed_in = [
        *((0, 0, node) for node in ("0xA", "0xB", "0xC", "0xA")),
        *((1, 0, node) for node in ("0xA", "0xB", "0xC", "0xD")),  # somebody opened nothing: the round starts again
        *((1, 1, node) for node in ("0xC", "0xB", "0xA")),
        *((2, 0, node) for node in ("0xB", "0xD")),
    ]
    events = [{"round": number, "attempt": attempt, "node": node} for number, attempt, node in handed_in]
    contract = SimpleNamespace(events=lambda name, **_: events)
    view = SimpleNamespace(hlr=SimpleNamespace(contract=contract), deployment=SimpleNamespace(block=1))
    expected = {0: ("0xA", "0xB", "0xC"), 1: ("0xA", "0xB", "0xC"), 2: ("0xB", "0xD")}
    for attempt, found in ((0, expected), (1, {0: expected[0], 1: expected[1]})):  # a new attempt has nobody yet
        state = SimpleNamespace(id=1, block=9, round=2, attempt=attempt)
        assert ChainView.participation(view, state) == found


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
    party.coordinator_view.hlr.create_task(
        task_config(party.spec), training_config(party.spec, party.coordinator_view.network, matrix_hash=1)
    )
    view, calls, plain = party.world.view(2), [], Contract.call
    monkeypatch.setattr(
        Contract, "call", lambda self, *words, **named: calls.append(words) or plain(self, *words, **named)
    )
    first = view.state(1)
    view.state(1)
    assert len(calls) == 6
    moment = time.monotonic() + 1
    monkeypatch.setattr("time.monotonic", lambda: moment)
    view.state(1)
    assert len(calls) == 9
    now = time.time() + 100
    monkeypatch.setattr("time.time", lambda: now)
    assert view.state(1) == replace(first, time=int(now))  # the clock goes on
    assert len(calls) == 9
    party.coordinator_view.hlr.open_round(1)
    assert (view.state(1).phase, len(calls)) == (Phase.COLLECTING, 12)


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
