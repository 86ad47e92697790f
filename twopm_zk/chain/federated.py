"""HFLContract as typed Python: federated learning of any model, whose results a quorum accepts.

A method is a function of the contract of the same name, see verifier/interfaces/IHFL.sol and docs/protocol.md,
section 8. Updates, masked updates and results are known by hashes of 32 bytes here.
"""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.rounds import Rounds, TaskConfig, struct
from twopm_zk.chain.rpc import Receipt
from twopm_zk.chain.rpc.answers import BlockHeader
from twopm_zk.chain.tasks import Phase, TaskState, read_rounds


@dataclass(frozen=True, kw_only=True)
class FederatedSnapshot(TaskState):
    """A task of HFLContract at one block: its rounds, and its last accepted result."""

    quorum: int
    """Percent of the nodes of a set that accept a result, or find a masked update missing."""
    set_digest: bytes
    """Of the set that shares, from closing on."""
    results: int
    """How many were accepted; the last one is of round ``results - 1``."""
    latest_result: bytes
    """Hash of the last accepted result; zeros where there is none."""
    accepted_key: int
    """Key of the attempt whose result was accepted last; 0 where there is none."""
    accepted_nodes: int
    """Nodes in the set of that attempt."""

    @property
    def complete(self) -> bool:
        """Whether the task is over and has a result: its model changes no more."""
        return self.phase is Phase.FINISHED and self.results != 0


class FederatedRoundsClient(Rounds):
    """HFLContract."""

    def create_task(self, config: TaskConfig, *, quorum_percent: int) -> int:
        """Create a task; its id."""
        receipt = self.contract.transact("createTask", struct(config), quorum_percent, once=True)
        return int(receipt.event("TaskCreated")["taskId"])

    def commit_update(self, task: int, index: int, update: bytes) -> Receipt:
        """Commit to an update of the data registered at ``index``, by its salted hash."""
        return self.contract.transact("commitUpdate", task, index, update)

    def share(self, task: int, digest: bytes, content: bytes, location: int) -> Receipt:
        """Share a masked update with the set of this digest: its SHA-256, and the place of its location in the
        specification's list."""
        return self.contract.transact("share", task, digest, content, location)

    def confirm(self, task: int, result: bytes) -> Receipt:
        """Confirm the result that was computed from all masked updates, by its hash."""
        return self.contract.transact("confirm", task, result)

    def report_missing(self, task: int, account: str) -> Receipt:
        """Say that an account's masked update cannot be had, or is not what was shared."""
        return self.contract.transact("reportMissing", task, account)

    def votes_for(self, task: int, result: bytes) -> int:
        """Confirmations of a result in the present share attempt."""
        return int(self.contract.call("votesFor", task, result))

    def reports_of(self, task: int, account: str) -> int:
        """Reports of an account in the present share attempt."""
        return int(self.contract.call("reportsOf", task, account))

    def result_of(self, task: int, round_: int) -> bytes:
        """The accepted result of a round, by its hash; zeros where there is none."""
        return _bytes(self.contract.call("resultOf", task, round_))

    def credit_of(self, task: int, node: str) -> int:
        """1 for a node that was in the set of the last accepted result, 0 for others."""
        return int(self.contract.call("creditOf", task, node))

    def state(self, task: int, at: BlockHeader | None = None) -> FederatedSnapshot:
        """A task at a block or the newest one. InputError where there is no such task."""
        return read_federated(self.contract, task, at)


def read_federated(contract: Contract, task: int, at: BlockHeader | None = None) -> FederatedSnapshot:
    """A task of HFLContract, all of it at the same block. InputError where there is no such task."""
    others = "latestOf", "participantsOf", "quorumOf", "setDigestOf"
    rounds, (results, latest), (key, nodes), quorum, digest = read_rounds(contract, task, at, *others)
    return FederatedSnapshot(
        **rounds,
        quorum=quorum,
        set_digest=_bytes(digest),
        results=results,
        latest_result=_bytes(latest),
        accepted_key=key,
        accepted_nodes=nodes,
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
