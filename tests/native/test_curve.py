"""Sums of multiples on Baby Jubjub: at the extension's own door, and the same as those of the readable twin."""

import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.curve_points import GENERATOR, SMALL

from twopm_zk.numbers.baby_jubjub import (
    BASE,
    COFACTOR,
    SUBGROUP_ORDER,
    add,
    multiply,
    native_sum,
    readable_sum,
)
from twopm_zk.numbers.field import FIELD_ORDER

ONE = (1).to_bytes(32, "little")
EDGES = [0, 1, 7, 8, 9, 15, 16, 2**252, SUBGROUP_ORDER - 1, SUBGROUP_ORDER, SUBGROUP_ORDER + 1]
EDGES += [8 * SUBGROUP_ORDER, FIELD_ORDER, 2**255, 2**256 - 1, int("8" * 64, 16), int("7" * 64, 16)]

scalars = st.one_of(st.sampled_from(EDGES), st.integers(0, 2**256 - 1))
points = st.one_of(st.builds(multiply, st.just(GENERATOR), scalars), st.sampled_from(SMALL))


def encoded(x, y):
    return x.to_bytes(32, "little") + y.to_bytes(32, "little")


def test_a_point_times_one_is_itself_and_no_terms_are_the_identity(extension):
    assert extension.sum_of_multiples(encoded(*BASE), ONE) == encoded(*BASE)
    assert extension.sum_of_multiples(b"", b"") == encoded(0, 1)


@pytest.mark.parametrize(
    "point", [(BASE.x ^ 1, BASE.y), (0, 0), (0, 1 + FIELD_ORDER), (FIELD_ORDER, 1), (2**256 - 1, 2**256 - 1)]
)
def test_a_point_off_the_curve_or_not_reduced_is_refused(extension, point):
    with pytest.raises(extension.NativeError) as caught:
        extension.sum_of_multiples(encoded(*BASE) + encoded(*point), ONE + ONE)
    assert caught.value.args == ("point", "a point is not reduced or off the curve")


@pytest.mark.parametrize(
    ("points", "scalars"), [(64, 31), (64, 33), (63, 32), (65, 32), (64, 64), (128, 32), (0, 32), (1, 0)]
)
def test_bytes_that_are_not_as_many_scalars_as_points_are_refused(extension, points, scalars):
    with pytest.raises(extension.NativeError) as caught:
        extension.sum_of_multiples((2 * encoded(*BASE))[:points], (2 * ONE)[:scalars])
    assert caught.value.args[0] == "point"


@pytest.mark.slow
def test_other_threads_run_meanwhile_a_sum(extension):
    count = 20_000
    ran_at = []
    started, done = threading.Event(), threading.Event()

    def watch():
        started.set()
        while not done.is_set():
            ran_at.append(time.perf_counter())
            time.sleep(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    started.wait()
    begin = time.perf_counter()
    extension.sum_of_multiples(count * encoded(*BASE), count * ONE)
    end = time.perf_counter()
    done.set()
    watcher.join()
    assert sum(begin < at < end for at in ran_at) > 3


@settings(max_examples=50)
@given(terms=st.lists(st.tuples(points, scalars), max_size=3))
@pytest.mark.usefixtures("extension")
def test_both_implementations_give_the_same_sums(terms):
    assert native_sum(terms) == readable_sum(terms)


@pytest.mark.slow
@pytest.mark.usefixtures("extension")
def test_both_implementations_agree_on_every_class_of_points_and_edge_of_scalars():
    assert len(set(SMALL)) == COFACTOR
    for point in [*SMALL, *(add(BASE, part) for part in SMALL)]:
        for scalar in EDGES:
            assert native_sum([(point, scalar)]) == readable_sum([(point, scalar)])
