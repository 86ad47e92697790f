"""A node that is killed at any point goes on where it was: nothing of its store is lost, and nothing is made anew."""

import pytest

from twopm_zk.chain.connection import RpcConnection
from twopm_zk.chain.tasks import Phase
from twopm_zk.federated import Storage
from twopm_zk.participants.database import Database

pytestmark = pytest.mark.slow

DEATHS = (
    ("write", "INTO data"),
    ("sent", "register"),
    ("write", "INTO updates"),
    ("sent", "commitUpdate"),
    ("write", "INTO round_keys"),
    ("sent", "ready"),
    ("write", "INTO ledger"),
    ("sent", "HFLContract.share"),
    ("stored", "masked"),
    ("write", "INTO computed"),
    ("stored", "result"),
    ("sent", "confirm"),
)
"""After what a node dies: a write to its store, a transaction that the chain took, something put into the storage."""


class Killed(BaseException):
    """Ends a node like kill -9: nothing of it runs any more, and a transaction of its store is rolled back."""


class Deaths:
    """Lets the node of one account die at each point once, in the order in which they come."""

    def __init__(self, monkeypatch):
        self.waiting, self.died, self.armed = list(DEATHS), [], False
        for owner, name, of, words in (
            (Database, "run", "write", lambda arguments: arguments[1]),
            (RpcConnection, "_submit", "sent", lambda arguments: arguments[1]),
            (Storage, "put", "stored", lambda arguments: arguments[2][:16].decode()),
        ):
            self.wrap(monkeypatch, owner, name, of, words)

    def wrap(self, monkeypatch, owner, name, of, words):
        plain = getattr(owner, name)

        def wrapped(*arguments):
            done = plain(*arguments)
            for death in self.waiting if self.armed else ():
                if death[0] == of and death[1] in words(arguments):
                    self.waiting.remove(death)
                    self.died.append(death)
                    raise Killed
            return done

        monkeypatch.setattr(owner, name, wrapped)


def test_a_node_that_is_killed_goes_on_where_it_was(make_stage, monkeypatch):
    stage = make_stage(nodes=3, maximum_rounds=1)
    made = []
    plain = stage.models.fit
    monkeypatch.setattr(stage.models, "fit", lambda self, *arguments: made.append(self) or plain(self, *arguments))
    deaths, mortal = Deaths(monkeypatch), stage.nodes[0]

    def looks(node=None):
        """One look of the mortal node, however often it dies."""
        for _ in range(2 * len(DEATHS)):
            deaths.armed = True
            try:
                return (node or stage.nodes[0].tick)()
            except Killed:
                deaths.armed = False
                stage.restart(0)
                node = stage.nodes[0]._register if node is not None else None
            finally:
                deaths.armed = False
        raise AssertionError("it does not get on")

    looks(mortal._register)
    stage.begin()
    for _ in range(40):
        looks()
        for one in (*stage.nodes[1:], stage.coordinator):
            if stage.state.phase is not Phase.FINISHED:
                one.tick()
        if stage.state.phase is Phase.FINISHED:
            break
    assert sorted(deaths.died) == sorted(DEATHS)
    assert stage.state.latest_result == stage.expected()[-1].hash
    assert len(made) == 3 + 1 + 3  # once more where it died before its update was written, and in one process
    for name in ("NodeLeft", "MissingReported"):
        assert not stage.events(name)
    assert len(stage.events("UpdateCommitted")) == 3
