"""An auditor believes nobody: what it finds when contracts, coordinators or histories are not what they should be."""

import pytest
from support.people_world import SPEC, DoubleKeys, Party, Running, World, double_verifier, replace

from twopm_zk.auditor.audit import audit
from twopm_zk.auditor.keys import RegisteredVerifier, same_code
from twopm_zk.auditor.replay import Registrations, Replay
from twopm_zk.auditor.report import CHECKS, UNKNOWABLE, AttemptRecord, AuditReport, Outcome, Verdict
from twopm_zk.chain.deployment import GeneratedVerifier
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.participants.task_view import ChainView

pytestmark = pytest.mark.slow

YES = """// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;
contract Yes{number} {{
    function verifyProof(uint256[24] calldata, uint256[3] calldata) external pure returns (bool) {{ return true; }}
}}
"""


def train(party):
    nodes = [party.node(number) for number in range(3)]
    coordinator = party.coordinator()
    with coordinator, Running(coordinator, *nodes) as running:
        running.wait()


@pytest.fixture
def trained(party):
    party.spec = replace(SPEC, gradient_bound=0.1)
    train(party)
    return party


def failed_checks(report):
    return {failure.check for failure in report.failures}


def test_a_sound_task_passes_every_check(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys(), spec=trained.spec)
    assert report.sound
    assert set(report.counts) == set(CHECKS) - {"fold proofs"}
    document = report.to_json()
    assert document["cannot_know"] == list(UNKNOWABLE)
    assert (document["verdict"], document["sound"], document["certified"]) == ("certified", True, True)
    assert document["insecure_keys"] == []


def test_a_task_under_insecure_keys_is_neither_sound_nor_certified(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys(insecure=("step-32x3", "certify-4x3")))
    assert report.passed
    assert report.verdict is Verdict.INSECURE_KEYS
    assert not report.sound
    assert not report.certified
    assert report.conclusion.startswith("UNPROVEN")
    document = report.to_json()
    assert (document["verdict"], document["insecure_keys"]) == ("insecure-keys", ["step-32x3", "certify-4x3"])
    assert (document["sound"], document["certified"]) == (False, False)


def test_an_audit_says_what_it_is_doing_and_derives_all_keys_at_once(trained):
    keys, said = DoubleKeys(), []
    audit(trained.world.view(8), 1, keyring=keys, progress=lambda step, detail: said.append((step, detail)))
    assert keys.prepared == ["aggregate-4x3", "certify-4x3", "step-32x3"]
    steps = [step for step, _ in said]
    assert list(dict.fromkeys(steps)) == ["history from the chain", "rounds and their proofs"]
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys())
    assert said[-1][1] == f"proof {report.proofs} of {report.proofs}, round {report.rounds}"


def test_the_certificate_says_which_nodes_and_how_many_rows_at_least_it_covers(trained):
    report = audit(trained.world.view(8), 1, keyring=DoubleKeys())
    nodes = {trained.world.view(2 + number).address for number in range(3)}
    covered = report.certified_attempt
    assert set(covered.updates) == nodes
    assert covered.round == report.rounds
    assert f"over 3 updates of 3 nodes: {min(nodes)} (1)" in report.conclusion
    assert f"at least {trained.spec.minimum_rows}." in report.conclusion
    document = report.to_json()["certificate_covers"]
    assert (document["minimum_rows"], document["updates"], set(document["nodes"])) == (30, 3, nodes)
    assert report.updates == 3 * (report.rounds + 1)


