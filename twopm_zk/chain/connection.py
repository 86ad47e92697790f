"""One connection to a chain: what it reads, and the transactions of one account.

A transaction is estimated, signed here, sent, waited for, and its receipt checked; whatever goes wrong is a
TransactionError that carries the contract's own error name and values. Nothing asks for a node's pending state, which
many endpoints do not have: an account's next nonce is that of the newest block, or what was sent here since.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar, cast

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.exceptions import ValidationError
from web3._utils.error_formatters_utils import raise_contract_logic_error_on_revert
from web3.exceptions import ContractLogicError, Web3Exception, Web3RPCError
from web3.types import TxParams, Wei

from twopm_zk.chain.abi import checksummed
from twopm_zk.chain.rpc import ChainReads, Receipt, TooManyRequestsError, answers, reading, rpc_kind, rpc_message
from twopm_zk.chain.rpc.answers import MinedTransaction, UnusableAnswerError
from twopm_zk.errors import ChainError, InputError, TransactionError

NONCE_TAKEN = "nonce-taken"
"""Kind of the error of a transaction that was to be sent once, and was not: another one has its nonce."""
ON_ITS_WAY = 0.5
"""Seconds until the chain is asked again for what a transaction of this account, which it has refused a second time as
done, has changed: that one is in no block yet."""
_SEND_ATTEMPTS = 5
_T = TypeVar("_T")
_QUICK, _SLOW = 0.002, 1.0
"""Seconds between looks for a receipt: at first on a chain that mines at once, and at most."""
_TAKEN_SECONDS = 15.0
"""How long another transaction has to hold this one's nonce before this one counts as replaced."""
_SPARE_GAS = 50_000
"""Besides an estimate, and never less than a tenth of it: whoever is the last of a set to do something also begins what
comes next, and others may have gone first by the time a transaction is mined. What is spared costs nothing."""
_TAKEN = re.compile(r"nonce|replac|same nonce", re.IGNORECASE)
_KNOWN = re.compile(r"already known|already imported|known transaction|already in mempool", re.IGNORECASE)


@dataclass
class _Learned:
    """What this connection has found out about its endpoint, for all accounts that use it."""

    nonces: dict[ChecksumAddress, int] = field(default_factory=dict)
    mined_after: float = 0.0
    """Seconds that the last transaction took."""


