"""What a whole task leaves of one node: nothing on the chain, in the coordinator's store, or in its own file.

One task is run for all tests here. Its generators are multiples of the blinding's with factors that the tests know, and
nobody could know of the true ones: so other openings can be found that the very same points commit to.
"""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from eth_utils.crypto import keccak
from support import recovery
from support.people_stage import Stage
from support.people_world import SPEC, Party, replace
from support.recovery import recover_rows
from support.traces import numbers_in, seen_on_chain, words_of

from twopm_zk.chain.tasks import Phase
from twopm_zk.numbers import pedersen
from twopm_zk.numbers.baby_jubjub import SUBGROUP_ORDER, hash_to_point, multiply
from twopm_zk.numbers.pedersen import centred, pack
from twopm_zk.participants.attempts import read_history
from twopm_zk.participants.records import Attempt
from twopm_zk.rows.tables import Table
from twopm_zk.sharing import Sharer, commit, masked, vector_of
from twopm_zk.sharing.keys import EIGHTH
from twopm_zk.statements import Collection, Opening
from twopm_zk.statements.step import StepShape, exact_gradient
from twopm_zk.task.parts.statistics import Statistics

pytestmark = pytest.mark.slow

TARGET = 0
"""The node whose secrets are looked for: it has three rows of three features, which an exact gradient gives back."""
SHIFTS = range(-200, 201)
SMALL = 1 << 24
"""Integers below are on every chain: numbers of blocks, sizes, indices."""


def logarithm(name):
    return int.from_bytes(keccak(text=name), "big") % SUBGROUP_ORDER


@pytest.fixture(scope="module")
def known_generators():
    base, patch = hash_to_point("blinding"), pytest.MonkeyPatch()

    def known(name):
        return base if name == "blinding" else multiply(base, logarithm(name))

    patch.setattr(pedersen, "hash_to_point", known)
    pedersen._generator.cache_clear()
    yield
    patch.undo()
    pedersen._generator.cache_clear()


@pytest.fixture(scope="module")
def course(known_generators, deployed, tmp_path_factory):
    """A finished task, with what each node kept secret while it lasted."""
    snapshot, folder = deployed.node.snapshot(), tmp_path_factory.mktemp("privacy")
    spec = replace(
        SPEC,
        gradient_bound=0.1,
        minimum_node_rows=3,
        statistics=Statistics(information=True, evaluation=True, held_out=True),
        instances=replace(SPEC.instances, evaluate=("evaluate-48x3",)),
    )
    party = Party(deployed, folder, spec=spec, sizes=(3, 14, 15))
    random = np.random.default_rng(2)  # rows of any numbers, as measurements are
    kept_apart = [measured(random, party, rows) for rows in (4, 9, 9)]
    party.tables[TARGET] = measured(random, party, 3)
    plain, party.node = party.node, lambda number: plain(number, held_out=kept_apart[number])
    stage = Stage(party).begin()
    for node in stage.nodes[1:]:
        node._sharing._conditions = replace(node._sharing._conditions, rows=3)
    secrets = []
    while stage.state.phase is not Phase.FINISHED:
        state = stage.until(Phase.SHARING)
        attempt = Attempt.of(state)
        secrets.append(
            SimpleNamespace(
                state=state,
                set=stage.attempt.sharing_set,
                openings=[sum_up(node.store.updates(attempt)) for node in stage.nodes],
                keys=[node.store.round_key(attempt) for node in stage.nodes],
            )
        )
        while (now := stage.state).round == state.round and now.phase is not Phase.FINISHED:
            stage.tick(*stage.everybody())
    for node in stage.nodes:
        assert node.tick() is True
    found = SimpleNamespace(stage=stage, secrets=secrets, folder=folder, nodes=stage.nodes)
    found.history = read_history(stage.reader, stage.state)
    found.parts = seen_on_chain(stage.reader)
    found.words, found.bytes = {word for part in found.parts for word in words_of(part)}, b"|".join(found.parts)
    found.store = {path.name: path.read_bytes() for path in folder.glob("coordinator*")}
    found.batches = [node._batches[0].batch for node in stage.nodes]
    found.held_out = [node._batches[1].batch for node in stage.nodes]
    found.gradient = [one for one in found.history if one.view.collection is Collection.GRADIENT][-1]
    found.lasting = [node.store.lasting_key for node in stage.nodes]
    stage.close()
    yield found
    deployed.node.revert(snapshot)
    deployed.chain.forget_nonces()


