"""Clocks that jump: this machine's, at every look of a participant, and the chain's, where nobody has shared yet."""

import time

import pytest

from twopm_zk.chain.tasks import Phase

pytestmark = pytest.mark.slow

OWN = "faults: a participant's clock jumps"
CHAINS = "faults: the chain's clock jumps"
HOUR, YEAR = 3600, 365 * 86400
JUMPS = (10 * YEAR, -5 * HOUR, 2 * HOUR, -10 * YEAR)


@pytest.mark.full
@pytest.mark.parametrize("who", [0, "coordinator"])
def test_a_clock_that_jumps_at_every_look_changes_nothing_and_costs_nothing(play, monkeypatch, tally, who):
    played, jumped, ahead = play(who), set(), 0.0
    wall = time.time
    monkeypatch.setattr(time, "time", lambda: wall() + ahead)

    def look():
        nonlocal ahead
        for jump in JUMPS:
            if (played.where, jump) not in jumped:
                jumped.add((played.where, jump))
                ahead = jump
                try:
                    played.look()
                finally:
                    ahead = 0.0
        played.looks()

    played.run(look)
    assert played.losses() == []
    tally.faults(OWN, tried=len(jumped), survived=len(jumped))


@pytest.mark.full
@pytest.mark.parametrize("phase", [Phase.CREATED, Phase.COLLECTING, Phase.READY, Phase.SHARING, Phase.SUMMED])
def test_a_chain_whose_clock_jumps_by_years_goes_on_to_the_same_result(play, near, tally, phase):
    played, jumped = play("coordinator" if phase is Phase.SUMMED else 0), []  # who looks first in that phase

    def look():
        if not jumped and played.phase is phase:
            near.world.node.advance(3 * YEAR)
            jumped.append(phase)
        played.looks()

    played.run(look, most=120)
    assert jumped
    assert played.losses(attempts=4) == []
    tally.faults(CHAINS, tried=len(jumped), survived=len(jumped))
