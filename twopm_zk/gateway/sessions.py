"""Signing in with an Ethereum account (ERC-4361), and what a session is.

The message is the page's own, word for word, so one pattern reads all of it; docs/api.md has it. A nonce is a time and
random bytes under a key of this process, so that handing them out costs no memory; it is taken once. A session is a
token of 32 random bytes, of which only the hash is kept, in memory. Accounts that are contracts cannot sign in: they
sign in ways of their own, which only the chain can check (ERC-1271).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from twopm_zk.gateway.responses import RefusedError, unavailable

STATEMENT = "Sign in to ask for predictions. This sends no transaction and costs nothing."
NONCE_SECONDS = 600
SKEW_SECONDS = 120
LONGEST_SECONDS = 24 * 3600
MAX_MESSAGE = 2000
_MOST_SESSIONS = 50_000
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z"
_MESSAGE = re.compile(
    r"(?P<domain>[A-Za-z0-9.:\[\]-]{1,255}) wants you to sign in with your Ethereum account:\n"
    r"(?P<address>0x[0-9a-fA-F]{40})\n"
    r"\n" + re.escape(STATEMENT) + r"\n"
    r"\n"
    r"URI: (?P<uri>https?://[A-Za-z0-9.:\[\]-]{1,255})\n"
    r"Version: 1\n"
    r"Chain ID: (?P<chain>[1-9][0-9]{0,18})\n"
    r"Nonce: (?P<nonce>[0-9a-f]{48})\n"
    rf"Issued At: (?P<issued>{_TIME})\n"
    rf"Expiration Time: (?P<expires>{_TIME})"
)
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130}")


@dataclass(frozen=True)
class Session:
    """Who has signed in, and until when."""

    account: str
    expires: int


@dataclass(frozen=True)
class SignIn:
    """A message whose form is right; nothing of it is believed yet."""

    domain: str
    address: str
    uri: str
    chain_id: int
    nonce: str
    issued: float
    expires: float
    text: str

    @classmethod
    def parse(cls, text: str) -> SignIn:
        """The parts of a message. RefusedError for any other text than the page's."""
        found = _MESSAGE.fullmatch(text) if len(text) <= MAX_MESSAGE else None
        if found is None:
            raise _refused("malformed-message", "the message is not the one that this server's page makes")
        try:
            issued, expires = (datetime.fromisoformat(found[name]).timestamp() for name in ("issued", "expires"))
        except ValueError:
            raise _refused("malformed-message", "the message has a time that is none") from None
        return cls(
            found["domain"],
            found["address"],
            found["uri"],
            int(found["chain"]),
            found["nonce"],
            issued,
            expires,
            text,
        )


def message_of(*, origin: str, account: str, chain_id: int, nonce: str, issued: float, expires: float) -> str:
    """The message that a page of ``origin`` makes."""
    times = [
        datetime.fromtimestamp(one, UTC).isoformat(timespec="milliseconds")[:23] + "Z" for one in (issued, expires)
    ]
    return (
        f"{origin.partition('://')[2]} wants you to sign in with your Ethereum account:\n{account}\n\n{STATEMENT}\n\n"
        f"URI: {origin}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\nIssued At: {times[0]}\n"
        f"Expiration Time: {times[1]}"
    )


