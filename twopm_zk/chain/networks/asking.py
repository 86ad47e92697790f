"""Asking once: whoever was killed between sending a question and hearing of it asks again, and pays for it once.

The nonce of the transaction is kept before it is sent. Under it the question is sent again until some transaction of
the account has it: the same one of before a restart, which the next look at the chain finds, or another one, and then
this one never comes. Where it was dropped, replaced, reverted, or taken back with its block, it so counts once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from twopm_zk.chain.connection import RpcConnection
from twopm_zk.errors import TransactionError

_SENDINGS = 3
"""How often a question is sent where another transaction of the account takes its nonce."""
_T = TypeVar("_T")


def ask_once(
    chain: RpcConnection,
    nonce: int | None,
    *,
    look: Callable[[], _T | None],
    keep: Callable[[int], None],
    ask: Callable[[], _T],
    forget: Callable[[], None],
) -> _T:
    """What ``look`` finds on the chain, or what ``ask`` makes there by a transaction that is sent ``once``.

    ``nonce`` is the one that was kept, None where nothing was ever sent. ``keep`` is called before each sending, and
    ``forget`` where the contract has refused before anything was sent. Raises TransactionError: where it is no refusal
    of the contract, the question may still come to the chain, and is to be asked again with the nonce that was kept.
    """
    fresh = nonce is None
    for left in reversed(range(_SENDINGS)):
        held = chain.hold_nonce(nonce)
        if nonce is not None and (found := look()) is not None:
            return found
        keep(held)
        nonce = held
        try:
            return ask()
        except TransactionError as error:
            if error.kind == "nonce-taken" and left:
                fresh = False
                continue
            if fresh and error.error and chain.hold_nonce() == held:  # found out before it was sent
                forget()
            elif (found := look()) is not None:  # it has come meanwhile, which may be why this one was refused
                return found
            raise
    raise AssertionError  # the last round returns or raises
