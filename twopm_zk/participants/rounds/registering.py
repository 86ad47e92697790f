"""Commitments on their way into DataHub: what a node registers, once, wherever it was killed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from twopm_zk.chain.connection import ON_ITS_WAY
from twopm_zk.errors import InputError, TransactionError
from twopm_zk.participants.rounds.attested import open_dataset
from twopm_zk.participants.rounds.view import RoundsView
from twopm_zk.task.parts.data import DataTerms


def register_commitments(
    view: RoundsView[Any], terms: DataTerms, places: Mapping[int, int], commitments: Sequence[int]
) -> None:
    """Register commitments behind those that have ``places``, in a data set that is opened where nobody has.

    Where a transaction of before a restart has them, which is in a block soon, nothing is registered: whoever calls
    this looks at the places again. Raises InputError ``data-withdrawn``.
    """
    if view.withdrawals(terms.id, owner=view.address):
        raise InputError(
            f"{view.address} has withdrawn its data of this data set, so that none can be registered any more",
            kind="data-withdrawn",
        )
    open_dataset(view, terms)
    try:
        view.data_hub.register(terms.id, max(places.values(), default=-1) + 1, commitments)
    except TransactionError as error:
        if error.error not in ("AlreadyRegistered", "PlaceTaken"):
            raise
        time.sleep(ON_ITS_WAY)
