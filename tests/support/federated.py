"""Small federations: a specification, sets with real keys, and models whose updates are chosen by the test."""

from functools import cache

import numpy as np

from twopm_zk.federated import FederatedSpec, Update, parse_federated
from twopm_zk.sharing import Member, PairSecrets, Place, SecretKey, SharingSet, UpdateHash

SALT = bytes(range(32))


def document(**changes):
    """A short file, with these tables instead of its own."""
    base = {
        "kind": "federated",
        "title": "A small network",
        "model": {"arrays": [[2, 3], [4]]},
        "update": {"clip": 4.0},
        "storage": {"locations": ["memory://updates"]},
    }
    return base | changes


def small_spec(**changes) -> FederatedSpec:
    return parse_federated(document(**changes))


def private_spec(epsilon=3.0, **changes) -> FederatedSpec:
    update = {"clip": 4.0, "weighting": "equal"}
    return small_spec(update=update, privacy={"epsilon": epsilon, "delta": 1e-5}, **changes)


@cache
def keys(number):
    return SecretKey(2 * number + 5), SecretKey(2 * number + 6)


def address_of(number):
    return f"0x{number:040x}"


def closed_set(updates, *, digest=bytes(32), attempt=0):
    """A set of one node for each update, in which sharing begins, and what each of them has in common with others."""
    place = Place(
        chain_id=31337,
        contract=address_of(0xC0),
        task=1,
        round=0,
        attempt=attempt,
        identity=address_of(0x1D),
    )
    found = SharingSet.closed(place, digest)
    for number, update in enumerate(updates):
        lasting, round_key = keys(number)
        committed = UpdateHash(update.commitment(SALT))
        found = found.with_ready(Member(address_of(number + 16), lasting.posted, round_key.posted, committed))
    return found.begun()


def secrets_of(sharing_set):
    """Each member's part, in the order of seats."""
    return [
        PairSecrets(sharing_set, member.address, *keys(int(member.address, 16) - 16)) for member in sharing_set.members
    ]


def update(spec, change, *, weight=1, tail=()):
    """What a node hands in, from the integers of its change."""
    words = np.array(change, dtype=np.int64) * weight
    return Update(np.concatenate([words, np.array([weight, *tail], dtype=np.int64)]))


class Fixed:
    """A model that moves all parameters by what the test says."""

    def __init__(self, spec, change, examples=1, loss=0.5, evaluated=10):
        self.spec, self.change, self.examples = spec, change, examples
        self.loss, self.evaluated, self.seen = loss, evaluated, []

    def parameters(self):
        return [np.zeros(shape) for shape in self.spec.shapes]

    def fit(self, parameters, config):
        self.seen.append(("fit", dict(config), [array.copy() for array in parameters]))
        return [array + self.change for array in parameters], self.examples, {"kept": "here"}

    def evaluate(self, parameters, config):
        self.seen.append(("evaluate", dict(config), [array.copy() for array in parameters]))
        return self.loss, self.evaluated, {}
