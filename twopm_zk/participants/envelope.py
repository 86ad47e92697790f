"""Messages between accounts of a chain: encrypted to the recipient's published key, signed with the sender's own.

X25519 with a fresh key for every message, HKDF-SHA256, ChaCha20-Poly1305; the header is authenticated data, and the
sender's Ethereum key signs header and ciphertext as typed data (EIP-712) for one chain and contract. So a message
cannot be moved to another request, recipient or commitment, nor sent by another account.

The recipient answers with a `Receipt` that it signs: who is ignored in spite of it can show it to everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from twopm_zk.errors import MessageError
from twopm_zk.participants import wire
from twopm_zk.participants.messages import MAX_PAYLOAD

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

VERSION = 2
KINDS = ("input", "conversation")
KEY_BYTES = 32
MAX_ENVELOPE = 2 * (MAX_PAYLOAD + 16) + 4096
"""Bytes of an envelope: the ciphertext travels in hexadecimal."""
_INFO = b"twopm-zk envelope v1"
_ANSWER_INFO = b"twopm-zk answer v1"
_UINT256 = (1 << 256) - 1
_TYPES: dict[str, list[dict[str, str]]] = {
    "Header": [
        {"name": "kind", "type": "string"},
        {"name": "task", "type": "uint256"},
        {"name": "sender", "type": "address"},
        {"name": "recipient", "type": "address"},
        {"name": "subject", "type": "uint256"},
    ],
    "Message": [
        {"name": "header", "type": "Header"},
        {"name": "ephemeral", "type": "bytes32"},
        {"name": "ciphertext", "type": "bytes"},
    ],
    "Receipt": [{"name": "header", "type": "Header"}],
}


@dataclass(frozen=True)
class Header:
    """What a message is about, in the open: it shows nothing that the chain does not show.

    For an input, ``contract`` is the InferenceContract, ``task`` a request of it, and ``subject`` the commitment that
    the content opens. For a question of a conversation the contract is the ConversationContract, and ``task`` 0 where
    it is free.
    """

    kind: str
    chain_id: int
    contract: str
    task: int
    sender: str
    recipient: str
    subject: int

    def to_json(self) -> dict[str, Any]:
        """The header as JSON, as it travels."""
        return {
            "version": VERSION,
            "kind": self.kind,
            "chain_id": str(self.chain_id),
            "contract": self.contract,
            "task": str(self.task),
            "sender": self.sender,
            "recipient": self.recipient,
            "subject": str(self.subject),
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Raises MessageError."""
        names = (
            "version",
            "kind",
            "chain_id",
            "contract",
            "task",
            "sender",
            "recipient",
            "subject",
        )
        fields = wire.Fields(value, "header", names)
        fields.integer("version", low=VERSION, high=VERSION)
        return cls(
            kind=fields.choice("kind", KINDS),
            chain_id=fields.decimal("chain_id", high=_UINT256),
            contract=fields.address("contract"),
            task=fields.decimal("task", high=_UINT256),
            sender=fields.address("sender"),
            recipient=fields.address("recipient"),
            subject=fields.decimal("subject", high=_UINT256),
        )

    @property
    def authenticated(self) -> bytes:
        """The bytes of the header that encryption authenticates."""
        return wire.encode(self.to_json())

    def typed(self, primary: str, message: Mapping[str, Any]) -> Any:
        """Typed data for one chain and contract, ready to sign."""
        from eth_account.messages import encode_typed_data

        plain = {name["name"]: getattr(self, name["name"]) for name in _TYPES["Header"]}
        domain = {"name": "twopm-zk", "version": "1", "chainId": self.chain_id, "verifyingContract": self.contract}
        types = {name: _TYPES[name] for name in ("Header", primary)}
        return encode_typed_data(domain, types, {"header": plain, **message})


