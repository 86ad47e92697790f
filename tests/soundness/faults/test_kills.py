"""kill -9 of every participant before, halfway through and after every write: to its state, to a file, to the chain."""

import pytest
from soundness.faults.ensemble import WHO, Ensemble
from soundness.faults.mortal import Mortal
from soundness.faults.outcome import losses
from support.deaths import MOMENTS
from support.people_world import Running

from twopm_zk.chain.networks import NetworkTerms
from twopm_zk.participants.envelope import Header, seal
from twopm_zk.prediction.client import PredictionClient
from twopm_zk.prediction.requests import RequestState
from twopm_zk.prediction.store import UserStore

pytestmark = pytest.mark.slow

ETH = 10**18
PART = "faults: participants killed at every write"


class Cast(Ensemble):
    """A coordinator and three nodes, all or some of them mortal."""

    def __init__(self, party, forks, *, mortal, everywhere, **options):
        super().__init__(party.world.view(8), party.news, everywhere=everywhere)
        for number in range(3):
            if number in mortal:
                known = {"name": f"node{number}", "part": number, "account": 2 + number}
                self.mortals.append(Mortal.of_party(party, forks, role="node", **known, **options))
            else:
                self.others.append(party.node(number))
        if "coordinator" in mortal:
            known = {"name": "coordinator", "account": 1}
            self.mortals.append(Mortal.of_party(party, forks, role="coordinator", **known, **options))
        else:
            self.others.append(party.coordinator())

    def close(self):
        super().close()
        for other in self.others:
            other.store.close()


@pytest.fixture
def cast(near, forks):
    made = []

    def make(**options):
        made.append(Cast(near, forks, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("who", WHO)
def test_who_is_killed_at_every_write_ends_at_the_same_result(cast, party, who, tally, amount):
    played = cast(mortal=who, everywhere=amount(False, True), moments=amount(("halfway",), MOMENTS))
    played.run()
    died, rounds = 0, played.reader.state(1).round + 1
    for mortal in played.mortals:
        died += len(mortal.deaths)
        assert mortal.unseen == []
        assert len(mortal.proven()) <= rounds  # of each round one statement, however often it is proven
        assert len(mortal.sent("share")) in (0, rounds)
        assert len(mortal.sent("createTask")) <= 1
    assert losses(party) == []
    tally.faults(PART, tried=died, survived=died)


ROW = {"GPA": 3.4, "TUCE": 25.0, "PSI": 1.0}
OPERATOR, USER = 6, 7


@pytest.mark.full
def test_an_operator_that_is_killed_at_every_write_answers_once_and_is_paid_once(near, forks, tmp_path, tally):
    with Running(near.coordinator(), *(near.node(number) for number in range(3))) as running:
        running.wait(200)
    world = near.world
    views = {number: world.view(number) for number in (OPERATOR, USER)}
    for view in views.values():
        view.network.contract("RETHDouble").transact("deposit", value=4 * ETH)
        view.staking.stake(2, 2 * ETH)
    networks = world.view(1).networks
    networks.enrol(
        networks.register(1, bytes(32), NetworkTerms(fee=1000)), [world.view(2 + number).address for number in range(3)]
    )
    mortal = Mortal.of_party(near, forks, role="operator", name="operator", account=OPERATOR, network=1)
    inference = views[USER].inference
    try:
        while not inference.offer_of(1, views[OPERATOR].address):
            mortal.look("before it is asked")
        with UserStore(tmp_path / "user.db") as store:
            client = PredictionClient(views[USER], near.spec, store)
            (request,) = client.ask(1, views[OPERATOR].address, [ROW], maximum_fee=1000)
            (sent,) = store.pending(inference.address)
        for _ in range(20):
            if inference.request(request)["state"] == RequestState.ANSWERED:
                break
            mortal.look("asked", envelope=sealed_input(views[USER], views[OPERATOR].address, request, sent))
        died = len(mortal.deaths)
        assert mortal.unseen == []
        for event in ("Accepted", "Answered"):
            assert len(inference.contract.events(event, from_block=world.deployment.block)) == 1
        assert len(mortal.proven()) == 1
        assert len(mortal.sent("answer")) == 1
    finally:
        mortal.close()
    tally.faults(PART, tried=died, survived=died)


def sealed_input(view, operator, request, sent):
    """What a user sends until the operator has signed for it."""
    member = view.member(operator)
    header = Header(
        kind=sent.content.kind,
        chain_id=view.chain.chain_id,
        contract=view.inference.address,
        task=request,
        sender=view.address,
        recipient=member.address,
        subject=sent.commitment,
    )
    return seal(header, sent.content.encode(), member.public_key, view.chain.account).encode().decode()


PLANTED = {"keeps no key": (0,), "keeps no opening": (0,), "forgets its task": ("coordinator",)}
"""Bugs of `victim.PLANTED`, and who has them."""


@pytest.mark.full
@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_that_is_planted_is_noticed(cast, party, tally, bug):
    played = cast(mortal=PLANTED[bug], everywhere=False, planted=bug)
    try:
        played.run(most=12)
        found = losses(party)
    except AssertionError as error:
        found = [str(error)]
    assert found
    tally.mutants("faults: bugs planted", tried=1, killed=1)
