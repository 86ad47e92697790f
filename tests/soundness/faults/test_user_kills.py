"""kill -9 of a user before, halfway through and after every write: it asks once, pays once, and hears the answer."""

import pytest
from soundness.faults.mortal import Mortal
from support.asking_user import ROWS
from support.deaths import MOMENTS, read_journal
from support.people_world import DoubleProver, Running

from twopm_zk.chain.networks import NetworkTerms
from twopm_zk.participants.service import ServiceSettings
from twopm_zk.prediction.operator import Operator
from twopm_zk.prediction.store import OperatorStore

pytestmark = [pytest.mark.slow, pytest.mark.full]

ETH, FEE = 10**18, 1000
PART = "faults: participants killed at every write"
OPERATOR, USER = 6, 7


@pytest.fixture
def market(near):
    """A network that takes fees, with an operator and a user who have a stake; ``market(token)`` is its contract."""
    with Running(near.coordinator(), *(near.node(number) for number in range(3))) as running:
        running.wait(200)
    world = near.world

    def made(token):
        for number in (OPERATOR, USER):
            world.view(number).network.contract("RETHDouble").transact("deposit", value=4 * ETH)
            world.view(number).staking.stake(2, 2 * ETH)
        networks = world.view(1).networks
        number = networks.register(1, bytes(32), NetworkTerms(fee=FEE), token=token)
        networks.enrol(number, [world.view(2 + number).address for number in range(3)])
        return world.view(USER)

    return made


def play(near, forks, operator, *, most=20, **options):
    """The user who dies at every write, until it has heard; its operator answers between its looks."""
    known = {"operator": operator.view.address, "fee": FEE, **options}
    mortal = Mortal.of_party(near, forks, role="user", name="user", account=USER, **known)
    try:
        for _ in range(most):
            operator.tick()
            mortal.look("asking")
            if mortal.finished:
                break
        return mortal
    finally:
        mortal.close()


@pytest.fixture
def operator(near, tmp_path_factory):
    with OperatorStore(tmp_path_factory.mktemp("operator") / "operator.db") as store:
        settings = ServiceSettings(poll=0.05)
        yield lambda: Operator(near.world.view(OPERATOR), near.spec, store, 1, prover=DoubleProver(), settings=settings)


@pytest.mark.parametrize("token", [False, True], ids=["in ETH", "in the token"])
def test_a_user_who_is_killed_at_every_write_asks_once_pays_once_and_hears(near, market, operator, forks, tally, token):
    view = market(token)
    with operator() as running:
        mortal = play(near, forks, running)
    assert losses(view, mortal, token) == []
    assert {moment for _, _, _, moment in mortal.deaths} == set(MOMENTS)
    tally.faults(PART, tried=len(mortal.deaths), survived=len(mortal.deaths))


def test_a_user_that_forgets_what_it_has_asked_is_noticed(near, market, operator, forks, tally):
    view = market(False)
    with operator() as running:
        mortal = play(near, forks, running, most=3, moments=("after",), planted="forgets its question")
    assert losses(view, mortal, False)
    tally.mutants("faults: bugs planted", tried=1, killed=1)


def losses(view, mortal, token):
    """What is not as it has to be once the user has heard, in words."""
    inference, found = view.inference, []
    asked = inference.contract.events("Asked")
    if len(asked) != len(ROWS):
        found.append(f"{len(asked)} requests for {len(ROWS)} rows")
    answers = {event["id"]: event["prediction"] for event in inference.contract.events("Answered")}
    heard = read_journal(mortal.path, "heard")
    if [dict(one) for one in heard] != len(heard) * [answers] or not heard:
        found.append("other answers were heard, or none")
    held = view.network.contract("RETHDouble").call("balanceOf", inference.address)
    paid = held if token else view.chain.balance(inference.address)
    if paid != len(ROWS) * FEE:
        found.append(f"{paid} units were paid")
    if len(mortal.sent("ask")) != 1:
        found.append("different questions were sent")
    return found + [f"written unseen: {name}" for name in mortal.unseen]
