"""Waiting for what happens in other threads and processes."""

import time


def until(true, seconds=60.0):
    """What ``true()`` returns, once that is true."""
    limit = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < limit, "it did not come"
        time.sleep(0.02)
    return found
