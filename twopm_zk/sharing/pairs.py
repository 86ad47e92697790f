"""What a member of a set has in common with each of those that it has masks with, whatever the masks are added to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from twopm_zk.errors import InputError
from twopm_zk.sharing.keys import SecretKey
from twopm_zk.sharing.masks import SharedPoints, pair_seed
from twopm_zk.sharing.sets import Member, SharingSet


@dataclass(frozen=True)
class PairSecrets:
    """A member of a set with its secrets.

    InputError where the secrets belong to other keys than those in the set, or where it has masks with no other member:
    then what it shares would be in clear.
    """

    sharing_set: SharingSet
    address: str
    lasting: SecretKey
    round_key: SecretKey

    def __post_init__(self) -> None:
        mine = self.sharing_set.member(self.address)
        if (mine.lasting.eighth, mine.round_key) != (self.lasting.posted.eighth, self.round_key.posted):
            raise InputError(f"the set has other keys of node {self.address} than this node", kind="other-keys")
        if not self.others:
            raise InputError("there is no other node in the set, and so no mask", kind="no-masks")

    @cached_property
    def others(self) -> tuple[Member, ...]:
        """The members that it has masks with, ascending by address."""
        return self.sharing_set.neighbours(self.address)

    @cached_property
    def seeds(self) -> dict[str, bytes]:
        """What the masks with each of them are made from, by address. Whoever knows one knows these masks."""
        return {
            other.address: pair_seed(self.sharing_set.digest, self.address, other.address, self.shared_points(other))
            for other in self.others
        }

    def shared_points(self, other: Member) -> SharedPoints:
        """What this node and another one have in common. Whoever knows it knows their masks of this round."""
        return SharedPoints(self.lasting.shared_with(other.lasting), self.round_key.shared_with(other.round_key))
