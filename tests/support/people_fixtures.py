"""One node for the whole session, with everything deployed; every test that uses it is undone after."""

import pytest
from support.forks import ForkServer
from support.people_world import Party, World

from twopm_zk.chain import DevelopmentNode


@pytest.fixture(scope="session")
def forks(tmp_path_factory):
    """Processes that need not import what they run."""
    server = ForkServer(tmp_path_factory.mktemp("forks"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def deployed():
    with DevelopmentNode() as running:
        yield World(running)


@pytest.fixture
def world(deployed):
    snapshot = deployed.node.snapshot()
    yield deployed
    deployed.node.revert(snapshot)
    deployed.chain.forget_nonces()


@pytest.fixture
def party(world, tmp_path):
    return Party(world, tmp_path)
