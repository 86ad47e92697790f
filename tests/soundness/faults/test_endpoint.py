"""RPC that loses requests and answers, is late, repeats itself and others, and forgets blocks."""

import time
from types import SimpleNamespace

import pytest
from soundness.faults.endpoint import READS, SECONDS, SENDS, FaultyEndpoint
from soundness.faults.played import WHO

from twopm_zk.chain import Chain, connection
from twopm_zk.chain.network import Network
from twopm_zk.chain.rpc import endpoint as rpc_endpoint
from twopm_zk.errors import TwopmError
from twopm_zk.participants.task_view import ChainView

pytestmark = pytest.mark.slow

PART = "faults: RPC that loses, repeats, delays and swaps answers"
REORGANISED = "faults: blocks that are replaced under a transaction"


@pytest.fixture
def hasty(monkeypatch):
    """Participants that wait for nothing longer than they have to here."""
    quick = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: time.sleep(min(seconds, 0.01)))
    monkeypatch.setattr(connection, "time", quick)
    monkeypatch.setattr(rpc_endpoint, "REQUEST_SECONDS", SECONDS)


@pytest.fixture
def behind(near, hasty):
    """``behind(who, **options)``: the endpoint of one participant."""
    entered, views = [], near.world._views

    def make(who, **options):
        account = 1 if who == "coordinator" else 2 + who
        endpoint = FaultyEndpoint(near.world.node, **options).__enter__()
        entered.append(endpoint)
        chain = Chain(endpoint.url, private_key=near.world.node.private_keys[account], timeout=1.0)
        chain.web3.provider._sleep = lambda seconds: None
        view = ChainView(Network(chain, near.world.deployment))
        key = (account, id(near.world.deployment))
        before[key] = views.get(key)
        views[key] = view
        if who == "coordinator":
            near.coordinator_view = view
        return endpoint

    before = {}
    yield make
    for endpoint in entered:
        endpoint.__exit__()
    for key, view in before.items():
        if view is None:
            del views[key]
        else:
            views[key] = view


@pytest.mark.parametrize("who", WHO)
def test_whatever_an_endpoint_does_once_with_each_request_the_end_is_the_same(behind, play, tally, amount, who):
    endpoint = behind(who, sends=READS, one_way=amount(True, False))
    played = play(who)

    def look():
        endpoint.where = played.where
        # where an answer to another question is believed, the participant may stop, with an error of its kind
        played.looks(stops=TwopmError)

    played.run(look)
    assert played.losses() == []
    tally.faults(PART, tried=len(endpoint.tried), survived=len(endpoint.tried))


@pytest.mark.full
@pytest.mark.parametrize("who", [0, "coordinator"])
def test_a_transaction_whose_block_is_replaced_is_sent_again_and_counts_once(behind, play, tally, who):
    endpoint = behind(who, reads=(), sends=SENDS[-1:])
    played = play(who)

    def look():
        endpoint.where = played.where
        played.looks()

    played.run(look)
    assert played.losses() == []
    tally.faults(REORGANISED, tried=len(endpoint.tried), survived=len(endpoint.tried))
