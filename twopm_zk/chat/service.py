"""What a server has to do with conversations: it answers them itself, or passes sealed ones on to who does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from twopm_zk.chain.deployment import Deployment
from twopm_zk.chain.rpc import reading
from twopm_zk.chat.desk import Desk
from twopm_zk.chat.operator import ConversationOperator, Place
from twopm_zk.chat.paid import PaidAnswers
from twopm_zk.chat.relay import Relay
from twopm_zk.chat.store import ConversationStore
from twopm_zk.conversation.model import SMOLLM2
from twopm_zk.conversation.worker import Worker
from twopm_zk.errors import InputError, MessageError, PeerError
from twopm_zk.participants import wire
from twopm_zk.participants.news import News, Notify, ignore
from twopm_zk.participants.records import secret_key
from twopm_zk.participants.task_view import ChainView

SMOLLM2_NAME = "smollm2-135m-instruct"


@dataclass(frozen=True)
class Conversation:
    """The conversations of one network, as a server takes part in them."""

    network: int
    answers: ConversationOperator | Relay

    @property
    def operator(self) -> ConversationOperator | None:
        """The operator where it is this server."""
        return self.answers if isinstance(self.answers, ConversationOperator) else None

    @property
    def model(self) -> str | None:
        """The name of the model that is answered with here."""
        found = self.operator
        return None if found is None else model_name(found.desk.worker.digest)

    def to_json(self) -> dict[str, Any]:
        """As the status shows it."""
        own = self.operator
        return {
            "network": self.network,
            "operator": self.answers.address,
            "model": self.model,
            "digest": None if own is None else own.desk.worker.digest,
            "sealed_only": own is None,
        }


def model_name(digest: str) -> str:
    """What a model goes by in the usual shape: its name where it is known, else the beginning of its digest."""
    return SMOLLM2_NAME if digest == SMOLLM2 else f"model-{digest[:16]}"


def contract_in(deployment: Deployment) -> str:
    """The contract of a deployment that rules on receipts. InputError where it has none."""
    found = deployment.contracts.get("ConversationContract")
    if found is None:
        raise InputError("the deployment has no ConversationContract: it was made by an earlier version")
    return found.address


def contract_of(view: ChainView) -> str:
    """The contract that rules on receipts, where this view is of it."""
    return contract_in(view.deployment)


@dataclass(frozen=True)
class ServedStatus:
    """What a server says of its conversations; nothing of it is believed that the chain does not say too."""

    network: int
    operator: str


def read_status(document: Any) -> ServedStatus:
    """From the answer to ``GET /v1/status``. PeerError for anything else, or a server without conversations."""
    found = document.get("conversation") if isinstance(document, Mapping) else None
    if found is None:
        raise PeerError("the server answers no conversations", kind="no-conversations")
    try:
        fields = wire.Fields(found, "status", ("network", "operator", "model", "digest", "sealed_only"))
        return ServedStatus(fields.integer("network", low=1, high=1 << 48), fields.address("operator"))
    except MessageError as error:
        raise PeerError(f"the server's status is not understood: {error.message}") from None


Making = Callable[["Snapshots"], Conversation]
"""What makes a server's part in conversations, once what it knows of the chain is there."""


class Snapshots(Protocol):
    """What a server knows of networks."""

    def penalty_of(self, network: int) -> int:
        """What an operator of a network stands for an answer with now, in wei of ETH."""


@contextmanager
def answering(
    view: ChainView, network: int, worker: Worker, store: ConversationStore, *, notify: Notify = ignore
) -> Iterator[Making]:
    """The part of an operator: the view's account, and a worker that has begun.

    Offers the worker's model for a fee where the network takes one. Raises InputError where there is no such network.
    """
    reading("a network", lambda: view.networks.get(network))
    store.belongs_to(view.address, view.fingerprint)
    key = secret_key(store)
    place = Place(view.chain.chain_id, contract_of(view), network)
    desk = Desk(worker)
    paid = PaidAnswers(view, desk, store, network, notify=notify)
    if not paid.offer():
        text = f"nobody can challenge an answer on the chain, since network {network} has no accepted adapter"
        notify(News("waiting", text))

    def made(known: Snapshots) -> Conversation:
        penalty = partial(known.penalty_of, network)
        operator = ConversationOperator(desk, view.chain.account, key, place, penalty=penalty, paid=paid)
        operator.look()
        return Conversation(network, operator)

    yield made
    desk.close()


@contextmanager
def relaying(view: ChainView, network: int, operator: str) -> Iterator[Making]:
    """The part of a server that passes sealed conversations on. InputError where there is no such network."""
    reading("a network", lambda: view.networks.get(network))
    relay = Relay(operator, view.member, public_only=view.public)
    yield lambda _: Conversation(network, relay)
    relay.close()
