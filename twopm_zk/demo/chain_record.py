"""What the chain says of a training afterwards: every transaction, and every round with its weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from eth_utils.crypto import keccak

from twopm_zk.auditor.report import AttemptRecord, AuditReport, Outcome
from twopm_zk.chain.abi import signature
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.demo.report import RoundRecord, Transaction
from twopm_zk.demo.stage import Stage
from twopm_zk.demo.training_run import RoundClock
from twopm_zk.task.specification import TaskSpec


@dataclass(frozen=True)
class ChainRecord:
    """Transactions before the first round, the rounds with theirs, and transactions after the last one."""

    before: Sequence[Transaction]
    rounds: Sequence[RoundRecord]
    after: Sequence[Transaction]


def transactions(stage: Stage) -> list[tuple[int, Transaction]]:
    """Every transaction after the deployment, with its block."""
    chain, names = stage.view("deployer").chain, stage.names
    functions: dict[tuple[str, bytes], str] = {}
    for name, entry in stage.deployment.contracts.items():
        for item in compile_contract(name).abi:
            if item["type"] == "function":
                functions[entry.address.lower(), keccak(signature(item).encode())[:4]] = f"{name}.{item['name']}"
    found = []
    for block in range(stage.deployment.block + 1, chain.block + 1):
        for transaction in chain.web3.eth.get_block(block, full_transactions=True)["transactions"]:
            details = cast("Mapping[str, Any]", transaction)
            receipt = chain.web3.eth.get_transaction_receipt(details["hash"])
            target = str(details.get("to") or "").lower()
            what = functions.get((target, bytes(details["input"])[:4]), "transfer")
            who = names.get(str(details["from"]), str(details["from"]))
            found.append((block, Transaction(what, who, "0x" + bytes(details["hash"]).hex(), int(receipt["gasUsed"]))))
    return found


def chain_record(stage: Stage, spec: TaskSpec, task: int, clock: RoundClock, findings: AuditReport) -> ChainRecord:
    """A finished task's rounds; who took part in them is what an audit has found."""
    contract = stage.view("deployer").hlr.contract
    start = stage.deployment.block
    models = sorted(contract.events("ModelPublished", from_block=start, taskId=task), key=lambda event: event["round"])
    opened = [event.block for event in models]
    finished = contract.events("TaskFinished", from_block=start, taskId=task)[-1].block
    counted = {one.round: one for one in findings.attempts if one.outcome in (Outcome.AGGREGATED, Outcome.CERTIFIED)}
    sent = transactions(stage)
    rounds = []
    for number, event in enumerate(models):
        first, last = opened[number], [*opened[1:], finished][number]
        rounds.append(
            RoundRecord(
                number=number,
                coefficients=spec.coefficients(event["weights"]),
                bound_per_row=clock.bounds.get(number),
                seconds=clock.seconds(number),
                participants=_named(stage, counted.get(number)),
                transactions=[one for block, one in sent if first < block <= last],
            )
        )
    before = [one for block, one in sent if block <= opened[0]]
    return ChainRecord(before, rounds, [one for block, one in sent if block > finished])


def _named(stage: Stage, attempt: AttemptRecord | None) -> dict[str, int]:
    """The number of updates by name."""
    return {} if attempt is None else {stage.named(node): count for node, count in attempt.updates.items()}
