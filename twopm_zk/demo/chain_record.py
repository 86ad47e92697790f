"""What the chain says of a training afterwards: every transaction, and every round with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from eth_utils.crypto import keccak

from twopm_zk.chain.abi import signature
from twopm_zk.chain.compiler import compile_contract
from twopm_zk.demo.report import RoundRecord, Transaction
from twopm_zk.demo.stage import Stage
from twopm_zk.demo.training_run import RoundClock
from twopm_zk.participants.attempts import read_history
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
    deployment = stage.deployment
    places = [(name, name, entry.address) for name, entry in deployment.contracts.items()]
    places += [
        ("IDelegationManager", "DelegationManager", deployment.eigenlayer.delegation_manager),
        ("IAllocationManager", "AllocationManager", deployment.eigenlayer.allocation_manager),
        ("IEAS", "EAS", deployment.eas),
    ]
    functions: dict[tuple[str, bytes], str] = {}
    for compiled, name, address in places:
        for item in compile_contract(compiled).abi:
            if item["type"] == "function":
                functions[address.lower(), keccak(signature(item).encode())[:4]] = f"{name}.{item['name']}"
    found = []
    for block in range(stage.deployment.block + 1, chain.block + 1):
        for sent in chain.transactions(block):
            what = functions.get(((sent.to or "").lower(), sent.data[:4]), "transfer")
            who = names.get(sent.sender, sent.sender)
            mined = chain.mined(sent.hash)
            assert mined is not None  # noqa: S101 - a block has it
            found.append((block, Transaction(what, who, sent.hash, mined.gas_used)))
    return found


def chain_record(stage: Stage, spec: TaskSpec, task: int, clock: RoundClock) -> ChainRecord:
    """A finished task's rounds, from the sums and events of the chain."""
    view = stage.view("deployer")
    state = view.state(task)
    contract, start = view.hlr.contract, stage.deployment.block
    opened: dict[int, int] = {}
    for event in contract.events("RoundOpened", from_block=start, taskId=task):
        opened.setdefault(event["round"], event.block)
    finished = contract.events("TaskFinished", from_block=start, taskId=task)[-1].block
    sent = transactions(stage)
    rounds = []
    for one in read_history(view, state):
        first, last = opened[one.round], opened.get(one.round + 1, finished)
        rounds.append(
            RoundRecord(
                number=one.round,
                collects=one.collected,
                coefficients=spec.coefficients(one.weights),
                seconds=clock.seconds(one.round),
                transactions=[said for block, said in sent if first < block <= last],
            )
        )
    before = [said for block, said in sent if block <= opened[0]]
    return ChainRecord(before, rounds, [said for block, said in sent if block > finished])
