"""Federated tasks whose data an issuer has to attest to, and tasks that share what owners have committed to."""

from dataclasses import replace

import pytest
from support.attestations import attest_batches
from support.federated_world import FederatedStage, specification, view_of

from twopm_zk.errors import DataError
from twopm_zk.hfl.data import digest_of_number, register_data
from twopm_zk.task.parts.data import Provenance

pytestmark = [pytest.mark.chain, pytest.mark.slow]


def test_nodes_and_coordinator_wait_for_an_issuer_and_the_audit_names_it(world, tmp_path):
    issuer = view_of(world, 7)
    provenance = Provenance((issuer.address,))
    stage = FederatedStage(
        world, tmp_path, nodes=3, spec=specification(tmp_path, provenance=provenance, maximum_rounds=1)
    )
    for one in stage.everybody():
        one.tick()
    assert stage.coordinator.task is None
    assert "; not attested: " in stage.said("coordinator", "waiting")[-1].text
    said = stage.said(0, "not-attested")[-1]
    assert said.text.endswith(f"it takes one by {issuer.address}")
    made = [
        attest_batches(issuer, stage.spec.data_terms, node.view.address, [node._registered[0]]) for node in stage.nodes
    ]
    stage.coordinator.tick()
    stage.task = stage.coordinator.task
    assert stage.finished().results == 1
    issuer.attestations.revoke(made[1])
    report = stage.audited()
    (record,) = report.datasets.values()
    assert (record.updates, record.attested) == (3, {issuer.address: 3})
    assert report.to_json()["datasets"][0]["attested_by"] == {issuer.address: 3}
    assert any(f"has revoked its attestation 0x{made[1].uid.hex()}" in note for note in report.notes)
    stage.close()


def test_a_task_over_the_same_fields_takes_what_is_registered(world, tmp_path):
    named = {"data_name": "scans", "data_fields": ("64 grey values",)}
    stage = FederatedStage(world, tmp_path, nodes=1, spec=specification(tmp_path, **named))
    (node,) = stage.nodes
    node._register()
    before = node.view.block()
    other = replace(stage.spec, title="another task", clip=2.0)
    assert other.spec_hash != stage.spec.spec_hash
    assert register_data(node.view, other, node.store, None) == node._registered
    assert node.view.block() == before
    with pytest.raises(DataError, match="others than those this node has committed to as this data set"):
        register_data(node.view, other, node.store, digest_of_number(77))
    apart = replace(other, data_fields=("another field",))
    assert register_data(node.view, apart, node.store, digest_of_number(77)) != node._registered
    stage.close()
