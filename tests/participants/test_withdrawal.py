"""Data that are withdrawn in each phase of a round, and what other nodes then share."""

import pytest
from support.people_stage import Stage
from support.people_world import SPEC, Party, replace

from twopm_zk.chain.tasks import Phase
from twopm_zk.coordinator.task_creation import Stakes, create_task, registered
from twopm_zk.errors import InputError, TransactionError
from twopm_zk.node.withdrawal import withdraw
from twopm_zk.participants.records import Attempt
from twopm_zk.task.parts.step_rule import StepRule

pytestmark = pytest.mark.slow

INSTANCES = replace(SPEC.instances, information=())
FOUR = replace(SPEC, step=StepRule("gradient", curvature="ranges"), minimum_rows=16, instances=INSTANCES)
SIZES = (8, 8, 8, 8)
GONE = 3
"""The node whose owner withdraws."""


def datasets(spec):
    return [spec.data_terms.id, spec.held_out_terms.id]


# --- withdrawn in each phase ---


@pytest.fixture
def stage(party):
    made = []

    def make(sizes=SIZES, **changes):
        party.spec, party.sizes = replace(FOUR, **changes), sizes
        party.tables = Party(party.world, party.folder, sizes=sizes).tables
        made.append(Stage(party))
        return made[-1].begin()

    yield make
    for one in made:
        one.close()


def leave(stage, number=GONE, *, retraining=False):
    return withdraw(stage.nodes[number].view, datasets(stage.party.spec), retraining=retraining)


def test_a_node_whose_data_are_withdrawn_says_so_and_stops_and_the_others_go_on_without_it(stage):
    stage = stage()
    leave(stage)
    assert stage.nodes[GONE].tick()
    assert stage.party.kinds(GONE)[-1] == "data-withdrawn"
    assert stage.until(Phase.READY).nodes == 3  # nobody waits for it
    assert stage.address(GONE) not in {event["node"] for event in stage.events("UpdateAccepted")}


def test_an_update_of_withdrawn_data_is_refused_by_the_contract(stage):
    stage = stage()
    node, state = stage.nodes[GONE], stage.state
    (entry,) = node._in_time(state)
    (stored,) = node._proven(state, Attempt.of(state), [entry], {}, noise={}).values()
    leave(stage)
    with pytest.raises(TransactionError) as refused:
        node.view.hlr.submit_update(state.id, 48, entry.place, stored.opening.point, stored.proof)
    assert refused.value.error == "DataIsWithdrawn"
    assert not node._submit(state, entry, stored)  # overtaken: it looks again, and does not try for ever
    assert node.tick()


def test_who_withdraws_its_data_after_its_update_is_not_ready_and_the_others_are(stage):
    stage = stage()
    stage.collected()
    leave(stage)
    for _ in range(3):
        stage.tick(*stage.nodes)
    assert stage.state.ready == 3
    stage.late()
    assert stage.until(Phase.SUMMED).ready == 3
    assert stage.address(GONE) not in stage.attempt.nodes


def test_who_withdraws_its_data_when_it_is_ready_leaves_the_set_for_nothing(stage):
    stage = stage()
    stage.collected()
    stage.tick(stage.nodes[GONE], stage.nodes[0])
    leave(stage)
    stage.tick(stage.nodes[GONE])
    assert [event["node"] for event in stage.events("NodeLeft")] == [stage.address(GONE)]
    stage.tick(*stage.nodes)
    assert stage.until(Phase.SUMMED).shared == 3


def test_who_withdraws_its_data_once_sharing_has_begun_is_in_this_sum_and_in_none_after_it(stage):
    stage = stage()
    stage.collected()
    stage.until(Phase.SHARING)
    leave(stage)
    state = stage.until(Phase.SUMMED)
    assert state.shared == 4
    stage.until(Phase.COLLECTING, when=lambda now: now.round > state.round)
    assert stage.until(Phase.SUMMED).shared == 3
    assert "data-withdrawn" in stage.party.kinds(GONE)


def test_data_are_withdrawn_by_their_owner_once_and_for_good(stage):
    stage = stage()
    spec, owner = stage.party.spec, stage.nodes[GONE].view
    with pytest.raises(InputError, match="has registered no data"):
        withdraw(stage.coordinator.view, datasets(spec), retraining=False)
    assert len(leave(stage)) == 1
    assert leave(stage) == []  # it is done
    assert not owner.data_hub.may_retrain_without(owner.address, spec.data_terms.id)
    assert len(leave(stage, retraining=True)) == 1  # allowed later
    assert leave(stage) == []  # and not taken back
    withdrawn = stage.reader.withdrawals(spec.data_terms.id)
    assert withdrawn[owner.address].retraining
    others = registered(stage.reader, spec, stakes=Stakes()).ready
    assert owner.address not in others
    assert len(others) == 3
    stage.coordinator.view.data_hub.withdraw(spec.data_terms.id)  # a stranger's own, of which there are none
    present = stage.address(0)
    assert (
        stage.reader.data_hub.usable(present, spec.data_terms.id, 0)[0]
        in stage.reader.registrations(spec.data_terms.id, before=stage.reader.block() + 1)[present]
    )
    with pytest.raises(TransactionError) as refused:
        owner.data_hub.register(spec.data_terms.id, 7, [12345])
    assert refused.value.error == "DataIsWithdrawn"


# --- what the others share ---


def test_nodes_share_nothing_without_an_owner_who_has_not_released_them(stage):
    """A sum at the weights of another one without one owner tells its gradients: whoever asks for it gets nothing."""
    stage = stage()
    stage.until(Phase.SUMMED)
    leave(stage)
    again = create_task(stage.coordinator.view, stage.party.spec, stakes=Stakes())
    stage.hlr.open_round(again)
    nodes = stage.nodes[:GONE]
    for node in nodes:
        node._task = again
        node.tick()
    assert stage.reader.state(again).nodes == 3
    stage.hlr.close(again)
    for node in nodes:
        node.tick()
    assert stage.reader.state(again).ready == 0
    objections = [item for item in stage.party.news[0] if item.kind == "objection"]
    assert objections[-1].values == {"objection": "shared-before"}
    leave(stage, retraining=True)  # now they may: the owner has said that its sums may be told
    for node in nodes:
        node.tick()
    assert stage.reader.state(again).phase is Phase.SHARING
    for node in nodes:
        node.tick()
    assert stage.reader.state(again).phase is Phase.SUMMED
