"""A federation in one process: what it comes to, that rules do what their papers say, and what it refuses."""

import numpy as np
import pytest
from support.federated import Fixed, closed_set, secrets_of, small_spec

from twopm_zk.errors import InputError
from twopm_zk.federated import (
    Storage,
    federate,
    masked_size,
    masked_update,
    next_result,
    parse_masked,
    parse_result,
    result_size,
    train,
    update_of,
    with_initial,
)


def test_one_step_of_every_node_is_a_step_of_their_weighted_mean():
    spec = small_spec(update={"clip": 100.0, "evaluate": True})
    models = [
        Fixed(spec, change, examples, loss, 10) for change, examples, loss in ((1, 1, 0.5), (4, 2, 0.75), (7, 3, 1))
    ]
    first, second, third = federate(spec, models, rounds=2)
    assert (first.values == 0).all()
    assert (second.values == (1 + 8 + 21) / 6).all()
    assert third.mean_loss == 0.75
    assert third.previous == second.hash


def test_momentum_carries_on_and_the_server_rate_scales():
    spec = small_spec(update={"clip": 100.0}, rule={"server_rate": 0.5, "momentum": 0.5})
    results = federate(spec, [Fixed(spec, 1.0)] * 3, rounds=3)
    assert [result.values[0] for result in results] == [0, 0.5, 0.5 + 0.75, 0.5 + 0.75 + 0.875]


def test_a_change_beyond_clip_is_shortened_for_each_node():
    spec = small_spec(update={"clip": 0.5, "frac_bits": 24})
    _, second = federate(spec, [Fixed(spec, 100.0), Fixed(spec, 0.0), Fixed(spec, -100.0)], rounds=1)
    assert np.linalg.norm(second.values) < 1e-6
    _, second = federate(spec, [Fixed(spec, 100.0)] * 3, rounds=1)
    assert np.linalg.norm(second.values) == pytest.approx(0.5, rel=1e-5)


def test_a_whole_round_over_masks_and_storage_has_the_same_result(tmp_path):
    """What roles do over a chain, without one: each result is found by anybody from what lies in storage alone."""
    spec = small_spec(
        update={"clip": 100.0, "evaluate": True},
        rule={"momentum": 0.75},
        storage={"locations": [f"file://{tmp_path}/a", f"memory://{tmp_path.name}"]},
    )
    models = [Fixed(spec, change, examples=examples) for change, examples in ((1.25, 7), (-0.5, 9), (0.125, 3))]
    expected = list(federate(spec, models, rounds=3))
    storage, result = Storage.of(spec), expected[0]
    for number in range(1, 4):
        updates = [update_of(spec, result, train(model, spec, result.arrays(spec), round=number)) for model in models]
        parts = secrets_of(closed_set(updates, attempt=number))
        stored = []
        for index, (part, update) in enumerate(zip(parts, updates, strict=True)):
            location = index % 2
            stored.append((location, storage.put(location, masked_update(spec, part, update).encoded)))
        fetched = (parse_masked(spec, storage.get(*where, masked_size(spec))) for where in reversed(stored))
        result = next_result(spec, result, fetched)
        assert result.hash == expected[number].hash
        storage.put(1, result.encoded)
        assert parse_result(spec, storage.find(result.hash, result_size(spec))).hash == result.hash


@pytest.mark.parametrize("count", [2, 6])
def test_a_federation_has_as_many_models_as_the_specification_allows(count):
    spec = small_spec(maximum={"nodes": 5})
    with pytest.raises(InputError, match=f"{count} models are given; the specification has 3 to 5"):
        federate(spec, [Fixed(spec, 1.0)] * count)


@pytest.mark.parametrize("rounds", [-1, 31])
def test_a_federation_has_no_more_rounds_than_the_specification(rounds):
    spec = small_spec()
    with pytest.raises(InputError, match=f"{rounds} rounds are asked for; the specification has 30"):
        federate(spec, [Fixed(spec, 1.0)] * 3, rounds=rounds)
    assert len(list(federate(small_spec(rounds={"maximum": 4}), [Fixed(spec, 1.0)] * 3))) == 5


def test_a_federation_starts_from_what_the_specification_names():
    spec = small_spec()
    first = next(federate(spec, [Fixed(spec, 1.0)] * 3))
    assert next(federate(with_initial(spec, first.hash), [Fixed(spec, 1.0)] * 3)).hash == first.hash
    with pytest.raises(InputError, match=r"`model\.initial` is"):
        next(federate(with_initial(spec, bytes(32)), [Fixed(spec, 1.0)] * 3))
