"""What a node does off the chain, in plain integers: keys, openings, masks, pair points, proofs of what is shared."""

from secrets import randbelow

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from twopm_zk.numbers.baby_jubjub import (
    BASE,
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    add,
    hash_to_point,
    multiply,
)

PROVEN_X_LIMIT = 2**252
_CLEARED = pow(COFACTOR, -1, SUBGROUP_ORDER)


def generators(count, name="tests"):
    """A generator for each scalar of a vector, the blinding's last."""
    return [*(hash_to_point(f"{name} {i}") for i in range(count - 1)), hash_to_point("blinding")]


def flattened(points):
    return [coordinate for point in points for coordinate in point]


def generators_hash(points):
    return keccak(encode(["uint256[]"], [flattened(points)]))


def commit(scalars, points):
    total = IDENTITY
    for scalar, point in zip(scalars, points, strict=True):
        total = add(total, multiply(point, scalar % SUBGROUP_ORDER))
    return total


def hashed(types, *values):
    return keccak(encode(types, values))


def challenge_of(types, *values):
    return int.from_bytes(hashed(types, *values), "big") % SUBGROUP_ORDER


def plus(*vectors):
    return [sum(column) % SUBGROUP_ORDER for column in zip(*vectors, strict=True)]


def minus(left, right):
    return [(a - b) % SUBGROUP_ORDER for a, b in zip(left, right, strict=True)]


class Key:
    """A secret, the point that is posted, and the key that counts, which is 8 times that."""

    def __init__(self, secret=None):
        self.secret = secret or randbelow(SUBGROUP_ORDER - 1) + 1
        self.posted = multiply(BASE, self.secret * _CLEARED % SUBGROUP_ORDER)
        self.public = multiply(BASE, self.secret)

    def possession(self, identity, chain_id, account):
        """(challenge, response) of a proof that the account knows the secret."""
        nonce = randbelow(SUBGROUP_ORDER - 1) + 1
        first = multiply(BASE, nonce)
        challenge = challenge_of(
            ["string", "address", "uint256", "address", *["uint256"] * 4],
            *("twopm-zk key possession", identity, chain_id, account, *self.posted, *first),
        )
        return challenge, (nonce + challenge * self.secret) % SUBGROUP_ORDER

    def shared(self, other):
        """The point that this secret and another's key share."""
        return multiply(multiply(other, COFACTOR), self.secret)

    def prove_shared(self, other, *, shown=None, nonce=None):
        """(x, y, challenge, response): 8 (x, y) is the point shared with the posted key ``other``; ``shown`` to lie."""
        theirs = multiply(other, COFACTOR)
        shown = shown or multiply(theirs, self.secret * _CLEARED % SUBGROUP_ORDER)
        nonce = nonce or randbelow(SUBGROUP_ORDER - 1) + 1
        first, second = multiply(BASE, nonce), multiply(theirs, nonce)
        shared = multiply(shown, COFACTOR)
        challenge = challenge_of(
            ["string", *["uint256"] * 10],
            *("twopm-zk shared point", *self.public, *theirs, *shared, *first, *second),
        )
        return (*shown, challenge, (nonce + challenge * self.secret) % SUBGROUP_ORDER)


def masks(digest, low, high, lasting, of_round, count):
    """Masks of two nodes of a set, the lower address first, from the points that their keys share."""
    seed = hashed(
        ["bytes32", "address", "address", *["uint256"] * 4],
        *(bytes.fromhex(digest.removeprefix("0x")), low, high, *lasting, *of_round),
    )

    def half(number):
        return int.from_bytes(hashed(["bytes32", "uint256"], seed, number), "big")

    return [((half(2 * i) << 256) + half(2 * i + 1)) % SUBGROUP_ORDER for i in range(count)]


def provable_opening(values, points):
    """(opening, point): blindings until the point's x is one that a statement can prove."""
    while True:
        opening = [*(value % SUBGROUP_ORDER for value in values), randbelow(SUBGROUP_ORDER)]
        point = commit(opening, points)
        if point.x < PROVEN_X_LIMIT:
            return opening, point
