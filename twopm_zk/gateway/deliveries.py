"""Sealed inputs on their way from a page to an operator, whose service a browser cannot speak to.

The envelope is encrypted to the operator and signed by the user: this server can neither read nor change it, and the
receipt is the operator's own. It is passed on to operators that offer a network here, and to nobody else.
"""

from __future__ import annotations

from typing import Any

from twopm_zk.errors import InputError, MessageError, PeerError
from twopm_zk.gateway.responses import RefusedError
from twopm_zk.gateway.state.reader import Snapshot
from twopm_zk.participants.envelope import Envelope
from twopm_zk.participants.transport import Peer

MAX_DELIVERY = 256 << 10
"""Bytes of an envelope that is passed on."""


def deliver(snapshot: Snapshot, body: bytes, *, chain_id: int, contract: str, public: bool) -> dict[str, Any]:
    """Pass an envelope on; the operator's receipt.

    On a ``public`` chain only to public addresses. Raises MessageError for what is no envelope of this deployment,
    RefusedError where its recipient is no operator here, PeerError where that does not answer.
    """
    envelope = Envelope.parse(body)
    header = envelope.header
    if (header.chain_id, header.contract) != (chain_id, contract):
        raise MessageError("wrong_contract", "the message is for another chain or contract")
    offer = snapshot.operators.get(header.recipient)
    if offer is None or not offer.endpoint:
        raise RefusedError(404, "no-operator", "the message is for an account that offers no network here")
    envelope.require_signature()
    try:
        peer = Peer(offer.endpoint, attempts=2, timeout=5.0, public_only=public)
    except InputError:
        raise PeerError("the operator has published an endpoint that is none") from None
    return peer.send(envelope).to_json()
