"""No value of an update is in any byte that is stored or published, at whatever scaling, and no attack reads one.

Each attack is written down and run; where a rule stops it, it is also run without that rule, so that it is seen to
succeed there.
"""

import struct

import numpy as np
import pytest
from support.federated import SALT, Fixed, address_of, closed_set, keys, secrets_of, small_spec, update

from twopm_zk.federated import (
    Storage,
    first_result,
    masked_update,
    next_result,
    sum_of,
    train,
    update_of,
)
from twopm_zk.federated.masks import masked_words
from twopm_zk.sharing import Departure, SecretKey
from twopm_zk.sharing.masks import SharedPoints, pair_seed

SPEC = small_spec(update={"clip": 100.0, "evaluate": True})
FIRST = first_result(SPEC, [np.zeros((2, 3)), np.zeros(4)])
CHANGES = (0.7311985, 3.1415926, -2.7182818)
"""Of each node, all parameters alike; no sum of some of them is another one, or has the bytes of one."""
EXAMPLES, LOSSES, EVALUATED = (1237, 2741, 3331), (0.6180339, 1.4142135, 1.7320508), (211, 307, 401)


def round_of_three():
    """What three nodes hand in, and everything that anybody can see of the round."""
    models = [Fixed(SPEC, *each) for each in zip(CHANGES, EXAMPLES, LOSSES, EVALUATED, strict=True)]
    updates = [update_of(SPEC, FIRST, train(model, SPEC, FIRST.arrays(SPEC), round=1)) for model in models]
    sharing_set = closed_set(updates)
    masked = [masked_update(SPEC, part, one) for part, one in zip(secrets_of(sharing_set), updates, strict=True)]
    return updates, sharing_set, masked


def public_bytes(folder):
    updates, sharing_set, masked = round_of_three()
    storage = Storage((f"file://{folder}",))
    for one in masked:
        storage.put(0, one.encoded)
    result = next_result(SPEC, FIRST, masked)
    storage.put(0, result.encoded)
    stored = b"".join(path.read_bytes() for path in sorted(folder.iterdir()))
    names = b"".join(path.name.encode() for path in folder.iterdir())
    posted = b"".join(one.hash for one in masked) + b"".join(one.commitment(SALT) for one in updates)
    leaves = b"".join(member.leaf for member in sharing_set.members) + sharing_set.digest
    return stored + names + posted + leaves + repr((masked, updates, result)).encode()


def forms(integer, real):
    """How a value of an update might be written, at the scalings that anything here has."""
    for shift in range(-32, 33):
        scaled = integer << shift if shift >= 0 else integer >> -shift
        if abs(scaled) >= 1 << 20:  # shorter ones are in any bytes by chance
            for size in (4, 8):
                if -(1 << (8 * size - 1)) <= scaled < 1 << (8 * size - 1):
                    yield scaled.to_bytes(size, "little", signed=True)
                    yield scaled.to_bytes(size, "big", signed=True)
    for kind in "fd":
        for order in "<>":
            yield struct.pack(order + kind, real)
    yield str(integer).encode()
    yield str(real).encode()[:8]


def secrets():
    """Of one node each: coordinates, weighted and not, its number of examples, its losses."""
    for change, examples, loss, evaluated in zip(CHANGES, EXAMPLES, LOSSES, EVALUATED, strict=True):
        unit = round(change * 2**16)
        yield from ((unit, change), (unit * examples, change * examples), (round(change * 2**32), change))
        yield from ((round(loss * 2**16) * evaluated, loss * evaluated), (round(loss * 2**32), loss))
        yield examples << 24, float(examples)


def found_in(content):
    return [form for integer, real in secrets() for form in forms(integer, real) if form in content]


def test_no_value_of_an_update_is_in_anything_stored_or_published(tmp_path):
    assert found_in(public_bytes(tmp_path)) == []


@pytest.mark.parametrize("leak", [0, 1, 2])
def test_the_search_finds_an_update_that_somebody_forgets_to_mask(tmp_path, leak):
    updates, _, _ = round_of_three()
    content = public_bytes(tmp_path) + updates[leak].encode(SPEC)
    assert len(set(found_in(content))) >= 4


def test_the_search_finds_reals_and_texts_as_well():
    assert found_in(np.array(CHANGES, dtype=np.float32).tobytes())
    assert found_in(np.array(CHANGES, dtype=">f8").tobytes())
    assert found_in(repr(CHANGES).encode())


