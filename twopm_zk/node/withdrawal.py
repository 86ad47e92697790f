"""An owner withdraws its data for good: from then on DataHub has none of them for a round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from twopm_zk.chain.rpc import Receipt
from twopm_zk.errors import InputError
from twopm_zk.participants.rounds.view import RoundsView


@dataclass(frozen=True)
class Owned:
    """What an account has registered in one data set, and whether it has withdrawn it."""

    dataset: bytes
    batches: int
    withdrawn: bool
    retraining: bool


def owned(view: RoundsView[Any], datasets: Sequence[bytes]) -> list[Owned]:
    """What this account has in some data sets; none where it has nothing. InputError where it has nothing in any."""
    found, me = [], view.address
    for dataset in datasets:
        if batches := len(view.places(dataset)):
            gone = view.withdrawals(dataset, owner=me).get(me)
            found.append(Owned(dataset, batches, gone is not None, gone is not None and gone.retraining))
    if not found:
        raise InputError(f"{me} has registered no data of this specification", kind="nothing-registered")
    return found


def withdraw(view: RoundsView[Any], datasets: Sequence[bytes], *, retraining: bool) -> list[Receipt]:
    """Withdraw this account's data of those data sets that it has registered any in; no receipt for what is withdrawn.

    ``retraining`` allows to train on without them, which tells the sum of this account's rows at the weights where that
    begins; it can be allowed later, and not taken back.

    Raises InputError where the account has registered nothing in any of them.
    """
    receipts = []
    for one in owned(view, datasets):
        if not one.withdrawn or (retraining and not one.retraining):
            receipts.append(view.data_hub.withdraw(one.dataset, retraining=retraining))
    return receipts
