"""A coordinator that is started again goes on with what it ran, and tells the end of it once."""

import pytest

from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import create_task

pytestmark = [pytest.mark.chain, pytest.mark.slow]


@pytest.fixture
def started(party):
    """``started(**options)`` starts the one coordinator of the party, once more."""
    running = []

    def start(**options):
        for before in running:
            before.store.close()
        running[:] = [party.coordinator(**options)]
        return running[0]

    yield start
    for last in running:
        last.store.close()


def ended(coordinator):
    """The task's last transaction; the coordinator has not looked since."""
    coordinator.view.hlr.finish(coordinator.task)
    assert coordinator.view.state(coordinator.task).phase is Phase.FINISHED


def test_a_task_that_ended_while_its_coordinator_was_away_is_told_of_and_not_begun_again(party, started):
    node = party.node(0)
    node._register()
    node.store.close()
    first = started()
    first._wanted = 1
    assert first.tick() is False
    assert first.task == 1
    ended(first)
    again = started()
    assert again.task == 1
    assert again.tick() is True
    assert [item.values["task"] for item in party.news["coordinator"] if item.kind == "finished"] == [1]
    assert again.view.task_count() == 1
    assert started().task is None  # its end is told: who starts a coordinator now means another task


@pytest.mark.parametrize("given", [False, True], ids=["found on the chain", "named"])
def test_so_is_a_task_that_was_not_created_here(party, started, given):
    task = create_task(party.coordinator_view, party.spec, stakes=party.settings.stakes)
    ended(started(task=task) if given else started())
    again = started()
    assert (again.task, again.tick(), started().task) == (task, True, None)


def test_a_task_whose_block_was_replaced_is_forgotten(party, started, world):
    snapshot = world.node.snapshot()
    create_task(party.coordinator_view, party.spec, stakes=party.settings.stakes)
    assert started().task == 1
    world.node.revert(snapshot)
    world.chain.forget_nonces()
    party.coordinator_view.chain.forget_nonces()
    assert started().task is None
