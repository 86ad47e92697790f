"""An operator's signature under an answer: what it can be held to, by whoever has the transcript.

A receipt is typed data (EIP-712) of the contract that rules on it. It commits to prompt, seed and answer by the
transcript's digest, and shows none of them: with the transcript beside it anybody computes the answer again.
Nothing here knows a chain; its number and the contract's address are part of what is signed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from twopm_zk.conversation.model import ConversationModel
from twopm_zk.conversation.transcript import Transcript
from twopm_zk.errors import InputError

if TYPE_CHECKING:
    from eth_account.messages import SignableMessage
    from eth_account.signers.local import LocalAccount

DOMAIN = "twopm-zk conversation"
FIELDS = {
    "networkId": "uint256",
    "requestId": "uint256",
    "user": "address",
    "operator": "address",
    "model": "bytes32",
    "adapter": "bytes32",
    "transcript": "bytes32",
    "penalty": "uint96",
    "issued": "uint48",
}
"""The members of the typed data ``Receipt``, in their order; ConversationContract has the same."""
MAX_FILE = 32 << 20
"""Bytes of a file with a receipt: a transcript has at most so many tokens."""
_FORMAT = "twopm-zk-conversation-receipt-1"
_SIGNATURE_BYTES = 65
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,77}")


@dataclass(frozen=True)
class Receipt:
    """What an operator signs. Addresses have their checksums, digests are 32 bytes."""

    chain_id: int
    contract: str
    network: int
    request: int
    """The number of a request that was paid for; 0 where the conversation was free."""
    user: str
    operator: str
    model: bytes
    """The digest of the model as its file has it."""
    adapter: bytes
    """The digest of the adapter; zeros where there is none."""
    transcript: bytes
    penalty: int
    """Wei of ETH at stake that the operator stands for the answer with."""
    issued: int
    """Seconds since 1970."""

    def __post_init__(self) -> None:
        """Raise InputError for what cannot be signed, or is no account."""
        from eth_utils.address import to_checksum_address

        for name in ("contract", "user", "operator"):
            value = getattr(self, name)
            if not _ADDRESS.fullmatch(value) or to_checksum_address(value) != value:
                raise InputError(f"a receipt's {name} is no address with its checksum")
        for name in ("model", "adapter", "transcript"):
            if len(getattr(self, name)) != 32:
                raise InputError(f"a receipt's {name} has 32 bytes")
        for name, bits in {"chain_id": 256, "network": 256, "request": 256, "penalty": 96, "issued": 48}.items():
            if not 0 <= getattr(self, name) < 1 << bits:
                raise InputError(f"a receipt's {name} is a natural number below 2^{bits}")

    @property
    def signable(self) -> SignableMessage:
        """The typed data that the operator signs."""
        from eth_account.messages import encode_typed_data

        domain = {"name": DOMAIN, "version": "1", "chainId": self.chain_id, "verifyingContract": self.contract}
        types = {"Receipt": [{"name": name, "type": kind} for name, kind in FIELDS.items()]}
        return encode_typed_data(domain, types, self.message)

    @property
    def message(self) -> dict[str, Any]:
        """The members of the typed data by their names, as the contract's functions take them."""
        who = (self.network, self.request, self.user, self.operator)
        what = (self.model, self.adapter, self.transcript)
        return dict(zip(FIELDS, (*who, *what, self.penalty, self.issued), strict=True))

    @property
    def hash(self) -> bytes:
        """The 32 bytes that are signed."""
        from eth_utils.crypto import keccak

        found = self.signable
        return bytes(keccak(b"\x19" + found.version + found.header + found.body))

    def to_json(self) -> dict[str, Any]:
        """The receipt as JSON; numbers that can be large are text."""
        return {
            "chain_id": str(self.chain_id),
            "contract": self.contract,
            "network": str(self.network),
            "request": str(self.request),
            "user": self.user,
            "operator": self.operator,
            "model": self.model.hex(),
            "adapter": self.adapter.hex(),
            "transcript": self.transcript.hex(),
            "penalty": str(self.penalty),
            "issued": self.issued,
        }

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """A receipt from parsed JSON. InputError for anything else, which is not quoted."""
        names = cls.__dataclass_fields__.keys()
        if not isinstance(document, Mapping) or set(document) != set(names):
            raise InputError(f"a receipt has the keys {', '.join(names)}, and no others")
        issued = document["issued"]
        if isinstance(issued, bool) or not isinstance(issued, int):
            raise InputError("a receipt's issued is a natural number below 2^48")
        return cls(
            chain_id=_natural_of(document, "chain_id"),
            contract=_text_of(document, "contract"),
            network=_natural_of(document, "network"),
            request=_natural_of(document, "request"),
            user=_text_of(document, "user"),
            operator=_text_of(document, "operator"),
            model=_bytes_of(document, "model", 32),
            adapter=_bytes_of(document, "adapter", 32),
            transcript=_bytes_of(document, "transcript", 32),
            penalty=_natural_of(document, "penalty"),
            issued=issued,
        )


