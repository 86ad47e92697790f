"""How tasks of one contract stand on the chain, seen by one account: what HLR and HFL have in common.

State is read at one block, so that its parts belong together. Events that were read are not read again, unless blocks
were replaced.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from collections.abc import Collection as Some
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from eth_abi.abi import encode

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.attestations import Attestation, Attestations
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.deployment import DEVELOPMENT_CHAINS
from twopm_zk.chain.network import Network
from twopm_zk.chain.networks import Backing
from twopm_zk.chain.rounds import Rounds
from twopm_zk.chain.rpc import Topic, reading
from twopm_zk.chain.rpc.answers import BlockHeader
from twopm_zk.chain.rpc.block_hashes import BlockHashes
from twopm_zk.chain.tasks import TaskState, task_key
from twopm_zk.errors import DeploymentError, UnsettledError
from twopm_zk.participants.records import Attempt
from twopm_zk.sharing import Place
from twopm_zk.system.progress import Progress
from twopm_zk.task.parts.data import DataTerms

State = TypeVar("State", bound=TaskState)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Member:
    """An entry of IdentityContract."""

    address: str
    since: int
    endpoint: str
    public_key: bytes


@dataclass(frozen=True)
class Withdrawal:
    """That an owner has withdrawn its data of a data set, for good."""

    block: int
    """From which on the contract takes no update of them."""
    retraining: bool
    """Whether models may be trained on without them, which tells the sums of these rows; see `sharing.ledger`."""

    @classmethod
    def after(cls, before: Withdrawal | None, event: DecodedEvent) -> Withdrawal:
        """What is known with one more `DataWithdrawn`: the first counts; to be trained on can be allowed later."""
        return cls(event.block if before is None else before.block, event["retraining"])

    def to_json(self) -> dict[str, Any]:
        """The withdrawal as documents have it."""
        return {"block": self.block, "retraining": self.retraining}

    def sentence(self, owner: str) -> str:
        """That an owner of data in a certified sum has withdrawn them."""
        allowed = "may" if self.retraining else "may not"
        return (
            f"{owner}, whose rows are in the certified sum, withdrew them in block {self.block}; models {allowed} be "
            "trained on without them"
        )


@dataclass(frozen=True)
class _Seen:
    """Events up to a block, which is known by its hash."""

    block: int
    block_hash: bytes
    events: tuple[DecodedEvent, ...]


@dataclass(frozen=True)
class _Known(Generic[State]):
    """A task at the newest block, which has this hash."""

    head: bytes
    state: State


_YOUNG_SECONDS = 0.25
"""How long a block's state is read anew at every look."""
_LOOKS = 12
"""Of somebody who looks once, where what is shown does not fit together."""
_KEPT = 14
"""Lists of events that stay in memory: of rounds, registrations, attestations, withdrawals, tasks, and nodes that are
out."""


def looking_again(look: Callable[[], _T]) -> _T:
    """What ``look`` makes of the chain; again for a few seconds where that does not fit together.

    For whoever looks once, as commands do: the blocks of those who take part come just then. Raises UnsettledError.
    """
    for _ in range(_LOOKS - 1):
        try:
            return look()
        except UnsettledError:
            time.sleep(_YOUNG_SECONDS)
    try:
        return look()
    except UnsettledError as error:
        raise UnsettledError(
            error.message.removesuffix("; looking again"),
            hint="Try again in a moment. If it stays so, the endpoint lacks blocks: use another one.",
        ) from error