def measured(random, party, rows):
    labels = np.arange(rows) % 2
    return Table(party.tables[TARGET].names, random.uniform((2, 12, 0), (4, 30, 1), (rows, 3)), labels)


def sum_up(updates):
    first, *others = [update.opening for update in updates.values()]
    return sum(others, start=first)


def scaled(values):
    """Integers at every scaling by a power of two, modulo the order."""
    found = set()
    for value in values:
        for shift in SHIFTS:
            factor = pow(2, shift, SUBGROUP_ORDER)
            found.add(value * factor % SUBGROUP_ORDER)
            if shift >= 0 or value % (1 << -shift) == 0:
                found.add((value << shift if shift >= 0 else value >> -shift) % (1 << 256))
    return {value for value in found if SMALL < value % SUBGROUP_ORDER < SUBGROUP_ORDER - SMALL}


def own_sums(course, node=TARGET):
    """What a node's openings hold: its sums, packed and one by one, and their blindings."""
    values = []
    for secret in course.secrets:
        opening = secret.openings[node]
        packed = pack(opening.unit, opening.items)
        values += [*(value for value in (*opening.items, *packed) if is_telling(value)), opening.blinding]
    return values


def is_telling(value):
    """At zero weights some sums are round: no more than small numbers, scaled."""
    return value != 0 and abs(value) // (abs(value) & -abs(value)) > SMALL


def secret_numbers(course, node=TARGET):
    """Salts and keys, which nobody scales."""
    keys = [course.lasting[node].scalar, *(secret.keys[node].scalar for secret in course.secrets)]
    salts = {course.batches[node].salt, course.held_out[node].salt}
    return {*salts, *keys, *(key * EIGHTH % SUBGROUP_ORDER for key in keys)}


def own_masks(course, node=TARGET):
    """What hides a node's shares: its masks with each other node, of every round, and their sums with its signs.

    A share of zero, such as of bins that no row is in, is the sum of its masks; nobody can tell that it is.
    """
    found, address = set(), course.nodes[node].view.address
    for secret, collected in zip(course.secrets, course.history, strict=True):
        sharer = Sharer(secret.set, address, course.lasting[node], secret.keys[node])
        masks = sharer.masks(len(collected.view.generators))
        found |= {scalar for mask in masks.values() for scalar in mask}
        whole = masked(address, [0] * len(collected.view.generators), masks)
        found |= {mask for mask, value in zip(whole, vector_of(secret.openings[node]), strict=True) if value}
    return found


def combined(vectors):
    """What can be made of shares with factors -1, 0 and 1, but for the sum of all."""
    for size in range(1, len(vectors)):
        for chosen in combinations(vectors, size):
            for signs in range(1 << (size - 1)):
                factors = [1, *(-1 if signs >> place & 1 else 1 for place in range(size - 1))]
                yield [sum(f * x for f, x in zip(factors, column, strict=True)) for column in zip(*chosen, strict=True)]


def shares(course):
    """The vectors of each round."""
    return [list(collected.view.vectors.values()) for collected in course.history]


# --- (a) a search ---


def test_the_task_was_run_to_its_certificate_with_all_three_nodes(course):
    assert course.stage.party.news[TARGET][-1].values["certified"]
    assert [len(vectors) for vectors in shares(course)] == [3] * len(course.secrets)
    assert {secret.state.collection for secret in course.secrets} == set(Collection)
    assert [secret.state.held_out for secret in course.secrets[-2:]] == [False, True]


