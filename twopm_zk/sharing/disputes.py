"""Who shared rubbish, from public evidence alone, as the contract finds it; nobody opens anything.

A share less its node's point commits to the node's masks. So each node claims a point E for each other one that it has
masks with, which must add up to that, and E_kj must equal E_jk. Where two differ, either shows what the two keys have
in common, with a proof: then everybody derives the mask, and the truth is what commits to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twopm_zk.errors import InputError
from twopm_zk.numbers.baby_jubjub import (
    BASE,
    COFACTOR,
    SUBGROUP_ORDER,
    Point,
    is_on_curve,
    multiply,
    negate,
    sum_of_multiples,
)
from twopm_zk.sharing.hashes import challenge_of, nonce_of, numbers_hash
from twopm_zk.sharing.keys import EIGHTH, WORD, PostedKey, SecretKey
from twopm_zk.sharing.masks import SharedPoints, pair_mask, pair_seed, sign
from twopm_zk.sharing.sets import SharingSet, order
from twopm_zk.sharing.sums import add_up, commit

_SHARED = "twopm-zk shared point"


@dataclass(frozen=True)
class ProvenPoint:
    """T, an eighth of the point S = 8 T that two keys have in common, with a proof by the owner of one of them.

        challenge = keccak256("twopm-zk shared point", K_me, K_other, S, A1, A2) mod SUBGROUP_ORDER
        A1 = response B - challenge K_me,   A2 = response K_other - challenge S

    (Chaum and Pedersen, "Wallet databases with observers", 1992.) Keys and S are multiples of 8 and so in the subgroup
    of prime order: with a part of small order the proof would hold for every even challenge.
    """

    eighth: Point
    challenge: int
    response: int

    @classmethod
    def of(cls, secret: SecretKey, other: PostedKey) -> ProvenPoint:
        """The point that a secret key has in common with another key."""
        shared = secret.shared_with(other)
        statement = (*secret.point, *other.point, *shared)
        nonce = nonce_of(secret.scalar, numbers_hash(_SHARED, *statement))
        commitments = (*multiply(BASE, nonce), *multiply(other.point, nonce))
        challenge = challenge_of(numbers_hash(_SHARED, *statement, *commitments))
        response = (nonce + challenge * secret.scalar) % SUBGROUP_ORDER
        return cls(multiply(shared, EIGHTH), challenge, response)

    @classmethod
    def parse(cls, *numbers: int) -> ProvenPoint:
        """From x, y, challenge and response, as somebody sent them. InputError where they are none."""
        if len(numbers) != 4 or not all(0 <= number < WORD for number in numbers):
            raise InputError("a shared point with its proof is not four numbers of 256 bits")
        x, y, challenge, response = numbers
        return cls(Point(x, y), challenge, response)

    def shared(self, mine: PostedKey, other: PostedKey) -> Point | None:
        """S where the proof holds for the owner of the first key, None where it does not."""
        if not is_on_curve(self.eighth):
            return None
        shared = multiply(self.eighth, COFACTOR)
        commitments = [
            sum_of_multiples([(base, self.response), (negate(power), self.challenge)])
            for base, power in ((BASE, mine.point), (other.point, shared))
        ]
        found = numbers_hash(_SHARED, *mine.point, *other.point, *shared, *commitments[0], *commitments[1])
        return shared if challenge_of(found) == self.challenge else None


@dataclass(frozen=True)
class Reveal:
    """What one node of a pair shows when the other one contradicts it."""

    revealer: str
    other: str
    lasting: ProvenPoint
    round_key: ProvenPoint


def pair_truth(sharing_set: SharingSet, generators: Sequence[Point], reveal: Reveal) -> Point | None:
    """The point that both nodes of a pair should have claimed; None where a proof does not hold."""
    me, other = sharing_set.member(reveal.revealer), sharing_set.member(reveal.other)
    lasting = reveal.lasting.shared(me.lasting, other.lasting)
    round_key = reveal.round_key.shared(me.round_key, other.round_key)
    if lasting is None or round_key is None:
        return None
    seed = pair_seed(sharing_set.digest, me.address, other.address, SharedPoints(lasting, round_key))
    return commit(generators, pair_mask(seed, len(generators)))


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a dispute has on the chain. Addresses are written as in the set."""

    sharing_set: SharingSet
    generators: tuple[Point, ...]
    vectors: Mapping[str, Sequence[int]] = field(repr=False)
    """What each member shared."""
    claims: Mapping[str, Mapping[str, Point]]
    """claims[k][j] is E_kj, as far as k has published it."""
    reveals: Sequence[Reveal] = ()
    accuser: str | None = None
    """Who began the dispute."""


@dataclass(frozen=True)
class Verdict:
    """What follows from the evidence."""

    liars: frozenset[str] = frozenset()
    """The members that are proven to have claimed something else than the truth."""
    silent: frozenset[str] = frozenset()
    """The members whose claims are not complete; claims that do not add up cannot be completed."""
    contradicted: frozenset[frozenset[str]] = frozenset()
    """The pairs that claim different points, of which nobody has shown the truth."""
    frivolous: str | None = None
    """The accuser where nobody lied and nobody is silent: then the sum opens."""

    @property
    def left_out(self) -> frozenset[str]:
        """Who shares no more, if the silent are left out first.

        A proven liar makes silence harmless: then nobody is left out for it. Where one of a pair
        that contradicts each other is out already, the other one may have been right.
        """
        return self.liars or self.silent.union(*(pair for pair in self.contradicted if not pair & self.silent))


def judge(evidence: Evidence) -> Verdict:
    """The verdict that the contract reaches, once its deadlines have passed where somebody is silent."""
    claims = evidence.claims
    members = sorted(evidence.sharing_set.addresses, key=order)
    liars, contradicted = set(), set()
    for pair in [(one, other) for one in members for other in claims.get(one, {}) if order(one) < order(other)]:
        one, other = pair
        claimed = (claims[one][other], claims.get(other, {}).get(one))
        if other not in evidence.sharing_set or None in claimed or claimed[0] == claimed[1]:
            continue
        truths = [
            pair_truth(evidence.sharing_set, evidence.generators, reveal)
            for reveal in evidence.reveals
            if {reveal.revealer, reveal.other} == set(pair)
        ]
        shown = [truth for truth in truths if truth is not None]
        if shown:
            liars |= {node for node, point in zip(pair, claimed, strict=True) if point != shown[0]}
        else:
            contradicted.add(frozenset(pair))
    silent = frozenset(node for node in members if node not in liars and not claims_add_up(evidence, node))
    contradicted = {pair for pair in contradicted if not pair & liars}
    harmless = not (liars or silent or contradicted)
    return Verdict(frozenset(liars), silent, frozenset(contradicted), frivolous=evidence.accuser if harmless else None)


def claims_add_up(evidence: Evidence, node: str) -> bool:
    """Whether a node has claimed a point for each that it has masks with, which add up to what hides its opening."""
    others = [member.address for member in evidence.sharing_set.neighbours(node)]
    claims = evidence.claims.get(node, {})
    if node not in evidence.vectors or not all(other in claims and is_on_curve(claims[other]) for other in others):
        return False
    signed = [claims[other] if sign(node, other) > 0 else negate(claims[other]) for other in others]
    wanted = commit(evidence.generators, evidence.vectors[node])
    return add_up([evidence.sharing_set.member(node).point, *signed]) == wanted
