"""Sums of multiples on Baby Jubjub at the extension's own door; tests/numbers compares them with the readable twin."""

import threading
import time

import pytest

from twopm_zk.numbers.baby_jubjub import BASE
from twopm_zk.numbers.field import FIELD_ORDER

ONE = (1).to_bytes(32, "little")


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
