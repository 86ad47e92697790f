"""The one reader of the chain: a thread that follows it, and a snapshot that every request reads.

However many ask, the chain is read once for each block that has something new. Events tell what has changed, and only
that is read again. Where the chain does not answer, the last snapshot stays, and says that it is stale.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.networks import Backing, Model, NetworkEntry
from twopm_zk.chain.rpc import reading
from twopm_zk.chain.tasks import Phase, TaskSnapshot, TaskState
from twopm_zk.errors import ChainError
from twopm_zk.gateway.state.documents import Documents
from twopm_zk.gateway.state.networks import NOTHING_AT_STAKE, NetworkState, Offer
from twopm_zk.gateway.state.tasks import TaskLog, summary_of, task_document
from twopm_zk.participants.attempts import read_history
from twopm_zk.participants.news import News, Notify, ignore
from twopm_zk.participants.rounds.view import Withdrawal
from twopm_zk.participants.task_view import LARGE, ChainView

Changes = Mapping[str, frozenset[int]]
"""What has changed, by ``task``, ``request`` and ``network``: their numbers."""
_LONGEST_PAUSE = 15.0
_STAKE_SECONDS = 3.0
_RECEIPTS_AT_ONCE = 50
REQUESTS_KEPT = 50
"""Of each account; others are found by their numbers."""
_YOUNG_SECONDS = 0.25
"""How long a block is left alone: a development node that is mining may show a part of it."""
_TOLD = ("task", "request", "network")


@dataclass(frozen=True)
class RequestIds:
    """The requests of accounts, oldest first: asked by them, or of them."""

    of: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """The last ones of each account."""
    answered: Mapping[int, str] = field(default_factory=dict)
    """The transaction that answered a request."""


@dataclass(frozen=True)
class Snapshot:
    """What is known of the chain at one block. Documents are JSON, made once."""

    block: int
    time: int
    stale: bool = False
    states: Mapping[int, TaskSnapshot] = field(default_factory=dict)
    tasks: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    task_list: tuple[Mapping[str, Any], ...] = ()
    networks: Mapping[int, NetworkState] = field(default_factory=dict)
    details: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    network_list: tuple[Mapping[str, Any], ...] = ()
    forms: Mapping[int, Mapping[str, Any] | None] = field(default_factory=dict)
    requests: RequestIds = field(default_factory=RequestIds)
    last_events: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    """Block and log of each task's last event: what an audit of it is about."""
    operators: Mapping[str, Offer] = field(default_factory=dict)
    """All accounts that offer a network."""
    made: dict[object, bytes] = field(default_factory=dict, compare=False, repr=False)
    """Answers that were made of it before."""

    def answer(self, key: object, make: Callable[[], bytes]) -> bytes:
        """An answer that follows from the snapshot, made once."""
        found = self.made.get(key)
        if found is None:
            found = self.made[key] = make()
        return found


