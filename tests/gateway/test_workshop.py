"""Work away from the loop: so many at a time, so many that wait, and nobody for ever."""

import asyncio
import threading

import pytest

from twopm_zk.gateway.responses import RefusedError
from twopm_zk.gateway.workshop import Workshop


async def once_there_is_room(workshop):
    """What is asked for, once it is not refused any more."""
    for _ in range(1000):
        try:
            return await workshop.run(lambda: "room")
        except RefusedError:
            await asyncio.sleep(0.02)
    raise AssertionError("its place was not left")


def test_whoever_finds_the_queue_full_is_sent_away_and_the_others_are_served():
    async def run():
        workshop, begun, go_on = Workshop(workers=1, queue=2), threading.Event(), threading.Event()

        def work():
            begun.set()
            return go_on.wait(10)

        waiting = [asyncio.create_task(workshop.run(work)) for _ in range(2)]
        await asyncio.to_thread(begun.wait, 10)
        with pytest.raises(RefusedError) as caught:
            await workshop.run(work)
        go_on.set()
        done = await asyncio.gather(*waiting)
        again = await workshop.run(lambda: "room")
        workshop.close()
        return caught.value.status, done, again

    assert asyncio.run(run()) == (503, [True, True], "room")


def test_one_who_leaves_meanwhile_leaves_a_place_once_the_work_is_done():
    async def run():
        workshop, go_on = Workshop(workers=1, queue=1), threading.Event()
        task = asyncio.create_task(workshop.run(lambda: go_on.wait(10)))
        await asyncio.sleep(0.05)
        task.cancel()
        go_on.set()
        found = await once_there_is_room(workshop)
        workshop.close()
        return found

    assert asyncio.run(run()) == "room"


def test_work_that_hangs_keeps_its_place_though_nobody_waits_for_it_any_more():
    async def run():
        workshop, go_on = Workshop(workers=1, queue=1, seconds=0.05, kind="no-chain"), threading.Event()
        refused = []
        for _ in range(3):
            with pytest.raises(RefusedError) as caught:
                await workshop.run(lambda: go_on.wait(10))
            refused.append(caught.value.kind)
        go_on.set()
        found = await once_there_is_room(workshop)
        workshop.close()
        return refused, found

    refused, found = asyncio.run(run())
    assert refused == ["no-chain", "busy", "busy"]
    assert found == "room"
