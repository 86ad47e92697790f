"""Events of a task in words."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.people_world import SPEC

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.participants.watch import describe
from twopm_zk.task.columns import Column


@pytest.mark.parametrize(("scale", "shown"), [(1.0, "+1.5"), (30_000.0, "+5e-05"), (2e-5, "+7.5e+04")])
def test_coefficients_of_any_size_have_significant_digits(scale, shown):
    columns = tuple(Column(name, 0.0, scale) for name in SPEC.features)
    spec = replace(SPEC, columns=columns)
    weights = [3 << 19] * 3 + [0]  # 1.5 for scaled features
    event = DecodedEvent("ModelPublished", {"round": 4, "weights": weights}, "0xC", 7, "0xT", 0)
    assert describe(event, spec).text == f"weights of round 4: GPA {shown}, TUCE {shown}, PSI {shown}, intercept +0"


def test_a_node_is_called_this_node_by_itself_alone():
    event = DecodedEvent("UpdateAccepted", {"round": 0, "attempt": 1, "node": "0xA", "position": 2}, "0xC", 7, "0xT", 0)
    assert describe(event, SPEC, account="0xA").text == "round 0, attempt 1: update 3 accepted, from this node"
    assert describe(event, SPEC, account="0xB").text == "round 0, attempt 1: update 3 accepted, from 0xA"


def padded(text):
    return "0x" + text.encode().ljust(32, b"\0").hex()


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("NodeReady", {"node": "0xA"}, "round 2: this node is ready to share"),
        ("SharingStarted", {"shareAttempt": 0, "nodes": 3}, "round 2: 3 nodes share"),
        ("SharingStarted", {"shareAttempt": 1, "nodes": 2}, "round 2: 2 nodes share, once more"),
        ("Shared", {"node": "0xB"}, "round 2: 0xB has shared"),
        ("NodeLeft", {"node": "0xB", "reason": padded("silent")}, "round 2: 0xB is out of the set: silent"),
        ("UpdateWithdrawn", {"node": "0xB"}, "round 2: 0xB withdraws its updates"),
        ("DisputeOpened", {"accuser": "0xA"}, "round 2: this node says that the sum does not open"),
        (
            "PairRevealed",
            {"node": "0xA", "other": "0xB"},
            "round 2: this node has shown what it shares with 0xB",
        ),
        ("SumOpened", {"collected": 2}, "round 2: the information is opened"),
        ("SumOpened", {"collected": 6}, "round 2: the evaluation is opened"),
    ],
)
def test_what_happens_in_a_round_is_a_sentence(name, values, text):
    event = DecodedEvent(name, {"round": 2, "attempt": 0, **values}, "0xC", 7, "0xT", 0)
    assert describe(event, SPEC, account="0xA").text == text


def test_what_a_node_pays_and_why_a_task_failed_are_sentences():
    paid = DecodedEvent("Penalised", {"node": "0xA", "value": 5, "reason": padded("lied")}, "0xC", 7, "0xT", 0)
    assert describe(paid, SPEC, account="0xA").text == "this node loses 5 wei of its stake: lied"
    failed = DecodedEvent("TaskFailed", {"reason": padded("too few nodes")}, "0xC", 7, "0xT", 0)
    assert describe(failed, SPEC).text == (
        "the task has failed: too few nodes. What was shared forbids a sum over others at these weights"
    )


def test_a_task_that_fails_after_its_certificate_is_said_to_keep_it():
    failed = DecodedEvent("TaskFailed", {"reason": padded("too few nodes")}, "0xC", 7, "0xT", 0)
    certified = SimpleNamespace(certified=True)
    assert describe(failed, SPEC, state=certified).text == (
        "the task ends with its certificate, which stays: too few nodes. "
        "What was shared forbids a sum over others at these weights"
    )
    assert describe(failed, SPEC, state=SimpleNamespace(certified=False)).text.startswith("the task has failed")


@pytest.mark.parametrize(("round_", "said"), [(3, "evaluation"), (4, "evaluation on held-out rows")])
def test_an_evaluation_is_said_to_be_on_held_out_rows_in_the_last_round_alone(round_, said):
    event = DecodedEvent("SumOpened", {"round": round_, "collected": 6}, "0xC", 7, "0xT", 0)
    state = SimpleNamespace(held_out=True, round=4)
    assert describe(event, SPEC, state=state).text == f"round {round_}: the {said} is opened"


def test_every_event_of_a_task_has_a_sentence():
    """Names of events are for machines: none is shown to people as it is, but of those that tell them nothing."""
    silent = {"VerifierFixed", "AttemptModel", "SetOpened"}
    for name in ("HLRContract", "IDisputes", "ISharing"):
        for entry in compile_contract(name).abi:
            if entry["type"] == "event" and entry["name"] not in silent:
                values = {item["name"]: padded("0") if item["type"] == "bytes32" else 0 for item in entry["inputs"]}
                values |= {"weights": [0, 0, 0, 0]} if "weights" in values else {}
                event = DecodedEvent(entry["name"], values, "0xC", 7, "0xT", 0)
                assert entry["name"] not in describe(event, SPEC).text
