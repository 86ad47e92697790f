"""Write ``tests/vectors/sharing.json``: digests, proofs, seeds, masks and a dispute, for the contract's twin of them.

Secrets are small and known, and proofs are deterministic: everybody gets the same file.

Run: python tools/sharing_vectors.py, then commit the file.
"""

from __future__ import annotations

import json
from typing import Any

from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, Point, hash_to_point
from twopm_zk.sharing import (
    Departure,
    KeyOwner,
    Member,
    Place,
    Reveal,
    SecretKey,
    Sharer,
    SharingSet,
    commit,
    pair_mask,
    pair_seed,
    pair_truth,
)
from twopm_zk.system import paths

FILE = paths.source_root() / "tests" / "vectors" / "sharing.json"
ACCOUNTS = [f"0x{byte * 20}" for byte in ("33", "11", "44", "22")]
"""In the order in which they become ready."""
NAMES = ["sharing vector 0", "sharing vector 1", "blinding"]
GENERATORS = tuple(map(hash_to_point, NAMES))
PLACE = Place(chain_id=31337, contract="0x" + "c0" * 20, task=1, round=2, attempt=3, identity="0x" + "1d" * 20)
BLOCK_HASH = bytes(range(32))


def word(value: int | bytes) -> str:
    """A number or a hash as 32 bytes in hexadecimal."""
    return f"0x{(value if isinstance(value, int) else int.from_bytes(value, 'big')):064x}"


def words(*values: int) -> list[str]:
    """Numbers as words."""
    return [word(value) for value in values]


def reveal_of(reveal: Reveal) -> dict[str, Any]:
    """What a node shows of a pair."""
    return {
        "revealer": reveal.revealer,
        "other": reveal.other,
        **{
            name: {"T": words(*proven.eighth), "challenge": word(proven.challenge), "response": word(proven.response)}
            for name, proven in (("lasting", reveal.lasting), ("round", reveal.round_key))
        },
    }


def vectors() -> dict[str, Any]:
    """All of them."""
    members, nodes, found = [], [], SharingSet.closed(PLACE, BLOCK_HASH)
    digests = [{"after": "close", "digest": word(found.digest)}]
    secrets = {account: (SecretKey(1000 + k), SecretKey(2000 + k)) for k, account in enumerate(ACCOUNTS)}
    openings = {account: (10**20 + k, -k % SUBGROUP_ORDER, 7**80 + k) for k, account in enumerate(ACCOUNTS)}
    for account in ACCOUNTS:
        lasting, round_key = secrets[account]
        key = lasting.aggregation_key(KeyOwner(PLACE.identity, PLACE.chain_id, account))
        member = Member(account, lasting.posted, round_key.posted, commit(GENERATORS, openings[account]))
        found = found.with_ready(member)
        nodes.append(account)
        members.append(
            {
                "account": account,
                "lastingSecret": word(lasting.scalar),
                "roundSecret": word(round_key.scalar),
                "lasting": words(*key.eighth),
                "possession": words(key.challenge, key.response),
                "keyHash": word(key.hash),
                "lastingKey": words(*key.point),
                "round": words(*member.round_key.eighth),
                "roundKey": words(*member.round_key.point),
                "opening": words(*openings[account]),
                "point": words(*member.point),
                "leaf": word(member.leaf),
            }
        )
    found = found.begun()
    digests.append({"after": "all are ready", "digest": word(found.digest)})
    parts = {account: Sharer(found, account, *secrets[account]) for account in ACCOUNTS}
    shares = {account: part.vector(GENERATORS, openings[account]) for account, part in parts.items()}
    left = found.without(ACCOUNTS[0], Departure.SILENT)
    anew = left.next_share_attempt()
    digests += [
        {"after": f"{ACCOUNTS[0]} is left out", "digest": word(left.digest)},
        {"after": "share attempt 1", "digest": word(anew.digest)},
    ]
    return {
        "source": "twopm_zk/sharing, with known secrets",
        "command": "python tools/sharing_vectors.py",
        "chainId": PLACE.chain_id,
        "contract": PLACE.contract,
        "identity": PLACE.identity,
        "task": PLACE.task,
        "round": PLACE.round,
        "attempt": PLACE.attempt,
        "blockHash": word(BLOCK_HASH),
        "generatorNames": NAMES,
        "generators": [words(*point) for point in GENERATORS],
        "members": members,
        "digests": digests,
        "shares": [{"account": account, "vector": words(*vector)} for account, vector in shares.items()],
        "pairs": [
            pair_of(found, parts, one, other) for one in parts for other in parts if int(one, 16) < int(other, 16)
        ],
        "claims": [
            {"account": account, "others": list(claims), "points": [words(*point) for point in claims.values()]}
            for account, claims in ((account, part.claims(GENERATORS)) for account, part in parts.items())
        ],
    }


def pair_of(found: SharingSet, parts: dict[str, Sharer], one: str, other: str) -> dict[str, Any]:
    """What two nodes have in common, and what the first of them shows where the second one contradicts it."""
    shared = parts[one].shared_points(found.member(other))
    seed = pair_seed(found.digest, one, other, shared)
    contradicted = {other: {one: hash_to_point("a false claim")}}
    (reveal,) = parts[one].answers(GENERATORS, contradicted)
    return {
        "low": one,
        "high": other,
        "sharedLasting": words(*shared.lasting),
        "sharedRound": words(*shared.round_key),
        "seed": word(seed),
        "mask": words(*pair_mask(seed, len(GENERATORS))),
        "reveal": reveal_of(reveal),
        "truth": words(*(pair_truth(found, GENERATORS, reveal) or Point(0, 0))),
    }


def main() -> None:
    """Write the file."""
    FILE.write_text(json.dumps(vectors(), indent=1) + "\n")


if __name__ == "__main__":
    main()