class RpcConnection(ChainReads):
    """A connection to an EVM node, with an account that signs, or without one to read only.

    ``timeout`` seconds for a transaction to be mined. Raises ChainError where no node answers.
    """

    def __init__(self, url: str, *, private_key: str | None = None, timeout: float = 120.0) -> None:
        self.timeout = timeout
        self._learned = _Learned()
        self._account = _account(private_key)
        super().__init__(url)

    @property
    def caller(self) -> str | None:
        """The account, if there is one."""
        return None if self._account is None else self.address

    def signing_as(self, private_key: str) -> Self:
        """The same connection with another account."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other._account = _account(private_key)
        return other

    @property
    def account(self) -> LocalAccount:
        """The signing account, for messages off the chain. InputError where there is none."""
        if self._account is None:
            raise InputError("a transaction needs an account, and no private key is given", kind="no-account")
        return self._account

    @property
    def address(self) -> ChecksumAddress:
        """Address of the signing account. InputError where there is none."""
        return self.account.address

    def forget_nonces(self) -> None:
        """Ask the node again, after its chain was set back."""
        self._learned.nonces.clear()

    def hold_nonce(self, kept: int | None = None) -> int:
        """Fix the next nonce before looking at the chain for what ``once`` of `send` is about: a transaction of before
        a restart that comes to the chain after that look has it.

        ``kept`` is the nonce that such a transaction was sent with, for what must never be there twice: it is held
        again as long as no transaction has it, also where blocks were replaced and the account's next one is lower.
        """
        nonce = max(self._nonce(), kept or 0)
        self._learned.nonces[self.address] = nonce
        return nonce

    def once(
        self,
        look: Callable[[], _T | None],
        send: Callable[[], _T],
        *,
        done: Collection[str] = (),
        kept: int | None = None,
    ) -> _T:
        """What ``look`` finds on the chain, else what comes of a transaction that ``send`` sends ``once``: also where
        a process that was killed has sent the same one, and it is in no block yet.

        ``done`` are the contract's errors that say that it is done, ``kept`` as `hold_nonce` has it. Raises what
        ``send`` raises besides.
        """
        self.hold_nonce(kept)
        while (found := look()) is None:
            try:
                return send()
            except TransactionError as error:
                if error.kind != NONCE_TAKEN and error.error not in done:
                    raise
            time.sleep(ON_ITS_WAY)
            self.hold_nonce(kept)
        return found

    def send(
        self,
        what: str,
        *,
        to: str | None = None,
        data: bytes = b"",
        value: int = 0,
        gas: int | None = None,
        once: bool = False,
    ) -> Receipt:
        """Sign, send and wait for one transaction; without ``gas`` it is estimated, with some to spare.

        The nonce is kept here and asked for again when the node says it is used; the same signed
        transaction is sent again after a lost connection, which cannot pay twice. ``once`` is for what the contract
        takes any number of times: where another transaction has the nonce, perhaps the same one of before a restart,
        this one is not sent, and whoever sends it has to look at the chain again, after `hold_nonce`. Raises
        TransactionError.
        """
        parameters: TxParams = {"from": self.address, "data": data, "value": Wei(value)}
        parameters["chainId"] = self.chain_id
        if to is not None:
            parameters["to"] = checksummed(to)
        parameters["gas"] = gas if gas is not None else self._estimate(what, parameters)
        parameters.update(self.fees())
        transaction, nonce = self._submit(what, parameters, once)
        return self._wait(what, transaction, nonce, parameters)

    def _estimate(self, what: str, parameters: TxParams) -> int:
        try:
            estimate = self._ask(
                "a number",
                answers.number,
                "eth_estimateGas",
                _as_sent(parameters),
                refused=raise_contract_logic_error_on_revert,
            )
        except ContractLogicError as error:
            raise self._reverted(what, error) from error
        except (Web3Exception, OSError, ValueError) as error:
            raise self._refused(what, error) from error
        return estimate + max(estimate // 10, _SPARE_GAS)

    def _refused(self, what: str, error: Exception) -> TransactionError:
        message = rpc_message(error)
        if "insufficient funds" in message.lower():
            return TransactionError(f"{what}: {message}", kind="no-funds", account=self.address)
        return TransactionError(f"{what}: {message}", kind=rpc_kind(error))

    def fees(self) -> TxParams:
        """What a transaction offers for gas: twice the base fee and a tip, or one price where there is no base fee."""
        return reading("the price of gas", self._fees)

    def _fees(self) -> TxParams:
        base = self.header("latest").base_fee
        if base is None:
            return {"gasPrice": Wei(self._ask("a number", answers.number, "eth_gasPrice"))}
        try:
            tip = self._ask("a number", answers.number, "eth_maxPriorityFeePerGas")
        except (Web3RPCError, UnusableAnswerError):  # a node without the method
            tip = max(self._ask("a number", answers.number, "eth_gasPrice") - base, 0)
        return {"maxPriorityFeePerGas": Wei(tip), "maxFeePerGas": Wei(2 * base + tip)}

    def _nonce(self) -> int:
        """The next nonce, the same until a transaction with it is taken: what is sent again must not pay twice."""
        sender, nonces = self.address, self._learned.nonces
        if sender not in nonces:
            nonces[sender] = reading("the number of transactions", lambda: self._transactions_of(sender))
        return nonces[sender]

    def _transactions_of(self, sender: str) -> int:
        return self._ask("a number", answers.number, "eth_getTransactionCount", sender, "latest")

    def _submit(self, what: str, parameters: TxParams, once: bool = False) -> tuple[bytes, int]:
        """Hash and nonce of the transaction that the node has taken.

        Another process that signs with the same account may hold the nonce until its own transaction is mined.
        """
        sender, account, until = self.address, self.account, time.monotonic() + self.timeout
        doubtful: list[tuple[bytes, int]] = []  # sent, but the answer was lost: the node may have taken them
        losses, pause = 0, 0.1
        while True:
            nonce = self._nonce()
            fields = {key: value for key, value in parameters.items() if key != "from"}
            signed = account.sign_transaction(cast(Any, {**fields, "nonce": nonce}))
            taken = (bytes(signed.hash), nonce)
            try:
                self._ask("a hash", answers.data, "eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
            except OSError as error:
                losses += 1
                if losses == _SEND_ATTEMPTS or isinstance(error, TooManyRequestsError):
                    raise self._refused(f"{what}: not known to be sent after {losses} attempts", error) from error
                doubtful.append(taken)
                time.sleep(0.2 * losses)
                continue
            except (Web3RPCError, ValueError) as error:
                message = rpc_message(error)
                if not _KNOWN.search(message):
                    self._learned.nonces.pop(sender, None)
                    if found := next((sent for sent in doubtful if self._knows(sent[0])), None):
                        return found
                    if not _TAKEN.search(message) or time.monotonic() > until:
                        raise self._refused(what, error) from error
                    if doubtful or once:  # it may be this very one that has the nonce
                        self._outwait(nonce, until)
                        raise TransactionError(
                            f"{what}: another transaction of {sender} has its nonce, {nonce}, perhaps the same one "
                            "that was thought lost",
                            hint="Look at the chain before sending it again.",
                            kind=NONCE_TAKEN,
                        ) from error
                    time.sleep(pause)
                    pause = min(2 * pause, 2.0)
                    continue
            self._learned.nonces[sender] = nonce + 1
            return taken

    def _outwait(self, nonce: int, until: float) -> None:
        """Wait until whatever transaction has a nonce is in a block."""
        pause = 0.1
        while not self._taken(nonce) and time.monotonic() < until:
            time.sleep(pause)
            pause = min(2 * pause, 2.0)

    def _knows(self, transaction: bytes) -> bool:
        try:
            return self._ask("a transaction", bool, "eth_getTransactionByHash", "0x" + transaction.hex())
        except (Web3Exception, OSError) as error:
            raise ChainError(f"transaction 0x{transaction.hex()}: {rpc_message(error)}", kind="no-rpc") from error

    def _wait(self, what: str, transaction: bytes, nonce: int, parameters: TxParams) -> Receipt:
        name = "0x" + transaction.hex()
        receipt = self._mined(what, name, nonce)
        if not receipt.succeeded:
            raise self._failed(what, name, receipt, parameters)
        return self._decoded(name, receipt)

    def _mined(self, what: str, name: str, nonce: int) -> MinedTransaction:
        """Looks at the pace of the chain: at once where blocks come at once, about each second elsewhere.

        An endpoint that fails meanwhile is asked again: the transaction is on its way all the same.
        """
        begun, last = time.monotonic(), None
        taken_since: float | None = None
        look_at_nonce = _TAKEN_SECONDS / 3
        pause = min(max(self._learned.mined_after / 4, _QUICK), _SLOW)
        while True:
            try:
                if (receipt := self.mined(name)) is not None:
                    self._learned.mined_after = time.monotonic() - begun
                    return receipt
                last = None
            except (Web3Exception, OSError, ValueError) as error:
                last = error
            waited = time.monotonic() - begun
            if waited >= self.timeout:
                self._learned.nonces.pop(self.address, None)
                reason = "" if last is None else f": {rpc_message(last)}"
                raise TransactionError(
                    f"{what}: transaction {name} was not mined within {self.timeout:g} s{reason}",
                    hint="It may still be mined: look it up before sending it again.",
                    kind=rpc_kind(last),
                ) from last
            if waited > look_at_nonce:
                look_at_nonce = waited + _TAKEN_SECONDS / 3
                taken_since = (taken_since or waited) if self._taken(nonce) else None
                if taken_since is not None and waited - taken_since > _TAKEN_SECONDS:
                    self._learned.nonces.pop(self.address, None)
                    raise TransactionError(
                        f"{what}: another transaction of {self.address} took the place of {name} (nonce {nonce})",
                        hint="Does another process sign with the same account?",
                    )
            time.sleep(min(pause, max(self.timeout - waited, _QUICK)))
            pause = min(1.5 * pause, _SLOW)

    def _taken(self, nonce: int) -> bool:
        try:
            return self._transactions_of(self.address) > nonce
        except (Web3Exception, OSError, ValueError):
            return False

    def _failed(self, what: str, name: str, receipt: MinedTransaction, parameters: TxParams) -> TransactionError:
        """Run the transaction again on the block before, to learn why it failed."""
        if receipt.gas_used >= parameters["gas"]:
            return TransactionError(f"{what}: transaction {name} ran out of its {parameters['gas']} gas")
        before = hex(receipt.block - 1)
        try:
            self._ask(
                "data",
                answers.data,
                "eth_call",
                _as_sent(parameters),
                before,
                refused=raise_contract_logic_error_on_revert,
            )
        except ContractLogicError as error:
            return self._reverted(what, error)
        except (Web3Exception, OSError, ValueError):
            pass
        return TransactionError(f"{what}: transaction {name} reverted in block {receipt.block}")


def _as_sent(parameters: TxParams) -> dict[str, str]:
    """A transaction as JSON-RPC has it, to be run without being sent."""
    fields = cast(dict[str, Any], parameters)
    sent: dict[str, str] = {key: fields[key] for key in ("from", "to") if key in fields}
    sent |= {key: hex(fields[key]) for key in ("value", "gas") if key in fields}
    return {**sent, "data": "0x" + fields["data"].hex()}


def _account(private_key: str | None) -> LocalAccount | None:
    if private_key is None:
        return None
    try:
        return cast(LocalAccount, Account.from_key(private_key))
    except (ValueError, TypeError, ValidationError):
        # the original message may quote the key
        raise InputError("the private key is not 32 bytes in hexadecimal", kind="no-private-key") from None
