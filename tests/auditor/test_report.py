"""What an audit reports, and what it looks up."""

from dataclasses import replace

import pytest

from twopm_zk.auditor.attempt_record import AttemptRecord, Outcome
from twopm_zk.auditor.history import Registrations
from twopm_zk.auditor.keys import RegisteredVerifier, same_code
from twopm_zk.auditor.report import AuditReport, Verdict
from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.deployment import family_of
from twopm_zk.circuit.instances import instances
from twopm_zk.numbers.baby_jubjub import BASE
from twopm_zk.statements import Collection, Family


def record(number, outcome, *, attempt=0, **updates):
    return AttemptRecord(number, attempt, updates=updates, outcome=outcome)


def test_a_node_is_listed_for_the_rounds_that_it_took_part_in_and_no_others():
    report = AuditReport(1, 31337, "0x", 0, "double", gradient_bound=1)
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


def test_every_round_after_the_certificate_says_what_it_collected():
    report = AuditReport(1, 31337, "0x", 0, "double", gradient_bound=1)
    report.attempts = [
        replace(record(number, Outcome.OPENED, a=1), collection=collection, held_out=held_out)
        for number, (collection, held_out) in enumerate(
            [(Collection.INFORMATION, False), (Collection.EVALUATION, False), (Collection.EVALUATION, True)]
        )
    ]
    assert [line.partition(":")[0] for line in report.participation] == [
        "round 0, information",
        "round 1, evaluation",
        "round 2, evaluation on held-out rows",
    ]


def test_a_line_of_text_names_a_score_of_nodes_and_the_document_all():
    many = AttemptRecord(0, 0, updates={f"n{number:02}": 1 for number in range(25)})
    assert many.participants.endswith("n19 (1) and 5 more")
    assert len(many.to_json()["nodes"]) == 25


@pytest.mark.parametrize(
    ("failures", "insecure", "bound", "verdict"),
    [
        (0, [], 5, Verdict.CERTIFIED),
        (0, [], None, Verdict.NOT_CERTIFIED),
        (0, ["step-48x3"], 5, Verdict.INSECURE_KEYS),
        (0, ["step-48x3"], None, Verdict.INSECURE_KEYS),
        (1, ["step-48x3"], 5, Verdict.UNSOUND),
        (1, [], None, Verdict.UNSOUND),
    ],
)
def test_a_verdict_promises_no_more_than_was_proven(failures, insecure, bound, verdict):
    report = AuditReport(1, 1, "0x", 0, "double", failure_count=failures, insecure=insecure, gradient_bound=bound)
    assert report.verdict is verdict
    assert report.sound == (verdict in (Verdict.CERTIFIED, Verdict.NOT_CERTIFIED))
    assert report.certified == (verdict is Verdict.CERTIFIED)
    assert ("ound" in report.conclusion and "NOT" not in report.conclusion) == report.sound


def test_a_certificate_covers_the_nodes_of_the_sum_and_not_those_that_fell_out_before():
    one = AttemptRecord(
        3, 0, updates={"a": 1, "b": 2, "late": 3}, summed=("b", "a"), rows=40, outcome=Outcome.CERTIFIED
    )
    assert one.participants == "3 updates of 2 nodes: a (1), b (2)"
    assert (one.to_json()["updates"], one.to_json()["nodes"]) == (3, {"a": 1, "b": 2})
    report = AuditReport(1, 31337, "0x", 0, "double", gradient_bound=1, attempts=[one])
    assert report.coverage.startswith("over 40 rows in 3 updates of 2 nodes: a (1), b (2) (round 3).")
    assert report.nodes == {"a", "b", "late"}


def event(name, block, index, **values):
    return DecodedEvent(name, {"member": "0xA", **values}, "0x1", block, "0xT", index)


def test_memberships_and_keys_are_looked_up_at_a_block_and_a_log():
    identity = [
        event("AggregationKeySet", 20, 9, **dict(zip(("x", "y", "challenge", "response"), (*BASE, 3, 4), strict=True))),
        event("Joined", 5, 0),
        event("AggregationKeySet", 6, 0, **dict(zip(("x", "y", "challenge", "response"), (*BASE, 1, 2), strict=True))),
        event("Left", 20, 3),
        event("Joined", 20, 4),
    ]
    history = Registrations.of_events([], identity)
    moments = [(4, 0), (5, 1), (20, 2), (20, 4), (20, 5), (99, 0)]
    assert [history.member_since("0xA", moment) for moment in moments] == [0, 5, 5, 0, 20, 20]
    assert history.member_since("0xB", (99, 0)) == 0
    keys = [history.key_of("0xA", moment) for moment in [(5, 9), (6, 1), (20, 3), (20, 5), (20, 10)]]
    assert [key and key.challenge for key in keys] == [None, 1, 1, None, 3]


@pytest.mark.parametrize("name", instances())
def test_every_instance_is_found_by_the_sizes_of_its_verifier(name):
    """A sum's instance is for features of any format: its verifier is registered with none."""
    parameters = instances()[name].parameters
    statement = instances()[name].template.lower()
    sizes = (parameters.get("ROWS", 0), parameters["FEATURES"], parameters.get("X_FRAC", 0))
    about = family_of(instances()[name]), instances()[name].noise
    assert RegisteredVerifier(statement, *sizes, *about).instance == name
    assert RegisteredVerifier(statement, sizes[0] + 7, *sizes[1:], *about).instance is None
    assert RegisteredVerifier("none", *sizes, *about).instance is None


def test_a_verifier_of_other_noise_is_another_instance():
    sizes = ("step", 45, 3, 12, Family.LOGISTIC)
    found = [RegisteredVerifier(*sizes, noise).instance for noise in (0, 1, 2, 11, 16, 17)]
    assert found == [None, None, "step-45x3-noise2", "step-45x3-noise11", "step-45x3-noise16", None]


def test_a_statement_that_nobody_knows_is_no_instance():
    entry = {"statement": 0, "family": 0, "size": 1, "features": 1, "fractionalBits": 1, "noise": 0, "verifier": "0x"}
    assert RegisteredVerifier.from_entry(entry).instance is None


def test_code_is_compared_without_metadata():
    code, metadata = bytes(range(50)), bytes(20) + (20).to_bytes(2, "big")
    assert same_code(code + metadata, code + b"\x01" * 20 + (20).to_bytes(2, "big"))
    assert not same_code(b"\x01" + code[1:] + metadata, code + metadata)
    assert not same_code(b"", b"")
