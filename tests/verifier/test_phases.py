"""Every function in every phase, called by the coordinator, a node of the set and a stranger, in time and late.

What a phase does not know is refused with WrongPhase whoever asks, so that no way leads to a second sum at the same
weights.
"""

from contextlib import suppress

import pytest
from support.rounds_task import WITH_PENALTY, Task

from twopm_zk.errors import TransactionError

ALLOWED = {
    "openRound": {"Created"},
    "submitUpdate": {"Collecting"},
    "close": {"Collecting"},
    "reopen": {"Collecting", "Ready", "Sharing"},
    "ready": {"Ready"},
    "startSharing": {"Ready"},
    "withdraw": {"Ready", "Sharing"},
    "share": {"Sharing"},
    "expel": {"Sharing", "Disputed"},
    "dispute": {"Summed"},
    "claim": {"Disputed"},
    "reveal": {"Disputed"},
    "expelPair": {"Disputed"},
    "settle": {"Disputed"},
    "acceptWeights": {"Summed", "Disputed"},
    "certify": {"Summed", "Disputed"},
    "proceed": {"Summed", "Disputed"},
    "finish": {"Created", "Collecting", "Ready", "Summed"},  # and Sharing, before the first share
}
"""Where a function gets past the check of the phase; takeOver has none, but its own conditions."""
PHASES = ("Created", "Collecting", "Ready", "Sharing", "Summed", "Disputed", "Finished")
NEVER = 10**6


def in_phase(world, phase):
    people = world.people
    task = Task(world, people.dan, config=WITH_PENALTY, opened=phase != "Created")
    if phase in ("Created", "Collecting"):
        return task
    task.submit_all(people=("ada", "ben", "cleo", "eve"))
    task.close()
    if phase == "Ready":
        task.ready_all(people.ada)
        return task
    task.ready_all()
    if phase == "Sharing":
        task.share(people.ada)
        return task
    task.share_all()
    if phase == "Disputed":
        task.act(people.ada, "dispute")
    if phase == "Finished":
        task.certify()
    return task


def calls(people):
    """A call of each function that fails for other reasons, if the phase lets it."""
    keys = ([1, 2], 3, 4)
    point = (1, 2, 3, 4)
    return {
        "openRound": (),
        "submitUpdate": (32, NEVER, 5, 5, [0] * 24),
        "close": (),
        "reopen": (),
        "ready": ([1, 2], 3, 4),
        "startSharing": (),
        "withdraw": (),
        "share": (b"\x01" * 32, [1, 2, 3]),
        "expel": (people.ada.address,),
        "dispute": (),
        "claim": ([], [], [people.ada.address], []),
        "reveal": (people.ada.address, keys, keys, [point, point], []),
        "expelPair": (people.ada.address, people.ben.address),
        "settle": (),
        "acceptWeights": ([1, 2, 3], 7, [0] * 24),
        "certify": (5, [0] * 24),
        "proceed": ([], []),
        "finish": (),
    }


def outcome(task, person, function, arguments):
    """The name of the error, or "done"; nothing is kept."""
    snapshot = task.world.node.snapshot()
    try:
        task.act(person, function, *arguments)
        return "done"
    except TransactionError as error:
        return error.error
    finally:
        task.world.node.revert(snapshot)
        for each in vars(task.people).values():
            each.chain.forget_nonces()


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("phase", PHASES)
def test_only_the_functions_of_a_phase_get_past_it(world, people, node, phase, late):
    task = in_phase(world, phase)
    if late:
        node.advance(10**5)
    for function, arguments in calls(people).items():
        for person in (people.dan, people.ben, people.eve):
            found = outcome(task, person, function, arguments)
            if phase not in ALLOWED[function]:
                # whoever is not in the present set is told that first
                assert found in ("WrongPhase", "NotInTheSet"), (function, person, found)
            else:
                assert found != "WrongPhase" or function in ("reopen", "finish"), (function, person, found)


@pytest.mark.slow
def test_once_somebody_has_shared_no_function_leads_to_another_attempt(world, people, node):
    """Whatever anybody calls, in time or late."""
    for phase in ("Sharing", "Summed", "Disputed"):
        task = in_phase(world, phase)
        before = task.state
        node.advance(10**5)
        for function, arguments in calls(people).items():
            for person in (people.dan, people.ada, people.ben, people.eve):
                snapshot = node.snapshot()
                with suppress(TransactionError):
                    task.act(person, function, *arguments)
                state = task.state
                assert (state["round"], state["attempt"]) == (before["round"], before["attempt"]), (phase, function)
                assert state["sharedOnce"]
                node.revert(snapshot)
                for each in vars(people).values():
                    each.chain.forget_nonces()
