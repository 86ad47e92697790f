"""Work that external programs do, several at once: circom and solc use one core each."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from twopm_zk.system.progress import Progress

Made = TypeVar("Made")


def side_by_side(names: Sequence[str], make: Callable[[str], Made], *, progress: Progress) -> dict[str, Made]:
    """What ``make`` makes of each name, as many at a time as there are cores; ``progress`` hears of each.

    The first error is raised, once what has begun is done.
    """
    made: dict[str, Made] = {}
    wanted = list(dict.fromkeys(names))
    if not wanted:
        return made
    with ThreadPoolExecutor(min(len(wanted), os.cpu_count() or 1)) as pool:
        waiting = {pool.submit(make, name): name for name in wanted}
        try:
            for number, done in enumerate(as_completed(waiting), start=1):
                made[waiting[done]] = done.result()
                progress(f"{number} of {len(wanted)}: {waiting[done]}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return {name: made[name] for name in wanted}
