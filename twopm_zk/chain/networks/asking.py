"""Asking once: whoever was killed between sending a question and hearing of it asks again, and pays for it once.

The nonce of the transaction is kept before it is sent. Under it the question is sent again until some transaction of
the account has it: the same one of before a restart, which the next look at the chain finds, or another one, and then
this one never comes. Where it was dropped, replaced, reverted, or taken back with its block, it so counts once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from twopm_zk.chain.connection import NONCE_TAKEN, ON_ITS_WAY, RpcConnection
from twopm_zk.errors import TransactionError

_PATIENCE = 15.0
"""Seconds for which a transaction of before may be on its way, before a refusal of the same question is believed."""
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

    def send() -> _T:
        nonlocal fresh
        first, fresh = fresh, False
        held = chain.hold_nonce()
        keep(held)
        try:
            return ask()
        except TransactionError as error:
            waits = chain.hold_nonce() == held
            if error.kind == NONCE_TAKEN and not waits:
                raise  # another one was mined: the chain is looked at again
            if first and waits and error.error:  # found out before it was sent
                forget()
                raise
            # an earlier one that has come meanwhile, or waits in the endpoint's pool, may be why this one was refused
            until = time.monotonic() + (_PATIENCE if error.error and not first else 0.0)
            while (found := look()) is None and time.monotonic() < until:
                time.sleep(ON_ITS_WAY)
            if found is not None:
                return found
            if error.kind != NONCE_TAKEN:
                raise
            raise TransactionError(error.message, hint="It may still be mined: ask again later.") from error

    return chain.once(look, send, kept=nonce)
