"""An attack: somebody copies an owner's commitment, and its update with the proof, before the owner's is on the chain.

A proof names the rows' commitment and not the account, so that the contract takes it from whoever has registered the
commitment. It gains nothing: the owner's own update counts all the same, and who cannot open a point is found out.
"""

import pytest
from support.people_stage import LyingPart, Stage, lying
from support.people_world import SPEC, DoubleKeys, Party, replace

from twopm_zk.auditor.audit import audit
from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import create_task
from twopm_zk.node.sharing_part import _Held
from twopm_zk.numbers.pedersen import Opening
from twopm_zk.participants.rounds.membership import register_key
from twopm_zk.participants.task_view import dataset_of
from twopm_zk.sharing import Sharer
from twopm_zk.sharing.masks import masked

pytestmark = [pytest.mark.chain, pytest.mark.slow]
OWNER, COPIER = 0, 3


class Blind(Sharer):
    def vector(self, generators, opening):
        return masked(self.address, opening, self.masks(len(generators)))


class CopyingPart(LyingPart):
    """Shares zeros in the place of an opening that it does not know."""

    def _held(self, state, attempt, batches):
        if self.view.address not in attempt.points:
            return None
        unknown = Opening.drawn(attempt.unit, (0,) * attempt.count, 8)
        return _Held(unknown, frozenset(attempt.data[self.view.address]), False)

    def _sharer(self, state, sharing_set):
        blind = object.__new__(Blind)
        blind.__dict__.update(super()._sharer(state, sharing_set).__dict__)
        return blind


@pytest.fixture
def stage(world, tmp_path):
    """Four nodes, the last of which has registered the first one's commitment, and hands in its update first."""
    spec = replace(SPEC, minimum_rows=20)
    stage = Stage(Party(world, tmp_path, spec=spec, sizes=(8, 8, 8, 8)))
    owner, copier = stage.nodes[OWNER], stage.nodes[COPIER]
    for node in stage.nodes[:COPIER]:
        node._register()
    copier.view.identity.join("", b"")
    register_key(copier.view, copier.store)
    (entry,) = owner._batches
    copier.view.data_hub.register(dataset_of(spec), 0, [entry.batch.commitment])
    copier._registered = True
    stage.task = stage.coordinator.task = create_task(stage.coordinator.view, spec, stakes=stage.stakes)
    stage.hlr.open_round(stage.task)
    return stage


def overtake(stage, monkeypatch):
    """The copier sees the owner's transaction on its way, and is mined before it."""
    owner, copier = stage.nodes[OWNER], stage.nodes[COPIER]
    send = owner.view.hlr.submit_update

    def submit(task, size, index, point, proof):
        if not copier.view.updates(copier.view.state(task), node=copier.view.address):
            copier.view.hlr.submit_update(task, size, 0, point, proof)
        return send(task, size, index, point, proof)

    monkeypatch.setattr(owner.view.hlr, "submit_update", submit)


def test_who_copies_an_update_keeps_nobody_s_out_and_falls_out_of_the_set(stage, monkeypatch):
    overtake(stage, monkeypatch)
    stage.until(Phase.READY, without={COPIER})
    taken = {event["node"]: event["data"] for event in stage.events("UpdateAccepted")}
    assert taken[stage.address(COPIER)] == taken[stage.address(OWNER)]
    stage.until(Phase.READY, without={COPIER}, when=lambda state: state.ready == 3)
    stage.late()
    stage.until(Phase.COLLECTING, without={COPIER}, when=lambda state: state.round == 1)
    report = audit(stage.reader, stage.task, spec=stage.party.spec, keyring=DoubleKeys())
    assert report.passed, report.failed
    assert report.attempts[0].summed == tuple(stage.address(number) for number in range(3))


def test_who_shares_with_an_update_that_it_copied_cannot_complete_its_claims_and_is_out(stage, monkeypatch):
    overtake(stage, monkeypatch)
    lying(stage.nodes[COPIER], part=CopyingPart)
    monkeypatch.setattr(stage.nodes[COPIER], "_take_part", lambda state: None)
    stage.until(Phase.DISPUTED)
    while len(stage.attempt.dispute.complete) < 3:
        stage.tick(*stage.nodes)
    stage.late(stage.state.seconds[Phase.DISPUTED])
    stage.until(Phase.FINISHED)
    (left,) = stage.events("NodeLeft")
    assert left["node"] == stage.address(COPIER)
    assert stage.reader.is_barred(stage.state, stage.address(COPIER))
