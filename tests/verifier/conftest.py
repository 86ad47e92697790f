"""One network for the tests of rounds; each test starts from the state in which it was made."""

import pytest
from support.conversing import finished_task
from support.market import certified_task
from support.quick_chain import QuickChain
from support.rounds_world import World


@pytest.fixture(scope="session")
def chain(node):
    """Signs as the first account, which owns what the fixtures deploy."""
    return QuickChain(node.url, private_key=node.private_keys[0])


@pytest.fixture(scope="session")
def world(chain, node, keys):
    return World(chain, node, keys)


@pytest.fixture
def people(world):
    """With the keys that they have on the chain again when a test is undone."""
    before = {person: person.lasting for person in vars(world.people).values()}
    yield world.people
    for person, key in before.items():
        person.lasting = key


@pytest.fixture(scope="module")
def certified(world):
    """A certified task, for all tests of a module."""
    snapshot = world.node.snapshot()
    yield certified_task(world)
    world.node.revert(snapshot)
    world.chain.forget_nonces()


@pytest.fixture(scope="module")
def federated(world):
    """A finished task of the other contract, for all tests of a module."""
    snapshot = world.node.snapshot()
    yield finished_task(world)
    world.node.revert(snapshot)
    world.chain.forget_nonces()
