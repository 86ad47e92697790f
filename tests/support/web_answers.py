"""Answers of the API as the page gets them: made from real specifications, weights, audits and summaries."""

import hashlib
import json
import time

import numpy as np
from support.forms import form_of
from support.small_tasks import spector_spec

from twopm_zk.auditor.report import CHECKS, AttemptRecord, AuditReport, Outcome
from twopm_zk.statements import Collection
from twopm_zk.statistics.logistic import LogisticEvaluation
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.task.instances import TaskInstances

CHOSEN = TaskInstances(("step-48x3",), "aggregate-3", "certify-3", ("information-48x3",), "predict-3")
SPEC = spector_spec(instances=CHOSEN)
WEIGHTS = [1_900_000, 800_000, 1_200_000, -900_000]
COEFFICIENTS = {"GPA": 2.826, "TUCE": 0.095, "PSI": 2.379, "intercept": -13.02}
NODES = ["0x" + f"{k:02x}" * 20 for k in (0xA1, 0xB2, 0xC3)]
COORDINATOR = "0x" + "d4" * 20
CONTRACTS = {
    name: "0x" + f"{k:02x}" * 20
    for k, name in enumerate(("HLRContract", "InferenceContract", "IdentityContract", "StakingContract"), start=0x51)
}
ETH = 10**18
CHAIN = 31337
OPERATOR = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
METADATA = {
    "format": 1,
    "title": "Who improves in economics",
    "purpose": "Predict whether a student's grade improves.\nMade for teaching.",
    "intended_use": "Teaching, and nothing that decides about a person.",
    "limits": "32 students of one university in 1980. <script>alert(1)</script> is text here.",
    "contact": "the economics department",
    "licence": "CC0",
    "specification": "0x" + SPEC.spec_hash.hex(),
    "inputs": [
        {
            "name": "GPA",
            "label": "Grade point average",
            "unit": "points",
            "minimum": 2,
            "maximum": 4,
            "help": "So far.",
        },
        {"name": "TUCE", "label": "Economics test", "unit": "points", "minimum": None, "maximum": None, "help": ""},
        {"name": "PSI", "label": "New method", "unit": "", "minimum": 0, "maximum": 1, "help": "1 with, 0 without."},
    ],
    "output": {"label": "The grade improves", "unit": "", "help": "Of 32 students, 11 improved."},
}
METADATA_BYTES = json.dumps(METADATA).encode()


def form(**changes):
    return form_of(SPEC, WEIGHTS, context=99, metadata=METADATA) | changes


def status(**changes):
    return {
        "version": "0.1.0",
        "chain": {"id": CHAIN, "block": 120, "time": int(time.time()), "development": True},
        "contracts": CONTRACTS,
        "token": None,
        "insecure": True,
        "proving": True,
        "conversation": {
            "network": 1,
            "operator": OPERATOR,
            "model": "smollm2-135m-instruct",
            "digest": "ab" * 32,
            "sealed_only": False,
        },
        "stale": False,
    } | changes