@dataclass(frozen=True)
class Envelope:
    """A sealed message."""

    header: Header
    ephemeral: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def encode(self) -> bytes:
        """The envelope as the body of a request."""
        document = {name: getattr(self, name).hex() for name in ("ephemeral", "ciphertext", "signature")}
        return wire.encode({"header": self.header.to_json(), **document})

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Raises MessageError ``malformed`` or ``too_large``; the signature is not looked at."""
        names = ("header", "ephemeral", "ciphertext", "signature")
        fields = wire.Fields(wire.parse(data, limit=MAX_ENVELOPE), "envelope", names)
        return cls(
            Header.from_json(fields.any("header")),
            fields.hexadecimal("ephemeral", length=KEY_BYTES),
            fields.hexadecimal("ciphertext", limit=MAX_PAYLOAD + 16),
            fields.hexadecimal("signature", length=65),
        )

    def require_signature(self) -> None:
        """MessageError ``bad_signature`` unless the sender that the header names has signed."""
        signable = self.header.typed("Message", {"ephemeral": self.ephemeral, "ciphertext": self.ciphertext})
        _require_signer(signable, self.signature, self.header.sender)

    def open(self, key: X25519PrivateKey) -> bytes:
        """The plain content. Raises MessageError ``undecipherable``."""
        try:
            return ChaCha20Poly1305(self._derived(key, _INFO)).decrypt(
                bytes(12), self.ciphertext, self.header.authenticated
            )
        except (InvalidTag, ValueError):
            # ValueError: a point of low order, which would give a shared secret that everybody knows
            raise MessageError("undecipherable", "a message could not be decrypted with the published key") from None

    def answer_secret(self, key: X25519PrivateKey) -> bytes:
        """32 bytes that only sender and recipient know, for keys of an answer, once `open` has opened the envelope."""
        return self._derived(key, _ANSWER_INFO)

    def _derived(self, key: X25519PrivateKey, info: bytes) -> bytes:
        shared = key.exchange(X25519PublicKey.from_public_bytes(self.ephemeral))
        return _derive(shared, self.ephemeral, key.public_key().public_bytes_raw(), info)


def seal(header: Header, content: bytes, recipient_key: bytes, account: LocalAccount) -> Envelope:
    """Encrypt to the recipient's X25519 key (32 bytes) and sign. Raises MessageError ``no_key`` for another key."""
    return seal_question(header, content, recipient_key, account)[0]


def seal_question(
    header: Header, content: bytes, recipient_key: bytes, account: LocalAccount
) -> tuple[Envelope, bytes]:
    """Encrypt and sign as `seal` does; also the envelope's `Envelope.answer_secret`, to read an answer with."""
    if len(recipient_key) != KEY_BYTES:
        raise MessageError("no_key", f"{header.recipient} has published no X25519 key of {KEY_BYTES} bytes")
    secret = X25519PrivateKey.generate()
    ephemeral = secret.public_key().public_bytes_raw()
    try:
        shared = secret.exchange(X25519PublicKey.from_public_bytes(recipient_key))
    except ValueError:
        raise MessageError("no_key", f"the key that {header.recipient} has published is of low order") from None
    # the key is used once, so the nonce can be constant
    cipher = ChaCha20Poly1305(_derive(shared, ephemeral, recipient_key, _INFO))
    ciphertext = cipher.encrypt(bytes(12), content, header.authenticated)
    signable = header.typed("Message", {"ephemeral": ephemeral, "ciphertext": ciphertext})
    envelope = Envelope(header, ephemeral, ciphertext, bytes(account.sign_message(signable).signature))
    return envelope, _derive(shared, ephemeral, recipient_key, _ANSWER_INFO)


@dataclass(frozen=True)
class Receipt:
    """The recipient's signature under the header of a message that it has taken."""

    header: Header
    signature: bytes = field(repr=False)

    @classmethod
    def sign(cls, header: Header, account: LocalAccount) -> Self:
        """The receipt of the account that has taken the message."""
        return cls(header, bytes(account.sign_message(header.typed("Receipt", {})).signature))

    def to_json(self) -> dict[str, Any]:
        """The receipt as JSON, as it travels and is kept."""
        return {"header": self.header.to_json(), "signature": self.signature.hex()}

    @classmethod
    def parse(cls, data: bytes, *, header: Header) -> Self:
        """The receipt for the message with ``header``; MessageError where it is another's or not signed."""
        fields = wire.Fields(wire.parse(data, limit=8192), "receipt", ("header", "signature"))
        found = cls(Header.from_json(fields.any("header")), fields.hexadecimal("signature", length=65))
        if found.header != header:
            raise MessageError("wrong_receipt", "the receipt is of another message")
        _require_signer(header.typed("Receipt", {}), found.signature, header.recipient)
        return found


def _derive(shared: bytes, ephemeral: bytes, recipient: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=ephemeral + recipient, info=info).derive(shared)


def _require_signer(signable: Any, signature: bytes, signer: str) -> None:
    from eth_account import Account
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    try:
        found = Account.recover_message(signable, signature=signature)
    except (BadSignature, ValidationError, ValueError):
        found = ""
    if found != signer:
        raise MessageError("bad_signature", f"a message in the name of {signer} is not signed by it")
