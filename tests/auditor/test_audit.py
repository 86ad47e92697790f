"""Audits of a task on a chain in which all went well; test_trouble.py has others, test_replay.py what never was."""

import json
from dataclasses import replace

import pytest
from support.audits import SOON, train
from support.histories import failed_checks
from support.people_world import DoubleKeys, Party

from twopm_zk.auditor.audit import audit
from twopm_zk.auditor.event_reader import EventReader
from twopm_zk.auditor.history import NEED_CALL
from twopm_zk.auditor.report import CHECKS, UNKNOWABLE, Verdict
from twopm_zk.chain.attestations import CertificateResolver, CertificateStatement
from twopm_zk.cli import main
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.statements import Collection

pytestmark = pytest.mark.slow

NO_TROUBLE = {"disputes", "privacy", "provenance"}
"""Checks that only a dispute, noise or issuers ask for."""


@pytest.fixture(scope="module")
def trained(deployed, tmp_path_factory):
    """One task, trained once for this module, which only reads it."""
    snapshot = deployed.node.snapshot()
    party = Party(deployed, tmp_path_factory.mktemp("trained"), spec=SOON)
    train(party)
    deployed.view(7).network.certificates.attest(1)
    yield party
    deployed.node.revert(snapshot)


def test_a_sound_task_passes_every_check(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys(), spec=trained.spec)
    assert report.sound, report.failed
    assert set(report.counts) == set(CHECKS) - NO_TROUBLE
    assert not report.notes
    document = report.to_json()
    assert document["cannot_know"] == list(UNKNOWABLE)
    assert (document["verdict"], document["sound"], document["certified"]) == ("certified", True, True)
    assert document["insecure_keys"] == []


def test_the_attestation_to_the_certificate_is_told_and_says_what_was_found(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys(), spec=trained.spec)
    found = trained.world.view(8).network.certificates.attestation_of(1)
    told = {"uid": "0x" + found.uid.hex(), "attester": trained.world.view(7).address}
    assert report.to_json()["certificate_attestation"] == told
    assert report.attested == f"The certificate is attested: {told['uid']}, by {told['attester']}."
    assert report.counts["attestation"] == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"task": 2, "spec_hash": b"s" * 32}, "something else of task, spec hash than was found here"),
        ({"key": 5, "nodes": 2}, "something else of key, nodes than"),
        (
            {"hlr": "0x" + "12" * 20, "weights_hash": bytes(32), "gradient_bound": 1},
            "hlr, weights hash, gradient bound",
        ),
        (None, "its data are of another form"),
    ],
)
def test_an_attestation_that_says_something_else_fails_the_audit(trained, monkeypatch, change, said):
    """No contract would have taken it: so much is asked of the resolver, and checked."""
    view = trained.world.view(8)
    found = view.network.certificates.attestation_of(1)
    statement = CertificateStatement.parse(found.data)
    data = found.data + b"more" if change is None else replace(statement, **change).encoded
    monkeypatch.setattr(CertificateResolver, "attestation_of", lambda self, task: replace(found, data=data))
    report = audit(view, 1, keyring=DoubleKeys(), spec=trained.spec)
    assert failed_checks(report) == {"attestation"}
    assert said in report.failed[0]


def test_a_certificate_is_attested_once_by_anybody_through_the_command(trained, monkeypatch, capsys, tmp_path):
    trained.world.deployment.write(tmp_path / "deployment.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TWOPM_ZK_RPC_URL", trained.world.node.url)
    monkeypatch.setenv("TWOPM_ZK_PRIVATE_KEY", trained.world.node.private_keys[6])
    monkeypatch.setattr("sys.argv", ["twopm-zk", "task", "attest", "1", "--json"])
    block = trained.world.chain.block
    with pytest.raises(SystemExit):
        main()
    found = trained.world.view(8).network.certificates.attestation_of(1)
    printed = json.loads(capsys.readouterr().out)
    assert (printed["uid"], printed["transaction"]) == ("0x" + found.uid.hex(), None)
    assert trained.world.chain.block == block


def test_without_the_specification_the_rule_is_not_checked_and_the_report_says_so(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys())
    assert report.sound, report.failed
    assert report.notes == ["by which rule the weights were moved was not checked: that takes the specification"]


def test_a_task_under_insecure_keys_is_neither_sound_nor_certified(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys(insecure=("step-48x3", "certify-3")))
    assert report.passed
    assert report.verdict is Verdict.INSECURE_KEYS
    assert not report.sound
    assert not report.certified
    assert report.conclusion.startswith("UNPROVEN")
    document = report.to_json()
    assert (document["verdict"], document["insecure_keys"]) == ("insecure-keys", ["step-48x3", "certify-3"])
    assert (document["sound"], document["certified"]) == (False, False)


class Doubting(DoubleKeys):
    """No certificate's proof holds under these."""

    def verify(self, instance, public, proof):
        return instance != "certify-3" and super().verify(instance, public, proof)


