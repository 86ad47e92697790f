"""Restaked operators, on EigenLayer's own bytecode: what stands behind them, and that nobody gets it away in time."""

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from support.conversing import CREDITS as VOTERS
from support.conversing import LIE, MODEL, WRONG, Conversing
from support.market import DAY, LATE, Market
from support.restaking import RETH, SET, UNIT, EigenWorld
from support.rounds_world import ETH, ZERO

from twopm_zk.chain import Chain, compile_contract
from twopm_zk.chain.development.eigenlayer import published

pytestmark = pytest.mark.skipif(published() is None, reason="EigenLayer's contracts are not installed (PyPI eigensdk)")

PENALTY = ETH // 10
STAKE = ETH // 2
HELD = 14 * DAY
WEI = 10**6
"""What roundings may cost."""


@pytest.fixture(scope="module")
def module_eigen(world, certified):
    """``dan`` is restaked with what ``cleo`` has delegated; all of it is allocated."""
    return EigenWorld(world).restaked(world.people.dan, world.people.cleo)


@pytest.fixture
def eigen(module_eigen):
    return module_eigen


@pytest.fixture
def market(world, certified, eigen):
    return Market(world, certified, fee=10**15)


def near(value):
    return pytest.approx(value, abs=WEI, rel=1e-9)


def slashed_late(market, node, request):
    node.advance(DAY + 1)
    return market.act(market.people.ben, "slashLate", request).event("OperatorLate")["slashed"]


def test_what_is_allocated_stands_behind_an_operator_of_the_set(eigen, people, world):
    assert world.stakes.call("isRestaked", people.dan.address)
    assert eigen.stake(people.dan) == near(4 * ETH * 9_995 // 10_000)
    assert eigen.reach(people.dan) == near(eigen.stake(people.dan))
    assert not world.stakes.call("isRestaked", people.ben.address)
    assert eigen.stake(people.ben) == near(people.ben.staked)


def test_an_operator_that_is_late_is_slashed_at_eigenlayer(market, eigen, people, node, gas):
    before, own = eigen.stake(people.dan), people.dan.staked
    (request,) = market.asked()
    gas.check("accept, restaked", market.accept(request), tolerance=2_000)
    node.advance(DAY + 1)
    receipt = market.act(people.ben, "slashLate", request)
    gas.check("slashLate, restaked", receipt, at_most=1_000_000, tolerance=5_000)
    assert receipt.event("OperatorLate")["slashed"] == near(PENALTY)
    assert receipt.event("OperatorSlashed")["restaked"] == near(PENALTY)
    assert before - eigen.stake(people.dan) == near(PENALTY)
    assert people.dan.staked == own
    assert eigen.burnable() > 0
    assert market.state(request) == LATE
    assert market.owed(people.eve) == market.fee