@dataclass(frozen=True)
class SignedReceipt:
    """A receipt and what is said to be its operator's signature."""

    receipt: Receipt
    signature: bytes = field(repr=False)

    @classmethod
    def sign(cls, receipt: Receipt, account: LocalAccount) -> Self:
        """The receipt with the signature of an account."""
        return cls(receipt, bytes(account.sign_message(receipt.signable).signature))

    @property
    def signed(self) -> bool:
        """Whether the operator that the receipt names has signed it."""
        from eth_account import Account
        from eth_keys.exceptions import BadSignature
        from eth_utils.exceptions import ValidationError

        try:
            found = Account.recover_message(self.receipt.signable, signature=self.signature)
        except (BadSignature, ValidationError, ValueError):
            return False
        return bool(found == self.receipt.operator)

    def to_json(self) -> dict[str, Any]:
        """Receipt and signature as JSON, without the conversation."""
        return {"receipt": self.receipt.to_json(), "signature": self.signature.hex()}

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """From parsed JSON. InputError for anything else; whether it is signed is not looked at."""
        if not isinstance(document, Mapping) or set(document) != {"receipt", "signature"}:
            raise InputError("a signed receipt has the keys receipt and signature, and no others")
        signature = _bytes_of(document, "signature", _SIGNATURE_BYTES)
        return cls(Receipt.from_document(document["receipt"]), signature)


@dataclass(frozen=True)
class KeptAnswer:
    """What a user keeps of an answer: the signed receipt, and the transcript that it commits to."""

    signed: SignedReceipt
    transcript: Transcript

    def to_json(self) -> dict[str, Any]:
        """The file of a receipt. It holds the whole conversation."""
        return {
            "format": _FORMAT,
            **self.signed.to_json(),
            "transcript": json.loads(self.transcript.to_json()),
        }

    @classmethod
    def from_document(cls, document: Any) -> Self:
        """From parsed JSON. InputError for anything else, which is not quoted."""
        if not isinstance(document, Mapping) or document.get("format") != _FORMAT:
            raise InputError("this is no receipt of a conversation")
        if set(document) != {"format", "receipt", "signature", "transcript"}:
            raise InputError(
                "a file of a receipt has the keys format, receipt, signature and transcript, and no others"
            )
        parts = {name: document[name] for name in ("receipt", "signature")}
        return cls(SignedReceipt.from_document(parts), Transcript.from_document(document["transcript"]))

    @property
    def committed(self) -> bool:
        """Whether the receipt is of this transcript: of its digest, its model and its adapter."""
        receipt, execution = self.signed.receipt, self.transcript.execution
        digests = bytes.fromhex(execution.model), adapter_of(self.transcript), self.transcript.digest
        return digests == (receipt.model, receipt.adapter, receipt.transcript)


@dataclass(frozen=True)
class Finding:
    """What was found of a kept answer. All three have to hold before an operator can be held to nothing."""

    signed: bool
    """The operator that the receipt names has signed it."""
    committed: bool
    """The receipt is of this transcript, and of no other."""
    difference: int | None
    """The position of the first token of the answer that does not follow; None where all do."""

    @property
    def honest(self) -> bool:
        """Whether the operator has signed this very answer, and it is the model's."""
        return self.signed and self.committed and self.difference is None

    @property
    def provable(self) -> bool:
        """Whether the operator has signed this very answer, and it is not the model's: what can be held against it."""
        return self.signed and self.committed and self.difference is not None


def verify_receipt(kept: KeptAnswer, model: ConversationModel) -> Finding:
    """Compute a kept answer again. InputError where it is of another model than this, or of tokens that it has not."""
    return Finding(kept.signed.signed, kept.committed, model.first_difference(kept.transcript))


def adapter_of(transcript: Transcript) -> bytes:
    """The digest of the adapter that a transcript was computed with; zeros where there was none."""
    return bytes.fromhex(transcript.execution.adapter or "00" * 32)


def _text_of(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise InputError(f"a receipt's {name} is no text")
    return value


def _natural_of(document: Mapping[str, Any], name: str) -> int:
    value = document[name]
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise InputError(f"a receipt's {name} is no natural number in decimal")
    return int(value)


def _bytes_of(document: Mapping[str, Any], name: str, length: int) -> bytes:
    value = document[name]
    if not isinstance(value, str) or not re.fullmatch(f"[0-9a-f]{{{2 * length}}}", value):
        raise InputError(f"a receipt's {name} has {2 * length} hex digits")
    return bytes.fromhex(value)
