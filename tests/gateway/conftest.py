"""One certified network for the module's tests, and a gateway before it for those that only ask."""

import httpx
import pytest
from support.gateway_world import NetworkWorld, audit_of_doubles, gateway


@pytest.fixture(scope="module")
def stage(deployed, tmp_path_factory):
    snapshot = deployed.node.snapshot()
    made = NetworkWorld(deployed, tmp_path_factory.mktemp("network"))
    made.offer()
    yield made
    deployed.node.revert(snapshot)
    deployed.chain.forget_nonces()


@pytest.fixture(scope="module")
def server(stage, tmp_path_factory):
    with gateway(stage, tmp_path_factory.mktemp("gateway"), audit=audit_of_doubles) as running:
        yield running


@pytest.fixture
def ask(server):
    """``ask("GET", path)``: an answer of the module's gateway."""
    with httpx.Client(base_url=server.url) as client:
        yield client.request
