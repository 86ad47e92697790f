"""One node for the whole session; every test starts from the state its fixtures left and is undone after."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from twopm_zk.chain import Chain, DevelopmentNode
from twopm_zk.errors import TransactionError

TESTS = Path(__file__).parents[1]
VECTORS = TESTS / "vectors"
FOLDERS = {TESTS / "chain", TESTS / "verifier"}


def pytest_collection_modifyitems(items):
    for item in items:
        if {"node", "chain", "deployed"} & set(getattr(item, "fixturenames", ())) or FOLDERS & set(item.path.parents):
            item.add_marker(pytest.mark.chain)


@pytest.fixture(scope="session")
def node():
    with DevelopmentNode() as running:
        yield running


@pytest.fixture(scope="session")
def chain(node):
    """Signs as the first account, which owns what the fixtures deploy."""
    made = Chain(node.url, private_key=node.private_keys[0])
    offered = {"maxPriorityFeePerGas": 10**9, "maxFeePerGas": 10**11}
    made.fees = lambda: offered  # asked for with every transaction, by whoever signs over this connection
    return made


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


class GasSnapshots:
    """Gas of named transactions, compared with tests/verifier/gas/<file>.json; UPDATE_GAS=1 writes them anew.

    ``marked`` contracts (solidity_coverage.py) take more gas: nothing is compared then.

    A few hundred gas depend on how many zero bytes addresses and proofs happen to have.
    """

    tolerance = 600

    def __init__(self, folder, file, *, marked=False):
        self.path = folder / f"{file}.json"
        self.marked = marked
        self.known = json.loads(self.path.read_text()) if self.path.is_file() else {}
        self.seen = {}

    def check(self, name, receipt, *, at_most=None, tolerance=None):
        used = receipt.gas_used
        if self.marked:
            return
        self.seen[name] = used
        if at_most is not None:
            assert used <= at_most, f"{name} takes {used} gas, the target is {at_most}"
        if not os.environ.get("UPDATE_GAS"):
            assert name in self.known, f"{name} takes {used} gas; run with UPDATE_GAS=1 to record it"
            assert abs(used - self.known[name]) <= (tolerance or self.tolerance), (
                f"{name} takes {used} gas, {self.known[name]} in {self.path.name}: "
                "if that is meant, run with UPDATE_GAS=1"
            )

    def save(self):
        if os.environ.get("UPDATE_GAS") and self.seen:
            self.path.parent.mkdir(exist_ok=True)
            self.path.write_text(json.dumps(dict(sorted({**self.known, **self.seen}.items())), indent=2) + "\n")


@pytest.fixture(scope="module")
def gas(request):
    """Snapshots in the file of the test module: test_staking.py has tests/verifier/gas/staking.json."""
    file = request.path.stem.removeprefix("test_")
    marked = request.config.getoption("--solidity-coverage") is not None
    snapshots = GasSnapshots(TESTS / "verifier" / "gas", file, marked=marked)
    yield snapshots
    snapshots.save()


@pytest.fixture(scope="session")
def keys(node):
    """Private keys of accounts that own nothing."""
    names = ("ada", "ben", "cleo", "dan", "eve")
    return SimpleNamespace(**dict(zip(names, node.private_keys[1:6], strict=True)))


def refused(error, **values):
    """Expect a revert with a custom error, and its values where given."""
    return _Refused(error, values)


class _Refused:
    def __init__(self, error, values):
        self.error, self.values = error, values

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        assert isinstance(value, TransactionError), f"expected {self.error}, not {value!r}"
        assert value.error == self.error, value
        for name, expected in self.values.items():
            assert value.values[name] == expected, value
        return True


@pytest.fixture(name="refused", scope="session")
def refused_fixture():
    return refused
