"""Which blocks are the chain's, asked as seldom as can be: a block names its parent, and what was known stays known.

A chain that replaces blocks (a reorganisation) is noticed at the next look: everything that was known is asked again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from twopm_zk.chain.connection import RpcConnection
from twopm_zk.chain.rpc.answers import BlockHeader

_KEPT = 1024


class BlockHashes:
    """The chain's newest block, and hashes of those before it that are known to lead to it."""

    def __init__(self, chain: RpcConnection) -> None:
        self._chain = chain
        self._hashes: dict[int, bytes] = {}
        self.newest = -1
        self.since = 0.0
        """When the newest block was first seen, by this process's clock."""

    def look(self) -> BlockHeader:
        """Ask for the newest block."""
        block = self._chain.header("latest")
        number, found = block.number, block.hash
        if self._hashes.get(number) == found and number == self.newest:
            return block
        before = {number - 1: block.parent}
        if self.newest < number and self._hash_of(self.newest, before) == self._hashes.get(self.newest):
            before = self._hashes | before  # the chain has grown, and nothing of it was replaced
        self._hashes = dict(sorted((before | {number: found}).items())[-_KEPT:])
        self.newest, self.since = number, time.monotonic()
        return block

    def hash(self, block: int) -> bytes:
        """The hash of a block, which is in the chain of the newest one where it is not newer."""
        if block > self.newest:
            return self._hash_of(block, {})
        if block not in self._hashes:
            self._hashes[block] = self._hash_of(block, {})
        return self._hashes[block]

    def _hash_of(self, block: int, known: Mapping[int, bytes]) -> bytes:
        if block < 0:
            return b""
        return known.get(block) or self._chain.header(block).hash
