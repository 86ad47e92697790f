"""One certified network for all tests here, and a gateway before it for those that only ask."""

import httpx
import pytest
from support.gateway_world import NetworkWorld, audit_of_doubles, gateway, proven_world

from twopm_zk.chain import DevelopmentNode


@pytest.fixture(scope="session")
def stage(tmp_path_factory):
    with DevelopmentNode() as node:
        made = NetworkWorld(proven_world(node), tmp_path_factory.mktemp("network"))
        made.offer()
        yield made


@pytest.fixture
def undone(stage):
    """Whatever a test does to the chain is undone after it."""
    snapshot = stage.world.node.snapshot()
    yield
    stage.world.node.revert(snapshot)
    stage.world.chain.forget_nonces()


@pytest.fixture(scope="module")  # not longer: it looks at the chain all the time, which tests elsewhere count
def server(stage, tmp_path_factory):
    with gateway(stage, tmp_path_factory.mktemp("gateway"), audit=audit_of_doubles) as running:
        yield running


@pytest.fixture
def ask(server):
    """``ask("GET", path)``: an answer of that gateway."""
    with httpx.Client(base_url=server.url) as client:
        yield client.request