def test_the_sum_is_in_the_result_and_nothing_of_a_part_of_it():
    updates, _, masked = round_of_three()
    total, _ = sum_of(SPEC, masked)
    assert (total == sum(one.words for one in updates)).all()
    for left_out in range(3):
        part, _ = sum_of(SPEC, [one for index, one in enumerate(masked) if index != left_out])
        true = sum(one.words for index, one in enumerate(updates) if index != left_out)
        assert (part != true).all()


# --- attacks ---


def unmasked(number, sharing_set, masked, seeds):
    """What is left of a masked update when masks with some of the others are taken away."""
    negative = {other: seed for other, seed in seeds.items() if other in sharing_set}
    zero = np.zeros(SPEC.words, dtype=np.uint64)
    return (masked[number].words - masked_words(address_of(number + 16), zero, negative)).view(np.int64)


def test_all_other_nodes_together_read_an_update_and_all_but_one_do_not():
    """What no protocol of sums prevents, and what this one does: beside another honest node the two's sum is read."""
    updates, sharing_set, masked = round_of_three()
    parts = secrets_of(sharing_set)
    victim = address_of(16)
    known = {part.address: part.seeds[victim] for part in parts[1:]}
    assert (unmasked(0, sharing_set, masked, known) == updates[0].words).all()
    one = {address_of(18): known[address_of(18)]}
    assert (unmasked(0, sharing_set, masked, one) != updates[0].words).all()


def test_a_stolen_lasting_key_opens_nothing_without_the_key_of_the_round():
    """Somebody steals a lasting key years later. With the round's key too masks are known: so that is thrown away."""
    updates, sharing_set, masked = round_of_three()
    others = [member for member in sharing_set.members if member.address != address_of(16)]
    lasting, round_key = keys(0)

    def seeds(guess):
        return {
            other.address: pair_seed(
                sharing_set.digest,
                address_of(16),
                other.address,
                SharedPoints(lasting.shared_with(other.lasting), guess.shared_with(other.round_key)),
            )
            for other in others
        }

    assert (unmasked(0, sharing_set, masked, seeds(round_key)) == updates[0].words).all()
    assert (unmasked(0, sharing_set, masked, seeds(SecretKey(99))) != updates[0].words).all()


def test_two_sets_that_differ_by_one_node_give_it_away_so_that_a_node_shares_at_one_point_once():
    """Two sums at the same weights: no mask prevents that. The name for the same weights is `parameters_hash`, whatever
    task or round they are of; what a node then refuses is `sharing.Ledger`'s."""
    updates, sharing_set, masked = round_of_three()
    rest = sharing_set.without(address_of(18), Departure.SILENT).next_share_attempt()
    again = [masked_update(SPEC, part, one) for part, one in zip(secrets_of(rest), updates[:2], strict=True)]
    difference = sum_of(SPEC, masked)[0] - sum_of(SPEC, again)[0]
    assert (difference == updates[2].words).all()


def test_a_task_that_begins_a_hair_beside_gives_away_nearly_as_much_where_the_set_is_another_one():
    """What the documents say that no mask and no memory of exact points prevents: only the same set, or noise."""
    beside = first_result(SPEC, [np.full((2, 3), 2.0**-32), np.zeros(4)])
    assert beside.parameters_hash != FIRST.parameters_hash
    updates, _, masked = round_of_three()
    models = [Fixed(SPEC, *each) for each in zip(CHANGES, EXAMPLES, LOSSES, EVALUATED, strict=True)][:2]
    again = [update_of(SPEC, beside, train(model, SPEC, beside.arrays(SPEC), round=1)) for model in models]
    parts = secrets_of(closed_set(again, digest=b"\1" * 32))
    without = sum_of(SPEC, [masked_update(SPEC, part, one) for part, one in zip(parts, again, strict=True)])[0]
    difference = sum_of(SPEC, masked)[0] - without
    assert (np.abs(difference - updates[2].words) <= EXAMPLES[0] + EXAMPLES[1]).all()
    assert (np.abs(updates[2].words[:10]) > 10**8).all()


def test_the_same_update_under_two_digests_looks_unrelated():
    """Every attempt has masks of its own, so that one update of a node is never seen to be the same."""
    mine = [update(SPEC, [5] * 10, tail=(1, 1))] * 3
    seen = [
        masked_update(SPEC, secrets_of(closed_set(mine, attempt=attempt))[0], mine[0]).words for attempt in range(4)
    ]
    differences = {(one - other).tobytes() for one in seen for other in seen if one is not other}
    assert len(differences) == 12
    assert all((one != other).all() for one in seen for other in seen if one is not other)
