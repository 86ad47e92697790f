"""A task whose data an issuer has to attest to, over the real EAS: who waits, who takes part, and what audits say."""

import pytest
from support.attestations import attest_batches
from support.people_stage import Stage
from support.people_world import SPEC, DoubleKeys, replace

from twopm_zk.auditor.audit import audit
from twopm_zk.chain.tasks import Phase
from twopm_zk.participants.rounds import attested as module
from twopm_zk.task.parts.data import Provenance

pytestmark = [pytest.mark.chain, pytest.mark.slow]


@pytest.fixture
def issuer(world):
    return world.view(7)


@pytest.fixture
def stage(party, issuer):
    """Three nodes, of which two are enough, and a data set that one issuer attests to."""
    party.spec = replace(SPEC, provenance=Provenance((issuer.address,)), minimum_nodes=2, minimum_rows=20)
    return Stage(party)


def attest(stage, issuer, *numbers, **options):
    """The issuer attests to the batches of the nodes with these numbers."""
    return [
        attest_batches(
            issuer,
            stage.party.spec.data_terms,
            stage.address(number),
            [entry.batch.commitment for entry in stage.nodes[number]._batches],
            **options,
        )
        for number in numbers
    ]


def news(stage, who, kind):
    return [item for item in stage.party.news[who] if item.kind == kind]


def test_coordinator_and_nodes_wait_for_an_issuer_and_the_audit_says_which_one_it_was(stage, issuer):
    for one in (*stage.nodes, stage.coordinator):
        one.tick()
    (said,) = news(stage, 0, "not-attested")
    (commitment,) = [entry.batch.commitment for entry in stage.nodes[0]._batches]
    assert said.text == (
        "1 of this node's 1 batches cannot be used so far: no attestation holds of the data commitments "
        f"0x{commitment:064x}; it takes one by {issuer.address}"
    )
    assert said.values == {"commitments": [commitment], "issuers": [issuer.address]}
    (waits,) = news(stage, "coordinator", "waiting")
    assert waits.text.startswith("0 of 2 nodes have registered their data; not attested: ")
    assert stage.coordinator.task is None

    first, *_ = attest(stage, issuer, 0, 1, 2)
    stage.coordinator.tick()
    stage.task = stage.coordinator.task
    stage.until(Phase.SHARING)
    issuer.attestations.revoke(first)
    revoked = issuer.block()
    assert stage.until(Phase.FINISHED, when=lambda state: state.certified).phase is Phase.FINISHED
    report = audit(stage.reader, stage.task, spec=stage.party.spec, keyring=DoubleKeys())
    assert report.passed, report.failed
    (record,) = report.datasets.values()
    assert record.attested == {issuer.address: record.updates}
    assert report.counts["provenance"] == record.updates == report.updates
    assert (
        f"has revoked its attestation 0x{first.uid.hex()} to data of {stage.address(0)} in block {revoked}"
        in (report.notes[0])
    )


def test_a_node_whose_attestation_has_ended_is_not_waited_for_until_it_has_another(stage, issuer):
    first, _, _ = attest(stage, issuer, 0, 1, 2)
    for node in stage.nodes:
        node._register()
    issuer.attestations.revoke(first)
    stage.begin()
    stage.until(Phase.READY)
    assert stage.state.nodes == 2
    text = news(stage, 0, "not-attested")[-1].text
    assert text.startswith(f"task {stage.task}, round 0, attempt 0: 1 of this node's 1 batches cannot be used so far")
    assert text.endswith(f"; 1 had one that has ended; it takes one by {issuer.address}")


def test_an_attestation_that_comes_while_a_round_collects_is_in_time(stage, issuer):
    attest(stage, issuer, 1)
    stage.begin()
    stage.tick(*stage.nodes)
    assert stage.state.updates == 1
    attest(stage, issuer, 0)
    stage.tick(*stage.nodes)
    assert stage.state.updates == 2


def test_an_attestation_that_has_expired_holds_no_more(stage, issuer, world):
    attest(stage, issuer, 0, expires=stage.reader.chain.time + 1000)
    stage.begin()
    world.node.advance(2000)
    stage.tick(stage.nodes[0])
    assert stage.state.updates == 0
    assert "1 had one that has ended" in news(stage, 0, "not-attested")[-1].text


def test_what_the_contract_refuses_after_all_is_no_error(stage, issuer, monkeypatch):
    stage.begin()
    monkeypatch.setattr(module, "attested", lambda view, dataset, registered, **_: dict(registered))
    assert stage.nodes[0].tick() is False
    assert stage.state.updates == 0
    assert stage.party.kinds(0).count("proven") == 1
