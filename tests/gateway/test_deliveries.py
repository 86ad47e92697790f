"""Sealed inputs are passed on to operators that offer a network, to nobody else, and never into the own network."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from eth_account import Account

from twopm_zk.errors import MessageError, PeerError
from twopm_zk.gateway.deliveries import deliver
from twopm_zk.gateway.responses import RefusedError, refusal_of
from twopm_zk.gateway.state.networks import Offer
from twopm_zk.gateway.state.reader import Snapshot
from twopm_zk.participants.envelope import Envelope, Header, Receipt, seal
from twopm_zk.participants.transport import Server

USER, OPERATOR, OTHER = (Account.from_key(bytes([n] * 32)) for n in (1, 2, 3))
INFERENCE = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
HEADER = Header(
    kind="input",
    chain_id=31337,
    contract=INFERENCE,
    task=7,
    sender=USER.address,
    recipient=OPERATOR.address,
    subject=5,
)


def sealed(**changes):
    header = Header(**{**vars(HEADER), **changes})
    return seal(header, b"private", bytes(range(32)), USER)


class Service:
    def __init__(self):
        self.received = []

    def receive(self, envelope):
        if envelope.header.task == 9:
            raise MessageError("stale", "request 9 is over")
        self.received.append(envelope)
        return Receipt.sign(envelope.header, OPERATOR)


@pytest.fixture
def operator():
    service = Service()
    with Server(service) as server:
        offer = Offer(OPERATOR.address, 9, "0x", True, endpoint=server.url)
        yield SimpleNamespace(received=service.received, snapshot=Snapshot(1, 1, operators={OPERATOR.address: offer}))


def send(operator, envelope, *, public=False):
    body = envelope if isinstance(envelope, bytes) else envelope.encode()
    return deliver(operator.snapshot, body, chain_id=31337, contract=INFERENCE, public=public)


def test_an_envelope_arrives_as_it_was_sealed_and_the_receipt_is_the_operators(operator):
    envelope = sealed()
    receipt = send(operator, envelope)
    assert receipt == Receipt.sign(HEADER, OPERATOR).to_json()
    assert operator.received == [envelope]


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"chain_id": 1}, "wrong_contract"), ({"contract": OTHER.address}, "wrong_contract")],
)
def test_an_envelope_of_another_deployment_is_not_passed_on(operator, change, reason):
    with pytest.raises(MessageError, check=lambda error: error.reason == reason):
        send(operator, sealed(**change))
    assert not operator.received


def test_nobody_but_an_operator_that_offers_is_sent_anything(operator):
    with pytest.raises(RefusedError) as caught:
        send(operator, sealed(recipient=OTHER.address))
    assert (caught.value.status, caught.value.kind) == (404, "no-operator")
    assert not operator.received


def test_what_is_not_signed_by_its_sender_or_is_no_envelope_goes_nowhere(operator):
    envelope = sealed()
    with pytest.raises(MessageError, check=lambda error: error.reason == "bad_signature"):
        send(operator, Envelope(envelope.header, envelope.ephemeral, envelope.ciphertext, bytes(65)))
    for body in (b"", b"{}", b"[" * 5000):
        with pytest.raises(MessageError, check=lambda error: error.reason == "malformed"):
            send(operator, body)
    assert not operator.received


def test_on_a_public_chain_an_endpoint_on_this_machine_is_not_spoken_to(operator):
    with pytest.raises(PeerError) as caught:
        send(operator, sealed(), public=True)
    assert not operator.received
    answer = refusal_of(caught.value)
    assert (answer.status, answer.kind) == (503, "no-operator")
    assert "127.0.0.1" not in answer.message


@pytest.mark.parametrize(
    "endpoint", ["", "file:///etc/passwd", "http://user@127.0.0.1", "javascript:alert(1)", "\ufffd"]
)
def test_an_endpoint_that_is_none_is_an_operator_that_does_not_answer(operator, endpoint):
    broken = replace(operator.snapshot.operators[OPERATOR.address], endpoint=endpoint)
    operator.snapshot = Snapshot(1, 1, operators={OPERATOR.address: broken})
    with pytest.raises((PeerError, RefusedError)) as caught:
        send(operator, sealed())
    assert refusal_of(caught.value).kind == "no-operator"


def test_a_refusal_of_the_operator_keeps_its_name(operator):
    with pytest.raises(MessageError) as caught:
        send(operator, sealed(task=9))
    assert (refusal_of(caught.value).status, refusal_of(caught.value).kind) == (409, "stale")