class ChainReader:
    """Follows a deployment: ``with ChainReader(view, documents) as reader: reader.snapshot``.

    ``publish`` hears of each new block, with what has changed. Making one reads the chain for the first time, and
    raises ChainError where that fails.
    """

    def __init__(
        self,
        view: ChainView,
        documents: Documents,
        *,
        poll: float = 1.0,
        notify: Notify = ignore,
        publish: Callable[[Snapshot, Changes], None] = lambda snapshot, changes: None,
    ) -> None:
        self._view, self._documents, self._poll = view, documents, poll
        self._notify, self.publish = notify, publish
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chain reader", daemon=True)
        self._networks = reading("NetworkRegistry", lambda: view.network.networks)
        self._forget()
        self.snapshot = Snapshot(0, 0)
        self._tick()

    def _forget(self) -> None:
        """Begin anew: the chain has replaced blocks that were read."""
        self._read_to, self._read_hash = self._view.deployment.block - 1, b""
        self._changed: dict[str, set[int]] = {name: set() for name in _TOLD}
        self._times: dict[int, int] = {}
        self._logs: dict[int, TaskLog] = {}
        self._states: dict[int, TaskSnapshot] = {}
        self._entries: dict[int, NetworkEntry] = {}
        self._uris: dict[int, str] = {}
        self._offers: dict[int, dict[str, Offer]] = {}
        self._retired: frozenset[int] = frozenset()
        self._withdrawn: dict[str, dict[str, Withdrawal]] = {}
        self._members: dict[str, tuple[str, bytes]] = {}
        self._stakes: dict[str, tuple[Backing, int]] = {}
        self._stakes_at = -_STAKE_SECONDS
        self._requests: dict[str, tuple[int, ...]] = {}
        self._answered: dict[int, str] = {}
        self._gas: dict[str, int] = {}
        self._histories: dict[int, int] = {}
        self._documents_made: dict[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {}

    def penalty_of(self, network: int) -> int:
        """What an operator of a network stands for an answer with now, in wei of ETH; 0 where there is no such one."""
        found = self.snapshot.networks.get(network)
        return 0 if found is None else found.entry.terms.penalty

    # --- the loop ---

    def start(self) -> ChainReader:
        """Follow the chain from now on."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def __enter__(self) -> ChainReader:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self) -> None:
        failures = 0
        while not self._stop.wait(min(self._poll * 2**failures, _LONGEST_PAUSE) * random.uniform(0.8, 1.2)):  # noqa: S311
            try:
                self._tick()
                failures = 0
            except ChainError as error:
                failures = min(failures + 1, 10)
                self._fail(error.message)
            except Exception as error:  # a snapshot that is old is better than none; what was half read is read again
                failures = min(failures + 1, 10)
                self._forget()
                self._fail(f"the chain was not understood ({type(error).__name__})")

    def _fail(self, message: str) -> None:
        if not self.snapshot.stale:
            self._notify(News("stale", f"the chain does not answer, the last known state is served: {message}"))
            self.snapshot = replace(self.snapshot, stale=True, made={})

    # --- one look ---

    def _tick(self) -> None:
        """Read what is new, and make a snapshot of it where there is something."""
        head = self._view.block()
        if self._replaced(head):
            self._forget()
        documents_changed = self._documents.refresh()
        if head != self._read_to:
            self._stop.wait(_YOUNG_SECONDS)
            self._read(head)
        self._read_what_changed()
        learnt = self._learn_gas()
        if learnt or documents_changed or self.snapshot.stale or self.snapshot.block != head:
            self.snapshot = self._made(head, self._changed["task"] | learnt)
            changes = {name: frozenset(numbers) for name, numbers in self._changed.items()}
            for numbers in self._changed.values():
                numbers.clear()
            self.publish(self.snapshot, changes)

    def _replaced(self, head: int) -> bool:
        """Whether the chain has replaced a block that was read."""
        if not self._read_hash:
            return False
        return head < self._read_to or self._view.block_hash(self._read_to) != self._read_hash

    def _read(self, head: int) -> None:
        """Events up to a block. All that can fail comes first: an event is taken once, or not at all."""
        view, first = self._view, self._read_to + 1
        contracts = [view.hlr.contract, view.inference.contract, view.network.contract("VerifierRegistry")]
        contracts += [view.identity.contract, self._networks.contract]
        events = [event for contract in contracts for event in self._events(contract, first, head)]
        events += reading("withdrawn data", lambda: self._withdrawals(first, head))
        events.sort(key=lambda event: event.moment)
        head_hash = view.block_hash(head)
        of_tasks = [event for event in events if event.address == view.hlr.address]
        states = {task: view.state(task) for task in {event["taskId"] for event in of_tasks}}
        for event in of_tasks:
            self._time_of(event.block)
        for event in events:
            self._feed(event)
        self._states |= states
        gone = {event["dataset"] for event in events if event.name == "DataWithdrawn"}
        self._changed["task"] |= set(states) | {
            task for task, one in self._states.items() if _named(one.dataset) in gone
        }
        self._read_to, self._read_hash = head, head_hash

    def _read_what_changed(self) -> None:
        """What events only tell of. Where it fails it is still to be read the next time."""
        changed = self._changed
        for number in changed["network"] & set(self._uris):
            self._entries[number] = reading("a network", partial(self._networks.get, number))
        for task in changed["task"]:
            self._learn_history(task)
        self._read_operators(bool(changed["request"] or changed["network"]))
        changed["network"] |= {
            number for number, one in self._entries.items() if one.model is Model.HLR and one.task in changed["task"]
        }

    def _events(self, contract: Contract, first: int, last: int) -> Iterable[DecodedEvent]:
        chain = self._view.chain
        logs = reading("events", lambda: list(chain.logs(contract.address, [], first, last)))
        return [event for log in logs if (event := chain.registry.event(log)) is not None]

    def _withdrawals(self, first: int, last: int) -> list[DecodedEvent]:
        return list(self._view.data_hub.contract.events("DataWithdrawn", from_block=first, to_block=last))

    def _time_of(self, block: int) -> int:
        if block not in self._times:
            self._times[block] = self._view.chain.time_of(block)
        return self._times[block]

    def _feed(self, event: DecodedEvent) -> None:
        view, changed = self._view, self._changed
        if event.address == view.hlr.address:
            self._logs.setdefault(event["taskId"], TaskLog(event["taskId"])).feed(event, self._time_of)
        elif event.address == view.inference.address:
            self._feed_inference(event)
        elif event.address == view.identity.address:
            self._members.pop(event["member"], None)
        elif event.name == "DataWithdrawn":
            of_set = self._withdrawn.setdefault(event["dataset"], {})
            of_set[event["owner"]] = Withdrawal.after(of_set.get(event["owner"]), event)
        elif event.name == "VerifierRetired":
            self._retired |= {event["id"]}
            changed["network"] |= set(self._entries)
        elif event.address == self._networks.address:
            changed["network"].add(event["id"])
            self._uris.setdefault(event["id"], "")
            if event.name == "MetadataChanged":
                self._uris[event["id"]] = event["uri"]

    def _feed_inference(self, event: DecodedEvent) -> None:
        values, changed = event.values, self._changed
        if event.name == "Offered":
            offer = Offer(event["operator"], event["verifierId"], event["verifier"], event["insecure"])
            self._offers.setdefault(event["networkId"], {})[event["operator"]] = offer
            changed["network"].add(event["networkId"])
        elif event.name == "OfferWithdrawn":
            self._offers.get(event["networkId"], {}).pop(event["operator"], None)
            changed["network"].add(event["networkId"])
        elif event.name == "Asked":
            for account in {event["user"], event["operator"]}:
                self._requests[account] = (*self._requests.get(account, ())[1 - REQUESTS_KEPT :], event["id"])
        elif event.name == "Answered":
            self._answered[event["id"]] = event.transaction
        if "id" in values:
            changed["request"].add(event["id"])

    def _learn_history(self, task: int) -> None:
        """Rows and bounds of the rounds that were shared, which follow from all that was shared in them.

        Of a task with many nodes that takes too long to be done at every round; an audit of it says the same.
        """
        log, state = self._logs[task], self._states[task]
        if self._histories.get(task) == log.sums or not log.sums or max(state.nodes, state.ready) > LARGE:
            return
        if state.phase in (Phase.SHARING, Phase.DISPUTED):
            return
        try:
            log.learn(read_history(self._view, state), state)
        except ChainError:
            return  # the endpoint does not show all of it: at the next change of the task
        self._histories[task] = log.sums

    def _read_operators(self, asked: bool) -> None:
        """Endpoints of operators, and what they have at stake: now and then, and where something was asked of them."""
        operators = {operator for offers in self._offers.values() for operator in offers}
        view = self._view
        for operator in operators - set(self._members):
            member = view.member(operator)
            self._members[operator] = ("", b"") if member is None else (member.endpoint, member.public_key)
        if not asked and time.monotonic() - self._stakes_at < _STAKE_SECONDS and operators <= set(self._stakes):
            return
        self._stakes_at = time.monotonic()
        for operator in operators:
            obligations = reading("an operator", partial(view.stakes.obligations_of, operator))
            self._stakes[operator] = view.backing_of(operator), obligations

    def _learn_gas(self) -> set[int]:
        """What some more transactions took; the tasks that these are of."""
        wanted = [
            (log.task, name) for log in self._logs.values() for name in log.transactions if name not in self._gas
        ][:_RECEIPTS_AT_ONCE]
        for _, name in wanted:
            found = reading("a receipt", partial(self._view.chain.mined, name))
            self._gas[name] = 0 if found is None else found.gas_used
        return {task for task, _ in wanted}

    # --- the snapshot ---

    def _made(self, head: int, changed: set[int]) -> Snapshot:
        entries = self._entries
        network_of = {one.task: number for number, one in entries.items() if one.model is Model.HLR}
        for task, log in self._logs.items():
            if task in changed or task not in self._documents_made or self._network_is_new(task, network_of):
                state, number = self._states[task], network_of.get(task)
                document = task_document(log, state, number, self._gas, self._gone(log, state))
                self._documents_made[task] = summary_of(log, state, number), document
        networks = {number: self._network(entry) for number, entry in sorted(entries.items())}
        operators = {offer.operator: offer for one in networks.values() for offer in one.offers}
        return Snapshot(
            head,
            self._view.chain.time_of(head),
            states=dict(self._states),
            tasks={task: made[1] for task, made in sorted(self._documents_made.items())},
            task_list=tuple(made[0] for _, made in sorted(self._documents_made.items())),
            networks=networks,
            details={number: one.detail() for number, one in networks.items()},
            network_list=tuple(one.summary() for one in networks.values()),
            forms={number: one.form() for number, one in networks.items()},
            requests=RequestIds(self._requests, self._answered),
            last_events={task: log.last_event for task, log in self._logs.items()},
            operators=operators,
        )

    def _gone(self, log: TaskLog, state: TaskSnapshot) -> dict[str, Withdrawal]:
        """Owners of rows in the certified sum that have withdrawn them."""
        withdrawn = self._withdrawn.get(_named(state.dataset), {})
        ready = [] if log.certified is None else sorted(log.certified.ready)
        return {node: withdrawn[node] for node in ready if node in withdrawn}

    def _network_is_new(self, task: int, network_of: Mapping[int, int]) -> bool:
        return bool(self._documents_made[task][0]["network"] != network_of.get(task))

    def _network(self, entry: NetworkEntry) -> NetworkState:
        offers = tuple(
            replace(
                offer,
                endpoint=self._members.get(operator, ("", b""))[0],
                key=self._members.get(operator, ("", b""))[1],
                backing=self._stakes.get(operator, (NOTHING_AT_STAKE, 0))[0],
                obligations=self._stakes.get(operator, (NOTHING_AT_STAKE, 0))[1],
            )
            for operator, offer in sorted(self._offers.get(entry.id, {}).items())
        )
        state: TaskState
        if entry.model is Model.HLR:
            state = self._states[entry.task]
        else:
            state = reading("a task", lambda: self._view.network.hfl.state(entry.task))
        log = self._logs.get(entry.task) if entry.model is Model.HLR else None
        return NetworkState.of(
            entry,
            state,
            log,
            self._documents,
            self._view.deployment,
            uri=self._uris[entry.id],
            retired=self._retired,
            offers=offers,
            withdrawn=self._gone(log, state) if log is not None and isinstance(state, TaskSnapshot) else {},
        )


def _named(dataset: bytes) -> str:
    """A data set as events name it."""
    return f"0x{dataset.hex()}"
