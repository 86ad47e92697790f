"""The chain's own node is killed, and starts again from a state that it has saved: the last blocks are gone."""

import os
import signal

import pytest
from soundness.faults.conftest import NEAR
from soundness.faults.played import Played
from support.people_world import Party, World
from support.waiting import until

from twopm_zk.chain import DevelopmentNode
from twopm_zk.chain.development_node import _answers
from twopm_zk.errors import InputError

pytestmark = [pytest.mark.slow, pytest.mark.full]

PART = "faults: the chain's node killed, its last blocks lost"


class Mortal(DevelopmentNode):
    """A node that can be killed, and comes back at the same port."""

    def die_and_return(self, path):
        os.killpg(self._process.pid, signal.SIGKILL)
        port = int(self.url.rpartition(":")[2])
        self.close()
        until(lambda: not _answers(port))
        self.port, self._log = port, None
        self.start()
        self.load(path)


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_chain_that_loses_its_last_blocks_goes_on_to_the_same_result(tmp_path, tally, lost):
    """``lost``: how many looks are made after the state was saved, of which nothing is left."""
    with Mortal() as node:
        party = Party(World(node), tmp_path, spec=NEAR)
        for number in (1, 2, 3, 4, 8):
            party.world.view(number).chain.timeout = 1.0
        played, died = Played(party, 0), []

        def look():
            if played.where not in died:
                died.append(played.where)
                node.save(tmp_path / "chain")
                for one in [played, *played.others][:lost]:
                    one.looks() if one is played else played.tick(one)
                node.die_and_return(tmp_path / "chain")
            played.looks(stops=InputError)  # its task may be one of those blocks'

        try:
            played.run(look, most=80)
            assert played.losses(attempts=4) == []
        finally:
            played.close()
        tally.faults(PART, tried=len(died), survived=len(died))
