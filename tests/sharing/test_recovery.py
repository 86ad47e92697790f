"""What an opening of one node would give away, and that nothing on the chain does."""

import numpy as np
import pytest
from support.recovery import recover_rows
from support.sharing_model import close, minus, play, plus

from twopm_zk.numbers.baby_jubjub import hash_to_point
from twopm_zk.numbers.fixed_point import FEATURES
from twopm_zk.numbers.pedersen import centred
from twopm_zk.statements.step import StepShape, exact_gradient


def private_rows(rows, features, seed=0):
    """Shape, weights, rows and their exact gradient."""
    random = np.random.default_rng(seed)
    shape = StepShape(max(rows, 8), features, FEATURES)
    table = np.clip(np.rint(random.normal(size=(rows, features)) * FEATURES.one), -FEATURES.bias, FEATURES.bias - 1)
    labels = random.integers(0, 2, rows)
    weights = [int(weight) for weight in np.rint(random.normal(size=features + 1) * 0.3 * (1 << 20))]
    table = table.astype(np.int64)
    wanted = sorted((tuple(map(int, row)), int(label)) for row, label in zip(table, labels, strict=True))
    return shape, weights, wanted, exact_gradient(shape, weights, table, labels)


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "features"), [(1, 3), (2, 3), (3, 3), (4, 8), (5, 20), (6, 20), (7, 20), (8, 20)])
def test_an_exact_update_of_one_node_gives_its_rows_back(rows, features):
    shape, weights, wanted, update = private_rows(rows, features)
    assert shape.gradient_frac_bits == 184
    assert recover_rows(shape, weights, update, rows) == wanted


def test_another_update_gives_no_rows_back():
    shape, weights, _, update = private_rows(3, 3)
    changed = list(update)
    changed[0] += 1
    assert recover_rows(shape, weights, changed, 3) is None
    assert recover_rows(shape, weights, update, 2) is None
    assert recover_rows(shape, weights, [0] * 4, 3) is None


def test_rounding_alone_does_not_hide_a_single_row():
    """Each feature is a quotient of two sums, rounded or not: what hides a row is that nobody sees its sums."""
    _, _, [(features, _)], update = private_rows(1, 3)
    *sums, intercept = [value >> (184 - 48) for value in update]
    assert tuple(round(value * FEATURES.one / intercept) for value in sums) == features


@pytest.mark.slow
@pytest.mark.parametrize(("rows", "features"), [(1, 3), (3, 3), pytest.param(8, 20, marks=pytest.mark.slow)])
def test_nothing_that_is_shared_gives_rows_back(rows, features):
    """The very updates whose openings do. One lane a scalar, so that exact updates fit."""
    names = [f"exact {index}" for index in range(features + 2)] + ["blinding"]
    game, nodes = play(3, submit=False, generators=tuple(map(hash_to_point, names)))
    private = [private_rows(rows, features, seed) for seed in range(3)]
    shape, weights = private[0][:2]
    for node, (_, _, wanted, _) in zip(nodes, private, strict=True):
        table = np.array([row for row, _ in wanted], dtype=np.int64)
        update = exact_gradient(shape, weights, table, np.array([label for _, label in wanted]))
        node.update(*update, rows)
    close(nodes)
    for node in nodes:
        assert node.share()

    def attacked(vector, count):
        return recover_rows(shape, weights, [centred(scalar) for scalar in vector[: features + 1]], count)

    for node, (_, _, wanted, _) in zip(nodes, private, strict=True):
        assert attacked(node.opening, rows) == wanted  # as a coordinator had it
        assert attacked(game.shares[node.address], rows) is None
    vectors = list(game.shares.values())
    for seen in (minus(vectors[0], vectors[1]), plus(vectors[0], vectors[1])):
        assert attacked(seen, rows) is None
    total = game.opened()
    assert total == plus(*(node.opening for node in nodes))
    assert total[features + 1] == 3 * rows
    assert attacked(total, rows) is None