def test_neither_sums_nor_blindings_of_a_node_are_on_the_chain_at_any_scaling(course):
    private = scaled(own_sums(course))
    words = course.words | {word % SUBGROUP_ORDER for word in course.words}
    assert words.isdisjoint(private)
    assert {-word % SUBGROUP_ORDER for word in words}.isdisjoint(private)
    made = {value % SUBGROUP_ORDER for round_ in shares(course) for vector in combined(round_) for value in vector}
    assert made.isdisjoint(private)


def test_the_search_finds_what_is_there(course):
    """The sum of all is public: it is found on the chain, and so would a node's opening be."""
    opened = course.history[0].view.total
    assert course.words & scaled(pack(opened.unit, opened.items))
    assert {value % SUBGROUP_ORDER for value in vector_of(course.secrets[1].openings[TARGET])} & scaled(
        own_sums(course)
    )


def test_neither_rows_nor_salts_nor_keys_of_a_node_are_on_the_chain(course):
    assert course.words.isdisjoint(secret_numbers(course))
    for row in [*course.batches[TARGET].features, *course.held_out[TARGET].features]:
        for width in (2, 4, 32):
            for order in ("big", "little"):
                row_bytes = b"".join(int(value).to_bytes(width, order, signed=True) for value in row)
                assert row_bytes not in course.bytes


def test_no_mask_of_a_node_is_on_the_chain(course):
    """Whoever had them all could take them off its share."""
    masks = own_masks(course)
    both = masks | {SUBGROUP_ORDER - mask for mask in masks}
    assert course.words.isdisjoint(both)
    address = course.nodes[TARGET].view.address
    whole = masked(address, [0] * len(course.history[-1].view.generators), last_masks(course))
    opening = vector_of(course.secrets[-1].openings[TARGET])
    share = course.history[-1].view.vectors[address]
    assert tuple((a - b) % SUBGROUP_ORDER for a, b in zip(share, whole, strict=True)) == tuple(
        value % SUBGROUP_ORDER for value in opening
    )
    looked_for = {mask for mask, value in zip(whole, opening, strict=True) if value}
    assert looked_for
    assert looked_for <= both


def last_masks(course, node=TARGET):
    secret, address = course.secrets[-1], course.nodes[node].view.address
    sharer = Sharer(secret.set, address, course.lasting[node], secret.keys[node])
    return sharer.masks(len(course.history[-1].view.generators))