class Sessions:
    """Nonces and sessions of one server, which knows its ``origins``: its own, and those of applications it serves."""

    def __init__(self, *, chain_id: int, origins: Collection[str], clock: Callable[[], float] = time.time) -> None:
        self._chain_id, self._origins, self._clock = chain_id, frozenset(origins), clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._used: dict[str, float] = {}
        self._sessions: dict[bytes, Session] = {}

    def nonce(self) -> str:
        """A new nonce, good for one sign-in within ten minutes."""
        content = int(self._clock()).to_bytes(4) + secrets.token_bytes(8)
        return (content + self._mac(content)).hex()

    def _mac(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")[:12]

    def _require_nonce(self, nonce: str) -> None:
        """RefusedError for one that is not ours, or too old."""
        found = bytes.fromhex(nonce)
        content = found[:12]
        age = self._clock() - int.from_bytes(content[:4])
        if not hmac.compare_digest(self._mac(content), found[12:]) or not -1 <= age <= NONCE_SECONDS:
            raise _refused(
                "wrong-nonce", "the nonce is not one that this server has handed out in the last ten minutes"
            )

    def sign_in(self, text: str, signature: str, *, origin: str | None = None) -> tuple[str, Session]:
        """A new session's token, and the session. ``origin`` is what the browser says that the page is of, if it does.

        RefusedError says which of the message's parts is wrong.
        """
        message, now = SignIn.parse(text), self._clock()
        if message.uri not in self._origins or message.uri.partition("://")[2] != message.domain:
            raise _refused("wrong-domain", "the message is for another server than this one")
        if origin is not None and origin != message.uri:
            raise _refused("wrong-domain", "the message is for another page than the one that sends it")
        if message.chain_id != self._chain_id:
            raise _refused("wrong-chain", f"the message is for chain {message.chain_id}, this is {self._chain_id}")
        if message.issued > now + SKEW_SECONDS:
            raise _refused("not-yet", "the message is of the future; is the clock right?")
        if message.issued < now - NONCE_SECONDS - SKEW_SECONDS or message.expires <= now:
            raise _refused("expired", "the message has expired")
        if not message.issued < message.expires <= message.issued + LONGEST_SECONDS:
            raise _refused("malformed-message", "the message is good for more than a day, or for no time at all")
        self._require_nonce(message.nonce)
        _require_signer(message, signature)
        return self._begin(message, now)

    def _begin(self, message: SignIn, now: float) -> tuple[str, Session]:
        token, session = secrets.token_urlsafe(32), Session(message.address, int(message.expires))
        with self._lock:
            self._forget(now)
            if message.nonce in self._used:
                raise _refused("wrong-nonce", "the nonce has been used")
            if len(self._sessions) >= _MOST_SESSIONS:
                raise unavailable("too many have signed in", seconds=60)
            self._used[message.nonce] = now + NONCE_SECONDS
            self._sessions[_hash(token)] = session
        return token, session

    def _forget(self, now: float) -> None:
        """Forget what is over."""
        self._used = {nonce: until for nonce, until in self._used.items() if until > now}
        self._sessions = {key: one for key, one in self._sessions.items() if one.expires > now}

    def session(self, authorization: str | None) -> Session:
        """The session of an Authorization header. RefusedError 401 where there is none, or it has ended."""
        scheme, _, token = (authorization or "").partition(" ")
        with self._lock:
            found = self._sessions.get(_hash(token)) if scheme.lower() == "bearer" else None
        if found is None or found.expires <= self._clock():
            raise RefusedError(
                401, "no-session", "sign in first", headers={"WWW-Authenticate": 'Bearer realm="twopm-zk"'}
            )
        return found

    def end(self, authorization: str | None) -> None:
        """End a session."""
        self.session(authorization)
        with self._lock:
            self._sessions.pop(_hash((authorization or "").partition(" ")[2]), None)


def _require_signer(message: SignIn, signature: str) -> None:
    from eth_account import Account
    from eth_account.messages import encode_defunct
    from eth_keys.exceptions import BadSignature
    from eth_utils.address import to_checksum_address
    from eth_utils.exceptions import ValidationError

    if to_checksum_address(message.address) != message.address:
        raise _refused("malformed-message", "the message's address is not one with its checksum")
    signer = ""
    if _SIGNATURE.fullmatch(signature):
        try:
            signer = Account.recover_message(encode_defunct(text=message.text), signature=signature)
        except (BadSignature, ValidationError, ValueError):
            signer = ""
    if signer != message.address:
        raise _refused("bad-signature", "the message is not signed by its account")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogatepass")).digest()


def _refused(kind: str, message: str) -> RefusedError:
    return RefusedError(401, kind, message)
