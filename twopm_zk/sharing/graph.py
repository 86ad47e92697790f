"""Who masks with whom: all with all in small sets, beyond that with those that are near on a ring.

    position of a seat    keccak256(abi.encode(seat, digest)), a point of a ring of length 2^256
    neighbours            seats whose distance on the ring is at most the reach of their set

What all but the honest nodes of a set learn of them is one sum for each part in which masks among honest nodes hold
together. So that graph has to be connected, and then the sum of all of them is all there is (Bell, Bonawitz, Gascon,
Lepoint, Raykova, "Secure single-server aggregation with (poly)logarithmic overhead", 2020, section 3). They take a ring
in random order, and neighbours by their number of places on it. Here every seat has a place of its own, so that a
contract finds out with two hashes whether two are neighbours, without a permutation, and so that it does not matter who
took which seat, or who has left. Honest nodes fall apart only where two gaps between them on the ring are longer than
the reach. Of h of them, whose positions are independent and uniform, that has a probability of at most

    h (h - 1) / 2  (1 - 2 reach / 2^256)^(h - 1)   <=   2^-FAILURE_BITS     for h of at least half of the set.

The seed is the set's digest, which whoever comes last can try to choose, by trying one key after the other. So the
bound is not 2^-40 but 2^-100: it leaves 2^-40 to who tries 2^60 digests in the time of one phase, and asks nothing of
who makes the chain's blocks. It takes 160 to 180 neighbours, whatever the size of the set; where a set is not much
larger than that, all are neighbours. The twin of verifier/rounds/Graph.sol.
"""

from __future__ import annotations

from functools import lru_cache

from eth_hash.auto import keccak

FAILURE_BITS = 100
"""The honest half of a set falls apart for one digest in 2^FAILURE_BITS at most."""
RING = 1 << 256
WHOLE = RING - 1
"""The reach where all are neighbours."""
_LN2 = 6932
"""The natural logarithm of 2, in units of 1 / 10,000, rounded up."""


def reach(nodes: int) -> int:
    """How far on the ring neighbours are from each other at most, in a set of so many nodes."""
    honest = (nodes + 1) // 2
    if honest < 2:
        return WHOLE
    exponent = _LN2 * (FAILURE_BITS - 1 + 2 * (honest - 1).bit_length())
    unit = 10_000 * (honest - 1)
    return WHOLE if exponent >= unit else (RING // 2) // unit * exponent


def is_whole(nodes: int) -> bool:
    """Whether all of so many nodes are neighbours of each other."""
    return reach(nodes) == WHOLE


def position(digest: bytes, seat: int) -> int:
    """Where a seat is on the ring of a set."""
    return int.from_bytes(keccak(seat.to_bytes(32, "big") + digest), "big")


def distance(one: int, other: int) -> int:
    """Between two positions, the shorter way round."""
    apart = (one - other) % RING
    return min(apart, RING - apart)


def are_neighbours(digest: bytes, nodes: int, one: int, other: int) -> bool:
    """Whether the nodes of two seats have masks with each other in a set of so many nodes."""
    if one == other:
        return False
    return distance(position(digest, one), position(digest, other)) <= reach(nodes)


def neighbour_seats(digest: bytes, nodes: int, seats: int, seat: int) -> frozenset[int]:
    """The seats that are near to a seat, of so many that were ever given: those whose nodes have left among them."""
    if is_whole(nodes):
        return frozenset(range(seats)) - {seat}
    ring, most = positions(digest, seats), reach(nodes)
    mine = ring[seat]
    return frozenset(other for other, place in enumerate(ring) if distance(mine, place) <= most) - {seat}


@lru_cache(maxsize=4)
def positions(digest: bytes, seats: int) -> tuple[int, ...]:
    """The positions of all seats; they are the same for all nodes of a set."""
    return tuple(position(digest, seat) for seat in range(seats))
