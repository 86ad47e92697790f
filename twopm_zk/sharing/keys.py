"""Keys that nodes agree on masks with, on Baby Jubjub.

    posted  Q = (secret / 8) B          the key that counts  K = 8 Q = secret B

Whatever point is posted, 8 Q lies in the subgroup of prime order; the points whose 8 Q is the identity are refused.
IdentityContract takes a lasting key with a proof of possession only:

    challenge = keccak256("twopm-zk key possession", identity contract, chain id, account, Q, R) mod SUBGROUP_ORDER
    R = response B - challenge K

Without it somebody could post a multiple of another one's key, share rubbish, and read the mask of two honest nodes in
the answer to its dispute. Bound to the account, it cannot be copied either.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from functools import cached_property

from twopm_zk.errors import InputError, RangeError
from twopm_zk.numbers.baby_jubjub import (
    BASE,
    COFACTOR,
    IDENTITY,
    SUBGROUP_ORDER,
    Point,
    is_on_curve,
    multiply,
    negate,
    sum_of_multiples,
)
from twopm_zk.sharing.hashes import abi_hash, challenge_of, nonce_of

EIGHTH = pow(COFACTOR, -1, SUBGROUP_ORDER)
"""Times COFACTOR this is 1 modulo the order."""
WORD = 1 << 256
"""Numbers of contracts are below it."""
_POSSESSION = "twopm-zk key possession"


@dataclass(frozen=True)
class KeyOwner:
    """What a proof of possession is bound to."""

    identity: str
    """Address of the IdentityContract."""
    chain_id: int
    account: str


@dataclass(frozen=True)
class PostedKey:
    """A key as it is posted: a point of the curve that is not of small order. InputError for any other."""

    eighth: Point
    """Q, as it is posted: an eighth of the key that counts."""

    def __post_init__(self) -> None:
        if not is_on_curve(self.eighth):
            raise InputError("a posted key is no point of Baby Jubjub", kind="not-a-key")
        if self.point == IDENTITY:
            raise InputError("a posted key is a point of small order", kind="not-a-key")

    @classmethod
    def parse(cls, x: int, y: int) -> PostedKey:
        """From two numbers that somebody posted."""
        return cls(Point(x, y))

    @cached_property
    def point(self) -> Point:
        """K = 8 Q, the key that counts: in the subgroup, and not the identity."""
        return multiply(self.eighth, COFACTOR)

    @cached_property
    def hash(self) -> bytes:
        """What IdentityContract stores of a lasting key."""
        return abi_hash(*(("uint256", number) for number in self.eighth))


@dataclass(frozen=True)
class AggregationKey(PostedKey):
    """A lasting key as it is given to IdentityContract, with what is said to be its proof of possession."""

    challenge: int
    response: int

    @classmethod
    def parse(cls, *numbers: int) -> AggregationKey:
        """From x, y, challenge and response, as somebody posted them.

        InputError where they hold no key; whether the proof holds is `is_proven`.
        """
        if len(numbers) != 4 or not all(0 <= number < WORD for number in numbers):
            raise InputError("a posted key is not four numbers of 256 bits", kind="not-a-key")
        x, y, challenge, response = numbers
        return cls(Point(x, y), challenge, response)

    @property
    def numbers(self) -> tuple[int, int, int, int]:
        """x, y, challenge and response, as they are posted."""
        return (*self.eighth, self.challenge, self.response)

    def is_proven(self, owner: KeyOwner) -> bool:
        """Whether the proof of possession holds for this owner; the contract refuses a key where it does not."""
        R = sum_of_multiples([(BASE, self.response), (negate(self.point), self.challenge)])
        return self.challenge == _possession_challenge(owner, self.eighth, R)


@dataclass(frozen=True)
class SecretKey:
    """The secret of a lasting key, or of a key of one round, which its owner forgets when the round is over."""

    scalar: int = field(repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.scalar < SUBGROUP_ORDER:
            raise RangeError("a secret key is outside (0, SUBGROUP_ORDER)")

    @classmethod
    def drawn(cls) -> SecretKey:
        """A fresh one from the operating system."""
        return cls(1 + secrets.randbelow(SUBGROUP_ORDER - 1))

    @cached_property
    def point(self) -> Point:
        """K, the key that counts."""
        return multiply(BASE, self.scalar)

    @cached_property
    def posted(self) -> PostedKey:
        """The public part: of a key of one round, what to post."""
        return PostedKey(multiply(BASE, self.scalar * EIGHTH % SUBGROUP_ORDER))

    def aggregation_key(self, owner: KeyOwner) -> AggregationKey:
        """The public part of a lasting key with its proof of possession: what to post."""
        Q = self.posted.eighth
        nonce = nonce_of(self.scalar, _possession_hash(owner, Q))
        challenge = _possession_challenge(owner, Q, multiply(BASE, nonce))
        return AggregationKey(Q, challenge, (nonce + challenge * self.scalar) % SUBGROUP_ORDER)

    def shared_with(self, other: PostedKey) -> Point:
        """The point that this key and another one have in common, and nobody else knows."""
        return multiply(other.point, self.scalar)


def _possession_challenge(owner: KeyOwner, Q: Point, R: Point) -> int:
    return challenge_of(_possession_hash(owner, Q, R))


def _possession_hash(owner: KeyOwner, *points: Point) -> bytes:
    return abi_hash(
        ("string", _POSSESSION),
        ("address", owner.identity),
        ("uint256", owner.chain_id),
        ("address", owner.account),
        *(("uint256", number) for point in points for number in point),
    )