def test_statistics_are_called_proven_only_where_every_check_held_and_keys_are_secure(trained):
    view, spec = trained.world.view(8), trained.spec
    proven = audit(view, 1, keyring=DoubleKeys(), spec=spec).summary
    assert "proven over 32 rows of 3 nodes" in " ".join(str(proven).split())
    insecure = audit(view, 1, keyring=DoubleKeys(insecure=("step-48x3",)), spec=spec).summary
    assert "INSECURE KEYS: nothing of this is proven to anybody" in " ".join(str(insecure).split())
    failed = audit(view, 1, keyring=Doubting(), spec=spec)
    assert not failed.passed
    assert failed.summary is None
    assert failed.to_json()["summary"] is None


def test_an_audit_says_what_it_is_doing_and_derives_all_keys_at_once(trained):
    keys, said = DoubleKeys(), []
    report = audit(trained.world.view(8), 1, keyring=keys, progress=lambda step, detail: said.append((step, detail)))
    assert keys.prepared == ["aggregate-3", "certify-3", "information-48x3", "step-48x3"]
    steps = [step for step, _ in said]
    assert list(dict.fromkeys(steps)) == ["history from the chain", "rounds and their proofs"]
    last = report.attempts[-1].round
    assert said[-1][1] == f"proof {report.proofs} of {report.proofs}, round {last}"


def test_the_certificate_says_which_nodes_and_how_many_rows_it_covers(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys())
    nodes = {trained.world.view(2 + number).address for number in range(3)}
    covered = report.certified_attempt
    assert set(covered.counted) == nodes
    assert covered.round == report.rounds + 1  # information comes first
    assert covered.gradient_bound == report.gradient_bound  # the smallest one is certified
    assert covered.weights == report.weights
    assert f"over 32 rows in 3 updates of 3 nodes: {min(nodes)} (1)" in report.conclusion
    document = report.to_json()["certificate_covers"]
    assert (document["rows"], document["updates"], set(document["nodes"])) == (32, 3, nodes)
    assert report.updates == 3 * (report.rounds + 2)


def test_keys_that_are_not_the_deployed_ones_are_found(trained):
    class OtherKeys(DoubleKeys):
        def code(self, instance):
            return super().code("predict-3")

    report = audit(trained.world.view(8), 1, keyring=OtherKeys())
    assert failed_checks(report) == {"verifiers"}


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("certify", "certificate"),
        ("aggregate", "aggregate proofs"),
        ("step", "update proofs"),
        ("information", "update proofs"),
    ],
)
def test_false_proofs_are_found(trained, statement, check):
    class Sceptic(DoubleKeys):
        def verify(self, instance, public, proof):
            return not instance.startswith(statement) and super().verify(instance, public, proof)

    report = audit(trained.world.view(8), 1, keyring=Sceptic())
    assert failed_checks(report) == {check}
    assert not report.certified


OTHER_RULES = {
    "the penalty": {"stake_penalty": 77},
    "the limit of a node's updates": {"maximum_batches": 77},
    "when information is collected": {"information": 0},
    "held-out rows": {"held_out_dataset": b"\x11" * 32},
    "generators": {"generators": dict.fromkeys(Collection, b"\x11" * 32)},
}


@pytest.mark.parametrize("changes", OTHER_RULES.values(), ids=OTHER_RULES)
def test_a_creation_that_says_something_else_than_the_contract_has_is_found(trained, monkeypatch, changes):
    """It is looked for in calldata, where a contract in between may have put another one."""
    view = trained.world.view(8)
    state = view.state(1)
    monkeypatch.setattr(view, "state", lambda task: replace(state, **changes))
    assert failed_checks(audit(view, 1, keyring=DoubleKeys())) == {"final state"}


def test_another_specification_and_a_task_that_is_none(trained):
    view = trained.world.view(8)
    with pytest.raises(DeploymentError, match="specification"):
        audit(view, 1, keyring=DoubleKeys(), spec=replace(trained.spec, penalty=2.0))
    with pytest.raises(InputError, match="no task 9"):
        audit(view, 9, keyring=DoubleKeys())


def test_a_call_is_found_in_the_calldata_of_a_wallet(trained):
    view = trained.world.view(8)
    contract = view.hlr.contract
    reader = EventReader(contract)
    events = view.task_events(1, from_block=view.deployment.block, to_block=view.state(1).block)
    created = next(event for event in events if event.name == "TaskCreated")
    found = reader.read(created)
    assert (found.call.function, found.call.direct, found.sender) == ("createTask", True, trained.coordinator_address)
    sent = contract.chain.transaction(created.transaction).data
    said = found.call.arguments
    other = {**said["config"], "specHash": "0x" + "11" * 32}
    decoy = contract.encode("createTask", other, said["training"])
    wrapped = b"\x01\x02\x03\x04" + bytes(32) + decoy + b"\0" * 7 + sent + bytes(20)
    call = reader.find(created, wrapped, found.call.sender)
    assert (dict(call.arguments), call.direct) == (dict(said), False)
    assert reader.find(created, wrapped[: len(decoy) + 40], found.call.sender) is None
    assert {"Shared", "PairRevealed"} <= NEED_CALL
