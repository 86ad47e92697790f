"""Sums that add up on the chain: each node shares its opening under masks that cancel in the sum of all.

Pure functions and frozen dataclasses, without a chain, a database or a file: `keys` (what nodes agree on masks with),
`sets` (who shares, and its digest), `masks` (what cancels), `pairs` (what two nodes
have in common), `sharer` (one node's part), `sums` (what all may read),
`disputes` (who shared rubbish), `conditions` and `ledger` (when a node is willing). The hashes are those of
`HLRContract`: keccak256 of ABI-encoded values.
"""

from twopm_zk.sharing.conditions import (
    Conditions,
    Objection,
    PhaseTime,
    ready_objections,
    share_objections,
    withdrawal_objections,
)
from twopm_zk.sharing.disputes import Evidence, ProvenPoint, Reveal, Verdict, judge, pair_truth
from twopm_zk.sharing.keys import AggregationKey, KeyOwner, PostedKey, SecretKey
from twopm_zk.sharing.ledger import Collection, Earlier, Ledger, LedgerEntry
from twopm_zk.sharing.masks import SharedPoints, masked, pair_mask, pair_seed
from twopm_zk.sharing.pairs import PairSecrets
from twopm_zk.sharing.sets import Departure, Member, Place, SharingSet, UpdateHash
from twopm_zk.sharing.sharer import Sharer
from twopm_zk.sharing.sums import commit, open_sum, opening_of, vector_of

__all__ = [
    "AggregationKey",
    "Collection",
    "Conditions",
    "Departure",
    "Earlier",
    "Evidence",
    "KeyOwner",
    "Ledger",
    "LedgerEntry",
    "Member",
    "Objection",
    "PairSecrets",
    "PhaseTime",
    "Place",
    "PostedKey",
    "ProvenPoint",
    "Reveal",
    "SecretKey",
    "SharedPoints",
    "Sharer",
    "SharingSet",
    "UpdateHash",
    "Verdict",
    "commit",
    "judge",
    "masked",
    "open_sum",
    "opening_of",
    "pair_mask",
    "pair_seed",
    "pair_truth",
    "ready_objections",
    "share_objections",
    "vector_of",
    "withdrawal_objections",
]