def leaks(content, private, rows):
    """Whether bytes hold one of these integers, as text or in binary, or these rows."""
    sizes = [(value.bit_length() + 8) // 8 for value in private]
    numbers = [
        part
        for value, size in zip(private, sizes, strict=True)
        for part in (
            str(value).encode(),
            f"{value:x}".encode(),
            *(value.to_bytes(max(size, 6), order, signed=value < 0) for order in ("big", "little")),
        )
    ]
    return [part for part in [*numbers, rows] if part in content]


def test_nothing_of_a_node_is_in_the_coordinators_store(course):
    content = b"".join(course.store.values())
    assert b"aggregate" in content
    private = [*own_sums(course), *secret_numbers(course), *own_masks(course)]
    for batch in (course.batches[TARGET], course.held_out[TARGET]):
        rows = batch.features.astype("<i4").tobytes()
        assert not leaks(content, private, rows)
    public = {number % SUBGROUP_ORDER for numbers in numbers_in(content) for number in numbers}
    assert public.isdisjoint(scaled(own_sums(course)))
    assert leaks(content + str(private[0]).encode(), private, rows)  # it would be found
    assert leaks(content + private[-1].to_bytes(32, "big"), private, rows)


# --- (b) the attack that gives rows back ---


def lanes(vector, count):
    """The numbers in a vector's scalars that could stand for ``count`` packed sums."""
    half = 1 << (pedersen.GRADIENT.lane_bits - 1)
    scalars = [centred(value % SUBGROUP_ORDER) for value in vector[:-2]]
    places = [place for place in pedersen.GRADIENT.places(count) if place.scalar < len(scalars)]
    return [((scalars[place.scalar] >> place.offset) + half) % (2 * half) - half for place in places]


def test_the_attack_on_exact_openings_gives_nothing_back_from_all_that_is_seen(course, monkeypatch):
    monkeypatch.setattr(recovery, "TRIED", 20_000)  # enough for these rows, as the first result shows
    collected, batch = course.gradient, course.batches[TARGET]
    assert any(
        collected.weights
    )  # at zero weights all rows have the same residual, which the attack does not tell apart
    shape = StepShape(batch.shape.rows, batch.shape.features, batch.shape.format)
    wanted = sorted((tuple(map(int, row)), int(label)) for row, label in zip(batch.features, batch.labels, strict=True))
    exact = exact_gradient(shape, collected.weights, batch.features, batch.labels)
    assert recover_rows(shape, collected.weights, exact, 3) == wanted  # what an exact opening tells
    total, vectors = collected.view.total, list(collected.view.vectors.values())
    scale = shape.gradient_frac_bits - total.unit.frac_bits
    own = list(collected.view.vectors).index(course.nodes[TARGET].view.address)
    others = [vector for place, vector in enumerate(vectors) if place != own]
    for vector in (vectors[own], add_up(others), add_up([vectors[own], others[0]]), vector_of(total)):
        sums = [value << scale for value in lanes(vector, len(exact))]
        assert recover_rows(shape, collected.weights, sums, 3) is None
    raw = [centred(value) for value in vectors[own]]
    assert recover_rows(shape, collected.weights, raw, 3) is None


def test_the_attacks_give_nothing_back_from_any_numbers_on_the_chain_or_in_the_coordinators_store(course, monkeypatch):
    """Every run of words in every event and all calldata, as they are and as packed sums; likewise the store."""
    monkeypatch.setattr(recovery, "TRIED", 3_000)  # enough for these rows, as the last result shows
    collected, batch = course.gradient, course.batches[TARGET]
    shape = StepShape(batch.shape.rows, batch.shape.features, batch.shape.format)
    exact = tuple(exact_gradient(shape, collected.weights, batch.features, batch.labels))
    runs = [words_of(part) for part in course.parts]
    runs += [numbers for content in course.store.values() for numbers in numbers_in(content)]
    tried = {one for run in runs for one in in_a_row(run, len(exact))}
    assert len(tried) > 200
    assert not [one for one in tried if recover_rows(shape, collected.weights, one, 3) is not None]
    assert exact in set(in_a_row([7, *exact, 9], 4))
    assert recover_rows(shape, collected.weights, exact, 3) is not None

    rows = {tuple(map(int, row)) for row in batch.features}
    packed = {one for run in runs for one in in_a_row(run, pedersen.GRADIENT.scalars(len(exact)))}
    assert not rows & {quotients(lanes([*one, 0, 0], len(exact)), shape) for one in packed}
    alone = replace_rows(batch, 1).tally(Collection.GRADIENT, collected.weights)
    assert quotients(lanes([*pack(alone.unit, alone.items), 0, 0], len(exact)), shape) in rows


def in_a_row(run, count):
    """Consecutive numbers, centred, that could be so many sums: more than one is no small number."""
    for start in range(len(run) - count + 1):
        found = tuple(centred(value) for value in run[start : start + count])
        if sum(abs(value) > SMALL for value in found) > 1:
            yield found


def quotients(sums, shape):
    """The features of a single row, from its sums."""
    *features, intercept = sums
    return tuple(round(value * shape.format.one / intercept) for value in features) if intercept else ()


def add_up(vectors):
    return [sum(column) % SUBGROUP_ORDER for column in zip(*vectors, strict=True)]


def test_a_single_opening_gives_a_single_row_back(course):
    """Rounding hides little: a feature is a quotient of two sums. So nobody may have a node's opening."""
    batch, secret = course.batches[TARGET], course.secrets[1]
    one = replace_rows(batch, 1)
    *sums, intercept = one.tally(Collection.GRADIENT, secret.state.weights).items
    features = [round(value * batch.shape.format.one / intercept) for value in sums]
    assert features == [int(value) for value in batch.features[0]]


def replace_rows(batch, count):
    return type(batch)(batch.shape, batch.features[:count], batch.labels[:count])


# --- (c) the view does not depend on how a sum splits ---


def test_every_split_of_the_sum_between_two_honest_nodes_has_masks_that_make_the_very_same_events(course):
    """All that is on the chain, and all that the third node knows: no bit of it says whose part of the sum is whose."""
    honest, corrupt = (TARGET, 1), 2
    addresses = [node.view.address for node in course.nodes]
    for collected, secret in zip(course.history, course.secrets, strict=True):
        view, unit = collected.view, secret.openings[0].unit
        sharers = [
            Sharer(secret.set, address, lasting, key)
            for address, lasting, key in zip(addresses, course.lasting, secret.keys, strict=True)
        ]
        masks = {
            frozenset((address, other)): mask
            for address, sharer in zip(addresses, sharers, strict=True)
            for other, mask in sharer.masks(len(view.generators)).items()
        }
        before = [vector_of(opening) for opening in secret.openings]
        assert events_of(addresses, before, masks, view) == seen(addresses, view)

        most = 1 << min(40, unit.lane_bits - 11)
        drawn = np.random.default_rng(secret.state.round).integers(-most, most, len(secret.openings[0].items))
        moved = [
            move(unit, secret.openings[node], sign * drawn, sign) for node, sign in zip(honest, (1, -1), strict=True)
        ]
        assert [opening.point for opening in moved] == [secret.openings[node].point for node in honest]
        after = [*map(vector_of, moved), before[corrupt]]
        assert after[:2] != before[:2]
        pair = frozenset(addresses[node] for node in honest)
        low = min(honest, key=lambda node: int(addresses[node], 16))
        others = masks | {
            pair: tuple(
                (mask + a - b) % SUBGROUP_ORDER for mask, a, b in zip(masks[pair], before[low], after[low], strict=True)
            )
        }
        assert {key: mask for key, mask in others.items() if addresses[corrupt] in key} == {
            key: mask for key, mask in masks.items() if addresses[corrupt] in key
        }
        assert events_of(addresses, after, others, view) == seen(addresses, view)


def move(unit, opening, change, rows):
    """Another opening with the same point: its blinding makes up for the difference."""
    items = [item + int(delta) for item, delta in zip(opening.items, change, strict=True)]
    names = [f"{unit} {place}" for place in range(unit.scalars(len(items)))] + [f"{unit} rows of {len(items)}"]
    was, now = (*pack(unit, opening.items), opening.rows), (*pack(unit, items), opening.rows + rows)
    shift = sum((a - b) * logarithm(name) for a, b, name in zip(was, now, names, strict=True))
    return Opening(unit, tuple(items), opening.rows + rows, centred(opening.blinding + shift))


def events_of(addresses, vectors, masks, view):
    """Points and shares as nodes with these openings and masks would put them on the chain."""
    return {
        address: (
            commit(view.generators, vector),
            masked(
                address, vector, {other: masks[frozenset((address, other))] for other in addresses if other != address}
            ),
        )
        for address, vector in zip(addresses, vectors, strict=True)
    }


def seen(addresses, view):
    return {address: (view.sharing_set.member(address).point, tuple(view.vectors[address])) for address in addresses}


# --- (d) a node's own file ---


def test_after_the_task_a_nodes_file_holds_no_opening_and_no_key_of_an_attempt(course):
    for number in range(3):
        content = b"".join(path.read_bytes() for path in course.folder.glob(f"node{number}.db*"))
        assert str(course.lasting[number].scalar).encode() in content
        kept = {secret.keys[number].scalar for secret in course.secrets}
        kept |= {secret.openings[number].blinding for secret in course.secrets}
        kept |= {item for secret in course.secrets for item in secret.openings[number].items if abs(item) > 10**9}
        assert not [value for value in kept if str(value).encode() in content]