class RoundsView(ABC, Generic[State]):
    """A deployment on a chain, seen by one account (or none, to read only), with one of its contracts of tasks.

    Making one compares every contract and verifier with the deployment file: DeploymentError where they differ.
    ``progress`` hears of each one, because contracts that are not of these sources are compiled for it.
    """

    events_of_no_node: ClassVar[tuple[str, ...]]
    """Names of the events of which there are few, whatever the number of nodes."""

    def __init__(self, network: Network, *, progress: Progress | None = None) -> None:
        self.network, self.chain, self.deployment = network, network.chain, network.deployment
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._states: dict[int, _Known[State]] = {}
        self._terms: dict[bytes, DataTerms] = {}
        self._attested: dict[bytes, Attestation] = {}
        self._blocks = BlockHashes(self.chain)
        reading("the deployment", lambda: network.check(progress=progress))
        self.identity = reading("IdentityContract", lambda: network.identity)
        self.data_hub = reading("DataHub", lambda: network.data_hub)
        self.staking = reading("StakingContract", lambda: network.staking)
        self.stakes = reading("ServiceManager", lambda: network.stakes)
        self.networks = reading("NetworkRegistry", lambda: network.networks)
        self.inference = reading("InferenceContract", lambda: network.inference)

    @property
    @abstractmethod
    def rounds(self) -> Rounds:
        """The contract of the tasks."""

    @abstractmethod
    def _read(self, task: int, at: BlockHeader) -> State:
        """A task at a block, as the contract says it."""

    @property
    def address(self) -> str:
        """The signing account's address."""
        return self.chain.address

    @cached_property
    def fingerprint(self) -> str:
        """Tells this deployment from any other, one on a development chain that was started again among them."""
        block = reading("a block", lambda: self.chain.header(self.deployment.block))
        return f"{self.rounds.address} on chain {self.chain.chain_id}, block 0x{block.hash.hex()}"

    @property
    def public(self) -> bool:
        """Whether this is more than a development chain."""
        return self.chain.chain_id not in DEVELOPMENT_CHAINS

    def block(self) -> int:
        """Number of the newest block."""
        reading("the newest block", self._blocks.look)
        return self._blocks.newest

    def block_hash(self, number: int) -> bytes:
        """What tells a block, and all that lies before it, from those that may replace it."""
        return reading(f"block {number}", lambda: self._blocks.hash(number))

    def task_count(self) -> int:
        """Tasks there are; they are numbered from 1."""
        return int(reading("tasks", lambda: self.rounds.contract.call("taskCount")))

    def state(self, task: int) -> State:
        """A task at the newest block. InputError where there is no such task; DeploymentError where the contract
        contradicts what follows from its own numbers."""
        contradicted: int | None = None
        while True:
            try:
                return reading(f"task {task}", lambda: self._state(task))
            except DeploymentError:
                # a development node can mix two blocks in its answers while it mines: only a quiet chain contradicts
                before, contradicted = contradicted, self.block()
                if contradicted == before:
                    raise

    def _state(self, task: int) -> State:
        """The state as it was read when the newest block was the same, or read anew. A block is young at first: a
        development node that is mining may still answer from the one before."""
        head, now = self._blocks.look(), time.monotonic()
        known = self._states.get(task)
        if known is not None and known.head == head.hash:
            return replace(known.state, time=max(known.state.time, int(time.time())))
        state = self._read(task, head)
        if now - self._blocks.since > _YOUNG_SECONDS:
            self._states[task] = _Known(head.hash, state)
        return state

    def attempt_events(self, state: State) -> list[DecodedEvent]:
        """The events of the present round since it opened, in the order of the chain, of all its attempts."""
        topics: list[bytes | None] = [None, encode(["uint256"], [state.id]), encode(["uint32"], [state.round])]

        def read(first: int, last: int) -> list[DecodedEvent]:
            logs = self.chain.logs(self.rounds.address, topics, first, last)
            return [event for log in logs if (event := self.chain.registry.event(log)) is not None]

        key = (self.rounds.address, "round", state.id, state.round, state.opened_at)
        return reading("events of a round", lambda: self._cached(key, read, state.opened_at, state.block))

    def attempt_of(self, state: State) -> Attempt:
        """The present attempt of a task, by which stores know it."""
        key = task_key(self.chain.chain_id, self.rounds.address, state.id, state.spec_hash)
        return Attempt(key, state.round, state.attempt)

    def is_large(self, state: State) -> bool:
        """Whether a node reads only what concerns it: never, unless the kind of task says so."""
        return False

    def place_of(self, state: TaskState) -> Place:
        """What a set of the present attempt is bound to."""
        return Place(
            chain_id=self.chain.chain_id,
            contract=self.rounds.address,
            task=state.id,
            round=state.round,
            attempt=state.attempt,
            identity=self.identity.address,
        )

    def events_about(
        self,
        state: State,
        *names: str,
        node: str | None = None,
        seats: Some[int] | None = None,
    ) -> list[DecodedEvent]:
        """Events of the present attempt by their names: of all, of one node, or of the nodes of some seats.

        They are read anew each time, with one request where the endpoint takes it.
        """
        topics: list[Topic] = [
            [self.rounds.contract.topic_of(name) for name in names],
            encode(["uint256"], [state.id]),
            encode(["uint32"], [state.round]),
        ]
        if node is not None:
            topics.append(encode(["address"], [node]))
        if seats is not None:
            topics.append([encode(["uint24"], [seat]) for seat in sorted(seats)])

        def read() -> list[DecodedEvent]:
            logs = self.chain.logs(self.rounds.address, topics, state.opened_at, state.block)
            return [event for log in logs if (event := self.chain.registry.event(log)) is not None]

        found = reading("events of a round", read)
        return [event for event in found if event["attempt"] == state.attempt]

    def _events(self, contract: Contract, name: str, first: int, last: int, **indexed: object) -> list[DecodedEvent]:
        """Events as `Contract.events` has them, read like `_cached` does."""

        def read(start: int, end: int) -> list[DecodedEvent]:
            return contract.events(name, from_block=start, to_block=end, **indexed)

        return self._cached((contract.address, name, first, *indexed.items()), read, first, last)

    def _cached(
        self, key: tuple[object, ...], read: Callable[[int, int], list[DecodedEvent]], first: int, last: int
    ) -> list[DecodedEvent]:
        """Reads only what is newer than last time, unless blocks were replaced.

        The last block is always read again: a development node that is mining may show a part of it.
        """
        known = self._seen.get(key)
        if known is None or known.block >= last or self._blocks.hash(known.block) != known.block_hash:
            known = _Seen(first - 1, b"", ())
        settled = self._blocks.hash(last - 1) if last - 1 > known.block else b""
        newer = read(known.block + 1, last)
        if settled:
            older = tuple(event for event in newer if event.block < last)
            others = [entry for entry in self._seen.items() if entry[0] != key]
            found = _Seen(last - 1, settled, known.events + older)
            self._seen = dict([*others[1 - _KEPT :], (key, found)])
        return [*known.events, *newer]

    def is_barred(self, state: State, node: str) -> bool:
        """Whether a node is out of the task for good."""
        return bool(self._part(state, node)["barred"])

    def barred(self, state: State) -> frozenset[str]:
        """All nodes that are out of the task for good."""
        first, last = self.deployment.block, state.block
        events = reading(
            "barred nodes", lambda: self._events(self.rounds.contract, "NodeBarred", first, last, taskId=state.id)
        )
        return frozenset(event["node"] for event in events)

    def is_in_set(self, state: State, node: str) -> bool:
        """Whether a node is in the set that shares in the present attempt."""
        return self.seat_of(state, node) is not None

    def seat_of(self, state: State, node: str) -> int | None:
        """The seat of a node in the set that shares in the present attempt; None where it is not in it."""
        part = self._part(state, node)
        return part["seat"] if part["inSet"] == state.key else None

    def participates(self, state: State, node: str) -> bool:
        """Whether a node has handed in updates in the present attempt, and not withdrawn."""
        return self._part(state, node)["participated"] == state.key

    def is_final(self, state: State) -> bool:
        """Whether the set of nodes that share can no more be replaced, as far as the chain tells what is final.

        The set is made in blocks up to the one that sharing began in. A development chain, or one that knows no
        finality, is taken at its word: shares are bound to the set's digest, and worthless for any other.
        """
        if not self.public:
            return True
        started = [event.block for event in self.events_about(state, "SharingStarted")]
        final = reading("the last final block", self.chain.final_block)
        return final is None or not started or started[-1] <= final

    def _part(self, state: State, node: str) -> dict[str, int]:
        return reading("a node", lambda: dict(self.rounds.contract.call("nodeOf", state.id, node)))

    def member(self, address: str) -> Member | None:
        """The entry of an account, or None for who is no member."""
        entry = reading("a member", lambda: self.identity.contract.call("memberOf", address))
        if entry["since"] == 0:
            return None
        return Member(address, entry["since"], entry["endpoint"], bytes.fromhex(entry["publicKey"][2:]))

    def publish(self, endpoint: str, public_key: bytes) -> None:
        """Join, or update the entry where it says something else."""
        known = self.member(self.address)
        if known is None:
            self.identity.join(endpoint, public_key)
        elif (known.endpoint, known.public_key) != (endpoint, public_key):
            self.identity.update(endpoint, public_key)

    def registrations(self, dataset: bytes, *, before: int, owner: str | None = None) -> dict[str, list[int]]:
        """Commitments of a data set, by owner, registered before a block: of all owners that have not withdrawn their
        data, or of one."""
        found: dict[str, list[int]] = {}
        gone = self.withdrawals(dataset, owner=owner)
        events = reading(
            "registered data",
            lambda: self._events(
                self.data_hub.contract, "Registered", self.deployment.block, before - 1, dataset=dataset, owner=owner
            ),
        )
        for event in events:
            if event["owner"] not in gone:
                found.setdefault(event["owner"], []).append(event["commitment"])
        return found

    def withdrawals(self, dataset: bytes, *, owner: str | None = None) -> dict[str, Withdrawal]:
        """Who has withdrawn its data of a data set: all owners, or one."""
        contract, start = self.data_hub.contract, self.deployment.block
        found: dict[str, Withdrawal] = {}
        for event in reading(
            "withdrawn data",
            lambda: self._events(contract, "DataWithdrawn", start, self.block(), dataset=dataset, owner=owner),
        ):
            found[event["owner"]] = Withdrawal.after(found.get(event["owner"]), event)
        return found

    def places(self, dataset: bytes, *, owner: str | None = None) -> dict[int, int]:
        """Index by commitment, of all that an ``owner``, else this account, has registered under a data set's name."""
        events = reading(
            "registered data",
            lambda: self.data_hub.contract.events(
                "Registered", from_block=self.deployment.block, owner=owner or self.address, dataset=dataset
            ),
        )
        return {event["commitment"]: event["index"] for event in events}

    def terms_of(self, dataset: bytes) -> DataTerms | None:
        """What the data of a data set are; None where nobody has opened it."""
        if dataset not in self._terms:
            found = reading("a data set", lambda: self.data_hub.terms(dataset))
            if found is None:
                return None
            if found.id != dataset:
                raise DeploymentError(f"the terms of data set 0x{dataset.hex()} have another id")
            self._terms[dataset] = found
        return self._terms[dataset]

    def bindings(self, dataset: bytes, *, owner: str | None = None) -> dict[tuple[str, int], bytes]:
        """The attestation that each owner's commitment was last bound to, of all owners or of one."""
        contract, start = self.data_hub.contract, self.deployment.block
        events = reading(
            "attested data",
            lambda: self._events(contract, "DataAttested", start, self.block(), dataset=dataset, owner=owner),
        )
        return {
            (event["owner"], commitment): bytes.fromhex(event["uid"][2:])
            for event in events
            for commitment in event["commitments"]
        }

    def attestation(self, uid: bytes) -> Attestation | None:
        """An attestation as it was when it was first read: later revocations are in `revocations`."""
        if uid not in self._attested:
            found = reading("an attestation", lambda: self.attestations.get(uid))
            if found is None:
                return None
            self._attested[uid] = found
        return self._attested[uid]

    def revocations(self, schema: bytes) -> frozenset[bytes]:
        """The attestations of a schema that were revoked since the deployment."""
        contract, start = self.attestations.contract, self.deployment.block
        events = reading(
            "revoked attestations",
            lambda: self._events(contract, "Revoked", start, self.block(), schemaUID=schema),
        )
        return frozenset(bytes.fromhex(event["uid"][2:]) for event in events)

    @cached_property
    def attestations(self) -> Attestations:
        """EAS, as DataHub knows it. DeploymentError on a chain without it."""
        return reading("EAS", lambda: Attestations.at(self.chain, self.data_hub.eas))

    def stake_of(self, address: str) -> int:
        """What an account has at stake, in wei of ETH."""
        return reading("stake", lambda: self.staking.stake_of(address))

    def backing_of(self, operator: str) -> Backing:
        """What stands behind an operator of predictions or conversations."""
        return reading("stake", lambda: self.stakes.backing_of(operator))

    def task_events(
        self, task: int, *, from_block: int, to_block: int, account: str | None = None
    ) -> list[DecodedEvent]:
        """Every event of a task, of any name, in the order of the chain; with ``account`` those that are of no node, or
        of this one."""
        of_task = encode(["uint256"], [task])
        wanted: list[list[Topic]] = [[None, of_task]]
        if account is not None:
            plain = [self.rounds.contract.topic_of(name) for name in self.events_of_no_node]
            wanted = [[plain, of_task], [None, of_task, None, encode(["address"], [account])]]

        def read() -> list[DecodedEvent]:
            logs = [log for one in wanted for log in self.chain.logs(self.rounds.address, one, from_block, to_block)]
            found = {(log.block, log.index): log for log in logs}
            events = [self.chain.registry.event(log) for _, log in sorted(found.items())]
            return [event for event in events if event is not None]

        return reading(f"events of task {task}", read)

    def newest_task(
        self, spec_hash: bytes, wanted: Callable[[State], bool], *, creator: str | None = None
    ) -> State | None:
        """The newest task of a specification that is ``wanted``, of one account or of all."""
        candidates = reversed(self.tasks_of(spec_hash, coordinator=creator))
        return next((state for task in candidates if wanted(state := self.state(task))), None)

    def tasks_of(self, spec_hash: bytes, *, coordinator: str | None = None) -> list[int]:
        """Tasks with a specification, oldest first."""
        first, last = self.deployment.block, self.block()
        events = reading(
            "tasks", lambda: self._events(self.rounds.contract, "TaskCreated", first, last, coordinator=coordinator)
        )
        return [event["taskId"] for event in events if event["specHash"] == "0x" + spec_hash.hex()]
