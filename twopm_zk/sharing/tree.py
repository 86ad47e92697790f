"""The tree of a set: what each node said when it was ready, in the order of seats, under one hash.

    node of the tree    keccak256(left, right)
    shape               the largest power of two below the number of leaves is on the left (RFC 6962, section 2.1)

The contract appends to it with one word of storage, and has the leaves one after the other, so that anybody can ask
it for what proves some of them. Nobody has to believe the answer: it leads to the root that is in the set's digest, or
not. The twin of verifier/rounds/Seats.sol.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from eth_hash.auto import keccak

from twopm_zk.errors import InputError

Hashes = tuple[bytes, ...]


def appended(peaks: Hashes, count: int, leaf: bytes) -> Hashes:
    """The roots of the whole trees, largest first, that a leaf more after ``count`` leaves makes."""
    stack = list(peaks)
    while count & 1:
        leaf = _parent(stack.pop(), leaf)
        count >>= 1
    return (*stack, leaf)


def root_of(peaks: Sequence[bytes]) -> bytes:
    """The root over the whole trees. InputError for none."""
    if not peaks:
        raise InputError("a tree without leaves has no root", kind="empty-tree")
    *others, root = peaks
    for peak in reversed(others):
        root = _parent(peak, root)
    return root


def proven_root(first: int, size: int, leaves: Mapping[int, bytes], proof: Sequence[bytes]) -> bytes:
    """The root of the ``size`` leaves from ``first`` on that some of them lead to, by seat, with the others' hashes.

    ``proof`` has the largest trees without any of them, from left to right. InputError where it has another length.
    """
    rest = iter(proof)
    root = _climb(first, size, sorted(leaves), leaves, rest)
    if next(rest, None) is not None:
        raise InputError("a proof of leaves has more hashes than the tree", kind="other-proof")
    return root


def _climb(first: int, size: int, seats: Sequence[int], leaves: Mapping[int, bytes], proof: Iterator[bytes]) -> bytes:
    inside = [seat for seat in seats if first <= seat < first + size]
    if not inside:
        found = next(proof, None)
        if found is None:
            raise InputError("a proof of leaves has fewer hashes than the tree", kind="other-proof")
        return found
    if size == 1:
        return leaves[first]
    half = 1 << (size - 1).bit_length() - 1
    left = _climb(first, half, inside, leaves, proof)
    return _parent(left, _climb(first + half, size - half, inside, leaves, proof))


def _parent(left: bytes, right: bytes) -> bytes:
    return keccak(left + right)
