"""Federated tasks from their creation to their last result, and what becomes of who is silent."""

import numpy as np
import pytest
from support.federated_world import ETH

from twopm_zk.chain.tasks import Phase
from twopm_zk.errors import DataError, DeploymentError, InputError, SpecError
from twopm_zk.federated import FederatedSpec
from twopm_zk.hfl.data import digest_of_number
from twopm_zk.hfl.node import FederatedConsent
from twopm_zk.hfl.view import require_federated
from twopm_zk.node.withdrawal import withdraw

pytestmark = pytest.mark.slow


def test_results_are_those_of_a_federation_in_one_process(make_stage):
    stage = make_stage(nodes=4).begin()
    state = stage.finished()
    expected = stage.expected()
    assert stage.reader.accepted(state) == tuple(result.hash for result in expected[1:])
    assert stage.said(0, "confirmed")[-1].values["loss"] == expected[-1].mean_loss
    assert state.complete
    assert [stage.reader.hfl.credit_of(stage.task, stage.address(number)) for number in range(4)] == [1, 1, 1, 1]
    for node in stage.nodes:  # what is over is forgotten, but for the ledger
        assert node.tick()
        assert not node.store.query("SELECT 1 FROM updates UNION SELECT 1 FROM round_keys")
        assert len(node.store.ledger().entries) == 2
    assert "finished in round 1" in [item.text for item in stage.news[0]]  # the second: they are numbered from 0