def summary(**changes):
    return {
        "id": 1,
        "title": METADATA["title"],
        "purpose": METADATA["purpose"],
        "metadata_state": "verified",
        "model": "hlr",
        "task": 1,
        "family": "logistic",
        "closed": False,
        "certified": True,
        "phase": "finished",
        "operators": 1,
        "insecure": True,
        "fee": str(ETH // 1000),
        "token": False,
        "rows": 32,
        "updates": 3,
    } | changes


def network(**changes):
    made = summary() | {
        "owner": COORDINATOR,
        "uri": "https://example.org/metadata.json",
        "metadata_hash": "0x" + hashlib.sha256(METADATA_BYTES).hexdigest(),
        "metadata": METADATA,
        "terms": {
            "user_stake": str(ETH // 100),
            "operator_stake": str(ETH // 2),
            "penalty": str(ETH // 10),
            "fee": str(ETH // 1000),
            "accept_seconds": 600,
            "answer_seconds": 3600,
        },
        "owners_share": 6000,
        "enrolled": 3,
        "complete": True,
        "specification": {"hash": METADATA["specification"], "state": "verified", "name": None, "label": "GRADE"},
        "weights": {"commitment": form()["model_commitment"], "context": "99", "values": WEIGHTS},
        "coefficients": COEFFICIENTS,
        "certificate": {
            "round": 5,
            "bound_per_row": 0.0000074,
            "coverage": "over 32 rows in 3 updates of 3 nodes.",
            "withdrawn_since": {},
        },
        "predict": {
            "instance": "predict-3",
            "verifier_id": 5,
            "verifier": "0x" + "61" * 20,
            "insecure": True,
            "features": 3,
            "x_bits": 16,
            "x_frac": 12,
            "family": "logistic",
        },
        "operators": [
            {
                "address": OPERATOR,
                "verifier_id": 5,
                "insecure": True,
                "endpoint": True,
                "key": None,
                "stake": str(2 * ETH),
                "restaked": False,
                "obligations": "0",
            }
        ],
    }
    return made | changes


def attempts():
    for k in range(6):
        yield AttemptRecord(
            round=k,
            attempt=0,
            collection=Collection.INFORMATION if k == 0 else Collection.GRADIENT,
            updates=dict.fromkeys(NODES, 1),
            summed=tuple(NODES),
            rows=32,
            shared=True,
            outcome=Outcome.OPENED if k == 0 else Outcome.CERTIFIED if k == 5 else Outcome.AGGREGATED,
        )


def audit(**changes):
    """A whole audit report, with a summary of real numbers."""
    rng = np.random.default_rng(7)
    design = np.column_stack([rng.normal(3.1, 0.45, 32), rng.normal(22, 3.8, 32), rng.integers(0, 2, 32), np.ones(32)])
    odds = design @ list(COEFFICIENTS.values())
    p = 1 / (1 + np.exp(-odds))
    proven = Provenance(True, 32, 3, addresses=tuple(NODES))
    fitted = summarise(
        Model(family="logistic", label="GRADE", coefficients=COEFFICIENTS, scaling=SPEC_SCALING),
        proven,
        information=Part.of((design.T * (p * (1 - p))) @ design, proven),
        evaluation=Part.of(LogisticEvaluation.of(odds, (rng.random(32) < p).astype(int)), proven),
        converged=True,
    )
    report = AuditReport(
        task=1,
        chain_id=CHAIN,
        contract=CONTRACTS["HLRContract"],
        block=118,
        verifier="native",
        counts={name: k + 1 for k, name in enumerate(CHECKS)},
        insecure=["step-48x3", "certify-3", "predict-3"],
        rounds=4,
        attempts=list(attempts()),
        gradient_bound=31_000,
        coefficients=COEFFICIENTS,
        summary=fitted,
    )
    return {"state": "done", "step": "", "progress": "", "report": report.to_json(), "texts": CHECKS} | changes


SPEC_SCALING = tuple(column.scaling for column in SPEC.columns)


def rounds():
    started = int(time.time()) - 4000
    return [
        {
            "round": one.round,
            "attempt": one.attempt,
            "collection": one.collection.name.lower(),
            "outcome": one.outcome.value,
            "updates": one.updates,
            "ready": NODES,
            "shared": NODES,
            "left": [],
            "gas": 900_000 + 1000 * one.round,
            "opened_at": started + 60 * one.round,
            "closed_at": started + 60 * one.round + 20,
            "ended_at": started + 60 * one.round + 40,
            "rows": 32,
            "bound_per_row": None if one.round == 0 else 10.0**-one.round,
            "transactions": 12,
        }
        for one in attempts()
    ]


def task(**changes):
    return {
        "id": 1,
        "phase": "finished",
        "round": 5,
        "attempt": 0,
        "deadline": None,
        "specification": METADATA["specification"],
        "coordinator": COORDINATOR,
        "network": 1,
        "insecure": True,
        "withdrawn_since": {},
        "rounds": rounds(),
        "gas": "5421000",
        "stale": False,
    } | changes


def request_entry(**changes):
    return {
        "id": 7,
        "network": 1,
        "task": 1,
        "state": "asked",
        "user": NODES[0],
        "operator": OPERATOR,
        "deadline": int(time.time()) + 600,
        "fee": str(ETH // 1000),
        "token": False,
        "model_commitment": form()["model_commitment"],
        "input_commitment": "1",
        "prediction": None,
        "verifier": "0x" + "61" * 20,
        "verifier_id": 5,
        "insecure": True,
        "proof": None,
        "public": None,
    } | changes


def account(**changes):
    return {
        "account": NODES[0],
        "member": True,
        "stake": str(3 * ETH),
        "locked_until": None,
        "obligations": "0",
        "requests": [request_entry(), request_entry(id=8, state="accepted", deadline=int(time.time()) - 60)],
        "owed": {"eth": str(ETH // 50), "token": "0"},
        "claims": [{"network": 1, "amount": str(ETH // 500), "token": False}],
        "asked": [
            {
                "kind": "share",
                "what": "share this round's sum",
                "task": 1,
                "request": None,
                "network": None,
                "deadline": int(time.time()) + 300,
                "command": "twopm-zk node run spec.toml",
            }
        ],
        "stale": False,
    } | changes


def everything():
    """All answers of a small deployment: one network, one task, one account."""
    listed = {key: value for key, value in task().items() if key != "rounds"}
    return {
        "/v1/status": status(),
        "/v1/networks": {"networks": [summary()], "stale": False},
        "/v1/networks/1": network(),
        "/v1/networks/1/form": form(),
        "/v1/networks/1/metadata": METADATA_BYTES,
        "/v1/networks/1/audit": audit(),
        "/v1/tasks": {"tasks": [listed | {"rounds": 6, "updates": 18}], "stale": False},
        "/v1/tasks/1": task(),
        f"/v1/accounts/{NODES[0]}": account(),
    }