def test_contracts_that_say_yes_to_everything_are_found(world, tmp_path):
    """Somebody deploys verifiers that accept anything, and a coordinator publishes weights of its choice."""
    names = ("step-32x3", "aggregate-4x3", "certify-4x3")
    verifiers = [double_verifier(name) for name in names]
    liars = [
        GeneratedVerifier(
            **{
                **{field: getattr(made, field) for field in made.__dataclass_fields__},
                "solidity": YES.format(number=number),
                "contract_name": f"Yes{number}",
            }
        )
        for number, made in enumerate(verifiers)
    ]
    other = World(world.node, verifiers=liars)
    party = Party(other, tmp_path, spec=replace(SPEC, gradient_bound=0.1))
    from twopm_zk.coordinator.task_creation import task_config, training_config

    coordinator = other.view(1)
    people = [other.view(number) for number in (2, 3, 4)]
    from twopm_zk.participants.task_view import dataset_of

    for number, view in enumerate(people):
        view.identity.join("", b"\x07" * 32)
        view.data_hub.register(dataset_of(party.spec), 0, [number + 1])
    hlr = coordinator.hlr
    hlr.create_task(task_config(party.spec), training_config(party.spec, coordinator.network, matrix_hash=42))
    hlr.open_round(1)
    junk = [0] * 24
    for number, view in enumerate(people):
        view.hlr.submit_update(1, 32, 0, 1000 + number, junk)
    hlr.close(1)
    hlr.accept_weights(1, [1, 2, 3, 4], 42, junk)
    report = audit(other.view(8), 1, keyring=DoubleKeys())
    assert not report.sound
    assert failed_checks(report) == {"verifiers", "step proofs", "aggregate proofs"}
    assert report.counts["step proofs"] == 3


def test_keys_that_are_not_the_deployed_ones_are_found(trained):
    class OtherKeys(DoubleKeys):
        def code(self, instance):
            return super().code("predict-3")

    report = audit(trained.world.view(8), 1, keyring=OtherKeys())
    assert failed_checks(report) == {"verifiers"}


def test_false_proofs_are_found(trained):
    class Sceptic(DoubleKeys):
        def verify(self, instance, public, proof):
            return instance != "certify-4x3" and super().verify(instance, public, proof)

    report = audit(trained.world.view(8), 1, keyring=Sceptic())
    assert failed_checks(report) == {"certificate"}
    assert not report.certified


def test_another_specification_and_a_task_that_is_none(trained):
    view = trained.world.view(8)
    with pytest.raises(DeploymentError, match="specification"):
        audit(view, 1, keyring=DoubleKeys(), spec=replace(trained.spec, penalty=2.0))
    with pytest.raises(InputError, match="no task 9"):
        audit(view, 9, keyring=DoubleKeys())


def test_a_task_that_goes_on_is_sound_and_not_certified(party):
    party.spec = replace(SPEC, gradient_bound=1e-7)
    nodes = [party.node(number) for number in range(3)]
    coordinator = party.coordinator()
    with coordinator, Running(coordinator, *nodes):
        while coordinator.task is None or coordinator.view.state(coordinator.task).round < 2:
            pass
    report = audit(party.world.view(8), 1, keyring=DoubleKeys())
    assert report.sound, report.failed
    assert not report.certified


# --- histories that no honest contract has: an RPC node that lies, or another contract's code ---


class Recorded:
    """The events of a real task, to be replayed with changes."""

    def __init__(self, party):
        from twopm_zk.auditor import audit
        from twopm_zk.chain.tasks import task_key

        view: ChainView = party.world.view(8)
        state = view.state(1)
        self.key = task_key(view.chain.chain_id, view.hlr.address, 1, state.spec_hash)
        self.registrations = audit.read_registrations(view, state.block)
        events = view.task_events(1, from_block=view.deployment.block, to_block=state.block)
        self.events = [audit.decoded_event(view.hlr.contract, event) for event in events]

    def replay(self, change=lambda events: events, *, registrations=None):
        report = AuditReport(1, 31337, "0x", 0, "double")
        replay = Replay(report, registrations or self.registrations, DoubleKeys(), task_key=self.key)
        replay.steps, replay.others = {32: "step-32x3"}, {"aggregate": "aggregate-4x3", "certify": "certify-4x3"}
        for event in change(list(self.events)):
            replay.feed(event)
        return report


def without(name, number=0):
    def change(events):
        found = [event for event in events if event.name == name][number]
        return [event for event in events if event is not found]

    return change


