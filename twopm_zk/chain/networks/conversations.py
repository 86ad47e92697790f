"""ConversationContract: conversations for a fee or free, receipts, and the vote over what was answered.

A receipt is the message of EIP-712 that its operator signs, as `twopm_zk.conversation.receipt` has it;
see docs/networks.md and verifier/interfaces/IConversation.sol. Digests are 32 bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from twopm_zk.chain.networks.registry import NetworkEntry
from twopm_zk.chain.networks.requests import RequestsClient
from twopm_zk.chain.rpc import Receipt


class ConversationState(IntEnum):
    """Of a request, as IRequests numbers it."""

    NONE = 0
    ASKED = 1
    ACCEPTED = 2
    ANSWERED = 3
    LATE = 4
    REFUNDED = 5
    CHALLENGED = 6
    SETTLED = 7
    WRONG = 8


class Verdict(IntEnum):
    """On a case, as IConversation numbers it."""

    NONE = 0
    OPEN = 1
    RIGHT = 2
    WRONG = 3
    UNDECIDED = 4


@dataclass(frozen=True)
class ConversationRequest:
    """A paid conversation as the contract has it."""

    id: int
    user: str
    operator: str
    state: ConversationState
    deadline: int
    """To accept, to answer, then to challenge; seconds since 1970."""
    network: int
    task: int
    model: bytes
    """Digest of the base model."""
    adapter: bytes
    prompt: bytes
    """The commitment to all that the answer follows from."""
    transcript: bytes
    """Zeros before the answer."""
    case: int
    """0 as long as nobody has challenged the answer."""
    token: bool
    """The fee is in the deployment's token, else in ETH."""
    fee: int
    operator_stake: int
    penalty: int
    answer_seconds: int


@dataclass(frozen=True)
class Case:
    """A challenge of an answer, paid or free."""

    id: int
    user: str
    operator: str
    network: int
    request: int
    """0 for a free conversation."""
    transcript: bytes
    penalty: int
    bond: int
    deadline: int
    """To vote; seconds since 1970."""
    voters: int
    """More than half of them decide."""
    right: int
    wrong: int
    verdict: Verdict


class Conversations(RequestsClient):
    """ConversationContract, with the fees and bonds that it holds."""

    def offer(self, network: int, model: bytes) -> Receipt:
        """Offer conversations with a network's model, on the base model of this digest."""
        return self.contract.transact("offer", network, model)

    def offer_of(self, network: int, operator: str) -> bytes:
        """The digest of the base model that an operator offers; zeros for none."""
        return _digest(self.contract.call("offerOf", network, operator))

    def adapter_of(self, network: int) -> bytes:
        """The adapter of a network that can be talked to. Raises TransactionError for one that is not complete."""
        return _digest(self.contract.call("adapterOf", network))

    def ask(
        self,
        network: NetworkEntry,
        operator: str,
        model: bytes,
        prompt: bytes,
        *,
        maximum_fee: int | None = None,
        once: bool = False,
    ) -> int:
        """Ask for an answer and pay for it; the number of the request.

        ``prompt`` commits to all that the answer follows from. ``network`` is as it was read: no more than its fee is
        paid, or than ``maximum_fee``. Where fees are in the token, the contract is allowed to take them first.
        ``once`` as `RpcConnection.send` has it.
        """
        fee = network.terms.fee
        self.allow(network, fee)
        most = fee if maximum_fee is None else maximum_fee
        value = 0 if network.token else fee
        receipt = self.contract.transact("ask", network.id, operator, model, prompt, most, value=value, once=once)
        return int(receipt.event("Asked")["id"])

    def answer(self, request: int, transcript: bytes) -> Receipt:
        """Answer an accepted request by the digest of the transcript."""
        return self.contract.transact("answer", request, transcript)

    def settle(self, request: int) -> Receipt:
        """Divide the fee of an answer that nobody has challenged in time."""
        return self.contract.transact("settle", request)

    def challenge(self, request: int, *, bond: int | None = None) -> int:
        """Challenge a paid answer, with the least bond if none is named; the number of the case."""
        if bond is None:
            bond = self.bond_of(self.contract.chain.address, self.request(request).penalty)
        return _case_opened(self.contract.transact("challenge", request, value=bond))

    def challenge_receipt(self, receipt: Mapping[str, Any], signature: bytes, *, bond: int | None = None) -> int:
        """Challenge a free answer by its receipt, with the least bond if none is named; the number of the case."""
        if bond is None:
            bond = self.bond_of(self.contract.chain.address, int(receipt["penalty"]))
        return _case_opened(self.contract.transact("challengeReceipt", dict(receipt), signature, value=bond))

    def prove_contradiction(self, request: int, receipt: Mapping[str, Any], signature: bytes) -> Receipt:
        """Show that the operator has signed another transcript than the one that it answered with."""
        return self.contract.transact("proveContradiction", request, dict(receipt), signature)

    def bond_of(self, user: str, penalty: int) -> int:
        """The least that a user's next challenge over a penalty costs as a bond, in wei of ETH."""
        return int(self.contract.call("bondOf", user, penalty))

    def vote(self, case: int, *, right: bool) -> Receipt:
        """Say whether an answer is right, as a voter of its network."""
        return self.contract.transact("vote", case, right)

    def decide(self, case: int) -> Receipt:
        """End a case that most voters agree on, or in which the time to vote is over."""
        return self.contract.transact("decide", case)

    def request(self, request: int) -> ConversationRequest:
        """All that is known of a request."""
        found = self.contract.call("requestOf", request)
        return ConversationRequest(
            id=request,
            user=found["user"],
            operator=found["operator"],
            state=ConversationState(found["state"]),
            deadline=found["deadline"],
            network=found["networkId"],
            task=found["taskId"],
            model=_digest(found["model"]),
            adapter=_digest(found["adapter"]),
            prompt=_digest(found["prompt"]),
            transcript=_digest(found["transcript"]),
            case=found["caseId"],
            token=found["token"],
            fee=found["fee"],
            operator_stake=found["operatorStake"],
            penalty=found["penalty"],
            answer_seconds=found["answerSeconds"],
        )

    def case(self, case: int) -> Case:
        """All that is known of a case; its verdict is NONE where there is no such case."""
        found = self.contract.call("caseOf", case)
        return Case(
            id=case,
            user=found["user"],
            operator=found["operator"],
            network=found["networkId"],
            request=found["requestId"],
            transcript=_digest(found["transcript"]),
            penalty=found["penalty"],
            bond=found["bond"],
            deadline=found["deadline"],
            voters=found["voters"],
            right=found["right"],
            wrong=found["wrong"],
            verdict=Verdict(found["verdict"]),
        )

    def case_of_receipt(self, digest: bytes) -> int:
        """The case of a free receipt by its digest; 0 where nobody has challenged it."""
        return int(self.contract.call("caseOfReceipt", digest))

    def digest_of(self, receipt: Mapping[str, Any]) -> bytes:
        """What its operator signs."""
        return _digest(self.contract.call("digestOf", dict(receipt)))


def _case_opened(receipt: Receipt) -> int:
    return int(receipt.event("Challenged")["caseId"])


def _digest(text: str) -> bytes:
    return bytes.fromhex(text[2:])
