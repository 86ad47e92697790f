"""A task whose verifiers are not there is found out before anybody pays for anything."""

from dataclasses import replace

import pytest
from support.people_world import SPEC

from twopm_zk.chain.network import Network
from twopm_zk.coordinator.task_creation import Stakes, create_task
from twopm_zk.errors import DeploymentError
from twopm_zk.node.membership import join
from twopm_zk.node.registration import load_batches, register
from twopm_zk.node.store import NodeStore
from twopm_zk.participants.preflight import require_verifiers
from twopm_zk.participants.task_view import ChainView
from twopm_zk.task.instances import TaskInstances


@pytest.fixture
def lacking(world, monkeypatch):
    """The deployment, as it was before two of its verifiers were added."""
    names = {"certify-3", "step-48x3"}
    verifiers = {name: entry for name, entry in world.deployment.verifiers.items() if name not in names}
    monkeypatch.setattr(world, "deployment", replace(world.deployment, verifiers=verifiers))
    return world


def retire(world, name):
    network = Network(world.chain, world.deployment)
    network.contract("VerifierRegistry").transact("retire", network.verifier_id(name))


def test_a_deployment_with_all_verifiers_is_enough(world):
    require_verifiers(world.view(1), SPEC)
    chosen = TaskInstances(("step-48x3",), "aggregate-3", "certify-3", ("information-48x3",))  # no prediction
    require_verifiers(world.view(1), replace(SPEC, instances=chosen))


def test_a_data_owner_learns_it_before_becoming_a_member_or_registering(lacking, party, tmp_path):
    view = lacking.view(2)
    with NodeStore(tmp_path / "n.db") as store:
        load_batches(store, SPEC, party.tables[0])
        for act in (lambda: register(view, store, SPEC), lambda: join(view, SPEC, store), party.node(0).tick):
            with pytest.raises(DeploymentError, match="no verifier of step-48x3, certify-3") as caught:
                act()
            assert caught.value.kind == "no-verifiers"
            assert caught.value.facts["missing"] == ["step-48x3", "certify-3"]
    assert view.member(view.address) is None
    assert view.registrations(SPEC.data_terms.id, before=view.block() + 1) == {}


def test_a_coordinator_learns_it_before_creating_anything(lacking, party):
    with pytest.raises(DeploymentError, match="no verifier of"):
        create_task(lacking.view(1), SPEC, stakes=Stakes())
    party.coordinator_view = lacking.view(1)
    coordinator = party.coordinator()
    with pytest.raises(DeploymentError, match="no verifier of"):
        coordinator.tick()
    coordinator.store.close()
    assert lacking.view(1).task_count() == 0


@pytest.mark.parametrize("name", ["information-48x3", "aggregate-3"])
def test_a_retired_verifier_is_as_good_as_none(world, name):
    retire(world, name)
    with pytest.raises(DeploymentError, match=f"retired the verifiers of {name}") as caught:
        require_verifiers(world.view(2), SPEC)
    assert caught.value.kind == "retired-verifiers"


def test_a_file_that_names_another_contract_than_the_registry_is_told(world):
    verifiers = dict(world.deployment.verifiers)
    verifiers["step-48x3"] = replace(verifiers["step-48x3"], id=verifiers["step-119x3"].id)
    view = ChainView(Network(world.view(1).chain, replace(world.deployment, verifiers=verifiers)))
    with pytest.raises(DeploymentError, match="other verifiers of step-48x3"):
        require_verifiers(view, SPEC)