def altered(name, number=0, *, call=None, **values):
    def change(events):
        found = [event for event in events if event.name == name][number]
        new = replace(found, values={**found.values, **values}, call={**found.call, **(call or {})})
        return [new if event is found else event for event in events]

    return change


def twice(name, number=0):
    def change(events):
        found = [event for event in events if event.name == name][number]
        at = events.index(found)
        return [*events[: at + 1], found, *events[at + 1 :]]

    return change


def through_another_contract(name):
    def change(events):
        return [replace(event, function="", call={}) if event.name == name else event for event in events]

    return change


ATTACKS = {
    "an update left out": (without("UpdateAccepted"), {"rounds", "aggregate proofs"}),
    "an update counted twice": (twice("UpdateAccepted"), {"rounds", "data", "aggregate proofs"}),
    "another update": (altered("UpdateAccepted", update=5), {"step proofs", "aggregate proofs"}),
    "another proof": (altered("UpdateAccepted", proof=[1] * 24), {"step proofs"}),
    "another node's data": (altered("UpdateAccepted", data=7), {"data", "step proofs"}),
    "another batch": (altered("UpdateAccepted", index=7), {"data"}),
    "a verifier of another size": (altered("UpdateAccepted", size=128), {"step proofs"}),
    "somebody else as its node": (
        altered("UpdateAccepted", node="0x" + "11" * 20),
        {"membership", "data"},
    ),
    "other weights": (altered("ModelPublished", 1, weights=[1, 2, 3, 4]), {"calldata", "aggregate proofs"}),
    "weights beyond the bound": (altered("ModelPublished", 0, weights=[(1 << 31) - 1, 0, 0, 0]), {"weights"}),
    "another model commitment": (altered("AttemptModel", modelCommitment=5), {"model commitments"}),
    "a round skipped": (altered("AttemptModel", 1, round=2), {"rounds"}),
    "a round without its proof": (without("ModelPublished", 1), {"rounds", "model commitments"}),
    "too few nodes": (altered("RoundClosed", nodes=2), {"rounds"}),
    "a round never closed": (without("RoundClosed"), {"aggregate proofs"}),
    "another bound": (altered("Certified", gradientBound=1), {"calldata", "certificate"}),
    "a bound above the target": (altered("Certified", gradientBound=1 << 31), {"certificate"}),
    "finished twice": (twice("TaskFinished"), {"rounds"}),
    "created through another contract": (through_another_contract("TaskCreated"), {"calldata"}),
    "certified through another contract": (through_another_contract("Certified"), {"calldata"}),
}


@pytest.mark.parametrize(("change", "checks"), ATTACKS.values(), ids=ATTACKS)
def test_a_history_that_was_tampered_with_fails(recorded, change, checks):
    report = recorded.replay(change)
    assert not report.sound
    assert checks <= failed_checks(report), report.failed


def test_the_recorded_history_itself_is_sound(recorded):
    assert recorded.replay().sound


def test_members_that_hand_in_through_other_contracts_cannot_spoil_an_audit(recorded):
    report = recorded.replay(through_another_contract("UpdateAccepted"))
    assert report.sound
    assert report.counts == recorded.replay().counts


def test_data_registered_after_the_round_opened_and_members_who_came_late(recorded):
    late = {place: (commitment, 10**9) for place, (commitment, _) in recorded.registrations.data.items()}
    report = recorded.replay(registrations=Registrations(late, recorded.registrations.memberships))
    assert failed_checks(report) == {"data"}
    spans = {member: [(10**9, 1 << 63)] for member in recorded.registrations.memberships}
    report = recorded.replay(registrations=Registrations(recorded.registrations.data, spans))
    assert failed_checks(report) == {"membership"}
    assert report.failure_count == report.counts["membership"]


@pytest.fixture(scope="module")
def recorded(deployed, tmp_path_factory):
    """One task, trained once for this module."""
    snapshot = deployed.node.snapshot()
    party = Party(deployed, tmp_path_factory.mktemp("recorded"), spec=replace(SPEC, gradient_bound=0.1))
    train(party)
    made = Recorded(party)
    deployed.node.revert(snapshot)
    return made


