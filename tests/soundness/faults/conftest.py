"""A task in which one participant has faults."""

import pytest
from soundness.faults.played import Played
from support.people_world import SPEC, replace

NEAR = replace(SPEC, gradient_bound=0.2, maximum_node_updates=1)


@pytest.fixture
def near(party):
    """A party whose task ends after few rounds."""
    party.spec = NEAR
    return party


@pytest.fixture
def play(near):
    made = []

    def make(who, **options):
        made.append(Played(near, who, **options))
        return made[-1]

    yield make
    for one in made:
        one.close()
