"""Hashes of blocks are asked for seldom, and never believed after the chain has replaced blocks."""

import pytest

from twopm_zk.chain.rpc.answers import BlockHeader
from twopm_zk.chain.rpc.block_hashes import BlockHashes


class ReplacedChain:
    """Blocks that can be replaced; counts what is asked."""

    def __init__(self, length):
        self.hashes = [b"a%d" % number for number in range(length)]
        self.asked = []

    def header(self, which):
        self.asked.append(which)
        number = len(self.hashes) - 1 if which == "latest" else which
        parent = self.hashes[number - 1] if number else bytes(32)
        return BlockHeader(number, self.hashes[number], parent, time=0, base_fee=None)

    def replace(self, first, length):
        self.hashes[first:] = [b"b%d" % number for number in range(first, length)]


def seen(length=10):
    chain = ReplacedChain(length)
    blocks = BlockHashes(chain)
    assert blocks.look().hash == chain.hashes[-1]
    assert [blocks.hash(number) for number in range(length)] == chain.hashes
    chain.asked.clear()
    return chain, blocks


def test_what_is_known_is_not_asked_again_while_the_chain_grows_block_by_block():
    chain, blocks = seen()
    for number in range(10, 14):
        chain.hashes.append(b"a%d" % number)
        assert blocks.look().hash == b"a%d" % number
        assert [blocks.hash(one) for one in range(number + 1)] == chain.hashes
    assert chain.asked == ["latest"] * 4


def test_after_a_gap_only_the_block_that_was_newest_is_asked_for():
    chain, blocks = seen()
    chain.hashes += [b"a10", b"a11", b"a12"]
    blocks.look()
    assert blocks.hash(3) == b"a3"
    assert chain.asked == ["latest", 9]


@pytest.mark.parametrize("length", [6, 9, 10, 11, 14])
@pytest.mark.parametrize("first", [0, 5, 9])
def test_replaced_blocks_are_noticed_whether_the_chain_is_shorter_as_long_or_longer(first, length):
    if length <= first:
        first = length - 1
    chain, blocks = seen()
    chain.replace(first, length)
    assert blocks.look().hash == chain.hashes[-1]
    assert [blocks.hash(number) for number in range(length)] == chain.hashes


def test_a_block_that_is_newer_than_the_last_look_is_not_kept():
    chain, blocks = seen()
    chain.hashes += [b"a10", b"a11"]
    assert blocks.hash(10) == b"a10"
    chain.replace(10, 15)
    blocks.look()
    assert [blocks.hash(number) for number in range(15)] == chain.hashes


def test_the_time_of_a_look_is_that_at_which_its_block_was_first_seen():
    chain, blocks = seen()
    first = blocks.since
    blocks.look()
    assert blocks.since == first
    chain.hashes.append(b"a10")
    blocks.look()
    assert blocks.since > first