# --- parts ---


def record(number, outcome, *, attempt=0, **updates):
    return AttemptRecord(number, attempt, updates=updates, outcome=outcome)


def test_a_node_is_listed_for_the_rounds_that_it_took_part_in_and_no_others():
    report = AuditReport(1, 31337, "0x", 0, "double", minimum_rows=30, gradient_bound=1)
    report.attempts = [
        *(record(number, Outcome.AGGREGATED, a=1, b=2) for number in range(8)),
        record(8, Outcome.ABANDONED, a=1),
        record(8, Outcome.ABANDONED, a=1, attempt=1),
        record(8, Outcome.CERTIFIED, attempt=2, a=1, b=2, late=3),
    ]
    assert list(report.participation) == [
        "rounds 0 to 7: 3 updates of 2 nodes: a (1), b (2)",
        "round 8, 2 attempts without a result: 1 update of 1 node: a (1)",
        "round 8: 6 updates of 3 nodes: a (1), b (2), late (3)",
    ]
    assert report.updates == 8 * 3 + 2 + 6
    assert report.to_json()["certificate_covers"]["nodes"] == {"a": 1, "b": 2, "late": 3}


def test_a_line_of_text_names_a_score_of_nodes_and_the_document_all():
    many = AttemptRecord(0, 0, updates={f"n{number:02}": 1 for number in range(25)})
    assert many.participants.endswith("n19 (1) and 5 more")
    assert len(many.to_json()["nodes"]) == 25


@pytest.mark.parametrize(
    ("failures", "insecure", "bound", "verdict"),
    [
        (0, [], 5, Verdict.CERTIFIED),
        (0, [], None, Verdict.NOT_CERTIFIED),
        (0, ["step-32x3"], 5, Verdict.INSECURE_KEYS),
        (0, ["step-32x3"], None, Verdict.INSECURE_KEYS),
        (1, ["step-32x3"], 5, Verdict.UNSOUND),
        (1, [], None, Verdict.UNSOUND),
    ],
)
def test_a_verdict_promises_no_more_than_was_proven(failures, insecure, bound, verdict):
    report = AuditReport(1, 1, "0x", 0, "double", failure_count=failures, insecure=insecure, gradient_bound=bound)
    assert report.verdict is verdict
    assert report.sound == (verdict in (Verdict.CERTIFIED, Verdict.NOT_CERTIFIED))
    assert report.certified == (verdict is Verdict.CERTIFIED)
    assert ("ound" in report.conclusion and "NOT" not in report.conclusion) == report.sound


def test_memberships_are_looked_up_at_a_block():
    history = Registrations({}, {"0xA": [(5, 10), (20, 1 << 63)]})
    assert [history.member_since("0xA", block) for block in (4, 5, 10, 11, 20, 99)] == [0, 5, 5, 0, 20, 20]
    assert history.member_since("0xB", 5) == 0


def test_registered_verifiers_are_found_by_their_sizes():
    assert RegisteredVerifier("step", 128, 3, 12).instance == "step-128x3"
    assert RegisteredVerifier("step", 128, 3, 16).instance == "step-128x3-wide"
    assert RegisteredVerifier("predict", 0, 3, 12).instance == "predict-3"
    assert RegisteredVerifier("step", 7, 3, 12).instance is None
    entry = {"statement": 0, "size": 1, "features": 1, "fractionalBits": 1, "verifier": "0x"}
    assert RegisteredVerifier.from_entry(entry).instance is None


def test_code_is_compared_without_metadata():
    code, metadata = bytes(range(50)), bytes(20) + (20).to_bytes(2, "big")
    assert same_code(code + metadata, code + b"\x01" * 20 + (20).to_bytes(2, "big"))
    assert not same_code(b"\x01" + code[1:] + metadata, code + metadata)
    assert not same_code(b"", b"")
