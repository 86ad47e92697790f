"""From the chain to what a replay takes: events with their blocks and calls, registrations, memberships and keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eth_utils.crypto import keccak

from twopm_zk.auditor.history import NEED_CALL, Call, DataSetHistory, Registrations, ReplayedEvent
from twopm_zk.chain.abi import DecodedEvent, decode_inputs, signature
from twopm_zk.chain.contracts import Contract
from twopm_zk.chain.rpc import reading
from twopm_zk.errors import ChainError
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.task.parts.data import DataTerms

_MADE_BY = {"TaskCreated": "createTask", "PairRevealed": "reveal"}
"""The functions that are looked for in the calldata of other contracts, by the event that they make."""
_MOST_CALLS = 16
"""Calls of one function in one transaction; more are not looked at."""


def read_registrations(view: RoundsView[Any], block: int, *datasets: bytes) -> Registrations:
    """Registered data, memberships and lasting keys, up to a block, and what became of a task's data sets."""
    start = view.deployment.block
    histories = {f"0x{one.hex()}": _history(view, one, block) for one in datasets}

    def read(contract: Contract, name: str) -> list[DecodedEvent]:
        return reading(name, lambda: contract.events(name, from_block=start, to_block=block))

    identity = [
        event for name in ("Joined", "Left", "AggregationKeySet") for event in read(view.identity.contract, name)
    ]
    opened = {name: history for name, history in histories.items() if history is not None}
    return Registrations.of_events(read(view.data_hub.contract, "Registered"), identity, opened)


def _history(view: RoundsView[Any], dataset: bytes, block: int) -> DataSetHistory | None:
    """A data set up to a block; None where nobody had opened it."""
    start = view.deployment.block

    def read(contract: Contract, name: str, **indexed: object) -> list[DecodedEvent]:
        return reading(name, lambda: contract.events(name, from_block=start, to_block=block, **indexed))

    opened = read(view.data_hub.contract, "DatasetOpened", dataset=dataset)
    if not opened:
        return None
    schema, attestation = (bytes.fromhex(opened[0][key][2:]) for key in ("schema", "attestationSchema"))
    terms = DataTerms(schema, opened[0]["heldOut"], attestation, tuple(opened[0]["issuers"]))
    history = DataSetHistory(terms, opened[0].moment)
    if not terms.attested:
        return history
    bindings = sorted(read(view.data_hub.contract, "DataAttested", dataset=dataset), key=lambda event: event.moment)
    uids = {bytes.fromhex(event["uid"][2:]) for event in bindings}
    found = {uid: reading("an attestation", lambda uid=uid: view.attestations.get(uid)) for uid in uids}  # type: ignore[misc]
    revoked = read(view.attestations.contract, "Revoked", schemaUID=attestation)
    return replace(
        history,
        bindings=bindings,
        attestations={uid: one for uid, one in found.items() if one is not None},
        revoked={bytes.fromhex(event["uid"][2:]): event.moment for event in revoked},
    )


class EventReader:
    """Events of HLRContract with their blocks, and the calls that made them where a replay needs those."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._functions = {
            keccak(signature(entry).encode())[:4]: entry
            for entry in contract.artifact.abi
            if entry["type"] == "function"
        }
        self._block: tuple[int, int, bytes] = (-1, 0, b"")

    def read(self, event: DecodedEvent) -> ReplayedEvent:
        """One event; in the order of the chain each block is asked for once."""
        if self._block[0] != event.block:
            block = reading("a block", lambda: self._contract.chain.header(event.block))
            self._block = (event.block, block.time, block.parent)
        _, time, parent = self._block
        call = self._call(event) if event.name in NEED_CALL else None
        return ReplayedEvent(**vars(event), time=time, parent=parent, call=call)

    def _call(self, event: DecodedEvent) -> Call | None:
        sent = self._contract.chain.transaction(event.transaction)
        if sent is None:
            raise ChainError(f"transaction {event.transaction} is not known to this node")
        if sent.to == self._contract.address:
            return self.decode(sent.data, sent.sender)
        return self.find(event, sent.data, sent.sender)

    def decode(self, data: bytes, sender: str) -> Call | None:
        """The call of the contract itself; None for a function that it does not have."""
        entry = self._functions.get(data[:4])
        if entry is None:
            return None
        values = decode_inputs(entry, data[4:])
        return None if values is None else Call(entry["name"], values, sender)

    def find(self, event: DecodedEvent, data: bytes, sender: str) -> Call | None:
        """The call that another contract, such as a wallet, passed on from its own calldata; None where none is found.

        It agrees with its event in all that both name. What a node reveals is proven wherever it was found, and a task
        is compared with the contract's state, so that calldata of a call that was never made do no harm.
        """
        name, start = _MADE_BY.get(event.name), -1
        selector = next((key for key, entry in self._functions.items() if entry["name"] == name), None)
        if selector is None:
            return None
        for _ in range(_MOST_CALLS):
            start = data.find(selector, start + 1)
            call = self.decode(data[start:], sender) if start >= 0 else None
            if call is not None and call.agrees(event):
                return replace(call, direct=False)
        return None
