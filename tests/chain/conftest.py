"""One node for the whole session; every test starts from the state its fixtures left and is undone after."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from twopm_zk.chain import Chain, DevelopmentNode

VECTORS = Path(__file__).parents[1] / "vectors"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.chain)


@pytest.fixture(scope="session")
def node():
    with DevelopmentNode() as running:
        yield running


@pytest.fixture(scope="session")
def chain(node):
    """Signs as the first account, which owns what the fixtures deploy."""
    return Chain(node.url, private_key=node.private_keys[0])


@pytest.fixture(autouse=True)
def undo(request):
    if "node" not in request.fixturenames and "chain" not in request.fixturenames:
        yield
        return
    node, chain = request.getfixturevalue("node"), request.getfixturevalue("chain")
    snapshot = node.snapshot()
    yield
    node.revert(snapshot)
    chain.forget_nonces()


def load_vector(name):
    saved = json.loads((VECTORS / f"{name}.json").read_text())
    return SimpleNamespace(
        solidity=(VECTORS / f"{name.removesuffix('_aliased')}.sol").read_text(),
        proof=[int(value) for value in saved["proof"]],
        public=[int(value) for value in saved["publicInputs"]],
    )


@pytest.fixture(scope="session")
def three():
    """A proof with three public inputs and its generated verifier."""
    return load_vector("plonk_three")


@pytest.fixture(scope="session")
def aliased():
    """A proof for the same contract, made for a public input of c + FIELD_ORDER."""
    return load_vector("plonk_three_aliased")


@pytest.fixture(scope="session")
def two():
    """The same with two public inputs."""
    return load_vector("plonk_two")