def test_who_is_silent_after_it_was_ready_pays_and_the_others_have_their_sum(make_stage):
    stage = make_stage(nodes=4, penalty=ETH // 10, maximum_rounds=1).begin()
    stage.until(Phase.SHARING, when=lambda state: state.ready == 4)
    stage.until(Phase.SHARING, without={3}, when=lambda state: state.shared == 3)
    stage.late()
    state = stage.finished(without={3})
    assert state.latest_result == stage.expected(0, 1, 2)[-1].hash
    (out,) = stage.events("NodeLeft")
    assert out["node"] == stage.address(3)
    assert bytes.fromhex(out["reason"][2:]).rstrip(b"\0") == b"silent"
    (penalty,) = stage.events("Penalised")
    assert (penalty["node"], penalty["value"]) == (stage.address(3), ETH // 10)


def test_who_does_not_come_falls_out_unharmed(make_stage):
    stage = make_stage(nodes=4, maximum_rounds=1).begin()
    stage.until(Phase.READY, when=lambda state: state.nodes == 4)
    stage.until(Phase.READY, without={3}, when=lambda state: state.ready == 3)
    stage.late()
    assert stage.finished(without={3}).latest_result == stage.expected(0, 1, 2)[-1].hash
    assert not stage.events("Penalised")


def test_a_vanished_coordinator_holds_up_nobody_and_is_replaced(make_stage):
    stage = make_stage(nodes=3).begin()
    stage.until(Phase.COLLECTING, coordinator=False, when=lambda state: state.updates == 3)
    stage.late()
    stage.until(Phase.SUMMED, coordinator=False, when=lambda state: state.shared == 3)
    stage.late()
    stage.nodes[1].view.hfl.take_over(stage.task)
    stage.coordinator.tick()
    assert stage.said("coordinator", "replaced")
    stage.coordinator = stage.make_coordinator(view=stage.nodes[1].view, task=stage.task)
    assert stage.finished().latest_result == stage.expected()[-1].hash
    assert "took over from" in stage.audited().notes[0]


def test_a_node_shares_at_the_same_parameters_only_with_the_same_nodes(make_stage):
    """A second task starts where the first one did: with other nodes, its sum would tell them apart."""
    stage = make_stage(nodes=4, maximum_rounds=1)
    last = stage.nodes.pop()
    stage.begin()
    stage.finished()
    for node in stage.nodes:
        node.tick()
    stage.nodes, stage.coordinator.task = [*stage.nodes[:2], last], None
    stage.begin()
    for number in range(2):
        stage.nodes[number]._task = stage.task
    stage.until(Phase.COLLECTING, coordinator=False, when=lambda state: state.updates == 3)
    stage.coordinator.view.hfl.close(stage.task)
    for node in stage.nodes:
        node.tick()
    assert "with other nodes than those here" in stage.said(0, "objection")[-1].text
    assert stage.state.ready == 1


def test_a_task_with_other_rules_than_its_specification_is_refused(make_stage):
    stage = make_stage(nodes=3).begin()
    fields = {name: getattr(stage.spec, name) for name in FederatedSpec.__dataclass_fields__}
    with pytest.raises(DeploymentError, match="of the specification"):
        require_federated(stage.state, FederatedSpec(**fields | {"quorum_percent": 100}))
    state = stage.state
    object.__setattr__(state, "quorum", 100)
    with pytest.raises(DeploymentError, match="another quorum"):
        require_federated(state, stage.spec)


def test_data_and_model_are_checked_before_anything_is_sent(make_stage):
    stage = make_stage(nodes=3)
    stage.nodes[0]._register()
    with pytest.raises(DataError, match="others than those"):
        stage.restart(0, data=digest_of_number(77))._register()

    class Wider:
        def parameters(self):
            return [np.zeros(4), np.zeros(1)]

        fit = evaluate = None

    with pytest.raises(InputError, match=r"shapes \[4\], \[1\]; the specification has \[3\], \[1\]"):
        stage.restart(1, model=Wider())
    stage.nodes[1] = stage.node(1)


def test_a_model_that_raises_is_named_without_its_message(make_stage):
    stage = make_stage(nodes=3)

    class Broken(stage.models):
        def fit(self, parameters, config):
            raise ValueError("row 17 of Ada Lovelace")

    stage.restart(0, model=Broken(0))
    stage.begin()
    with pytest.raises(InputError, match=r"`fit` of the model raised ValueError in test_round.py, line \d+$") as caught:
        stage.nodes[0].tick()
    assert "Ada" not in str(caught.value)


@pytest.mark.parametrize("location", [-1, 2])
def test_a_location_that_the_specification_has_not_is_refused(make_stage, location):
    stage = make_stage(nodes=3)
    with pytest.raises(InputError, match=f"location {location} is none of the specification's 2"):
        stage.restart(0, location=location)
    stage.nodes[0] = stage.node(0)


def test_what_training_starts_from_is_the_models_own_or_accepted_by_its_owner(make_stage):
    stage = make_stage(nodes=3)
    model = stage.models(0)
    model.parameters = lambda: [np.array([1e-3, 0, 0]), np.zeros(1)]  # as one that was chosen to show an example
    with pytest.raises(SpecError) as refused:
        stage.node(5, model=model)
    assert refused.value.kind == "other-initial"
    stage.node(5, model=model, consent=FederatedConsent(any_initial=True)).store.close()


def test_who_withdraws_its_data_is_in_no_round_that_begins_after_it_and_holds_up_nobody(make_stage):
    stage = make_stage(nodes=4).begin()
    stage.until(Phase.SHARING)
    owner, terms = stage.nodes[3].view, stage.spec.data_terms
    assert len(withdraw(owner, [terms.id], retraining=False)) == 1
    state = stage.finished()
    assert state.complete
    sets = {event["round"]: event["nodes"] for event in stage.events("SharingStarted")}
    assert sets == {0: 4, 1: 3}
    assert stage.said(3, "data-withdrawn")
    assert stage.nodes[3].tick()
    owner.data_hub.withdraw(terms.id, retraining=True)
    assert stage.reader.withdrawals(terms.id)[owner.address].retraining
    assert stage.audited().sound


def test_who_withdraws_its_data_before_it_is_ready_falls_out_unharmed(make_stage):
    stage = make_stage(nodes=4, maximum_rounds=1).begin()
    stage.until(Phase.READY, when=lambda state: state.nodes == 4)
    withdraw(stage.nodes[3].view, [stage.spec.data_terms.id], retraining=False)
    stage.until(Phase.READY, when=lambda state: state.ready == 3)
    stage.late()
    assert stage.finished().latest_result == stage.expected(0, 1, 2)[-1].hash
    assert not stage.events("Penalised")
