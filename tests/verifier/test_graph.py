"""Who of a set has masks with whom, and the tree of a set: the contract's against the library's."""

import pytest
from eth_utils.crypto import keccak
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twopm_zk.chain import compile_contract
from twopm_zk.sharing import graph, tree

MOST_GAS_OF_A_SEAT, MOST_GAS_BESIDES = 210, 25_000
digests = st.binary(min_size=32, max_size=32)


@pytest.fixture(scope="module")
def double(chain):
    seats = chain.deploy(compile_contract("Seats"))
    return chain.deploy(compile_contract("GraphDouble"), libraries={"Seats": seats.address})


EXAMPLES = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@EXAMPLES
@given(nodes=st.one_of(st.integers(0, 400), st.integers(0, 2**24 - 1)))
def test_the_reach_of_a_set_is_the_librarys(double, nodes):
    assert double.call("reach", nodes) == graph.reach(nodes)


@pytest.mark.parametrize("nodes", [0, 1, 2, 3, 4, 64, 65, 158, 159, 257, 513, 1025, 10_000, 2**20, 2**24 - 1])
def test_the_reach_of_a_set_is_the_librarys_at_its_edges(double, nodes):
    assert double.call("reach", nodes) == graph.reach(nodes)


@EXAMPLES
@given(
    digest=digests,
    nodes=st.integers(2, 2**20),
    one=st.integers(0, 2**24 - 1),
    other=st.integers(0, 2**24 - 1),
    near=st.booleans(),
)
def test_the_graph_is_the_librarys(double, digest, nodes, one, other, near):
    assert double.call("position", digest, one) == graph.position(digest, one)
    if near:  # chance alone hardly ever finds neighbours in large sets
        nodes = min(nodes, 300)
    if one != other:
        found = double.call("areNeighbours", digest, nodes, one, other)
        assert found == graph.are_neighbours(digest, nodes, one, other)


def test_the_tree_is_the_librarys(double):
    leaves, peaks = [], ()
    for number in range(1, 40):
        leaf = keccak(number.to_bytes(4, "big"))
        double.transact("add", [leaf])
        peaks = tree.appended(peaks, len(leaves), leaf)
        leaves.append(leaf)
        assert double.call("root") == "0x" + tree.root_of(peaks).hex()
    for wanted in ([], [0], [38], [3, 4, 5, 31], list(range(39))):
        for first, size in ((0, 39), (16, 16), (32, 7)):
            inside = [seat for seat in wanted if first <= seat < first + size]
            proof = [bytes.fromhex(text[2:]) for text in double.call("proof", first, size, wanted)]
            root = tree.proven_root(first, size, {seat: leaves[seat] for seat in inside}, proof)
            whole = double.call("proof", first, size, [])
            assert whole == ["0x" + root.hex()]
    assert double.call("proof", 0, 39, []) == ["0x" + tree.root_of(peaks).hex()]


@pytest.mark.parametrize("nodes", [159, 1000, 10_000])
def test_counting_all_neighbours_takes_little_for_each_seat(double, nodes, pytestconfig):
    digest = keccak(nodes.to_bytes(4, "big"))
    count, used = double.call("countNeighbours", digest, nodes, 7, gas=16_000_000)
    assert count == len(graph.neighbour_seats(digest, nodes, nodes, 7))
    if pytestconfig.getoption("--solidity-coverage") is None:  # markers take gas
        assert used < MOST_GAS_OF_A_SEAT * nodes + MOST_GAS_BESIDES
