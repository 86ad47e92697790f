"""Openings against DataHub: what a package says is registered, all of it, and nothing else is."""

from __future__ import annotations

from twopm_zk.datasets.openings import Openings
from twopm_zk.errors import DataError
from twopm_zk.participants.task_view import ChainView


def require_registered(view: ChainView, openings: Openings) -> None:
    """DataError ``not-registered`` unless the batches are all those that the owner has in DataHub, each at its place.

    DataError ``other-deployment`` for openings of another chain or DataHub.
    """
    where, here = (openings.chain_id, openings.contract), (view.chain.chain_id, view.data_hub.address)
    if where != here:
        raise DataError(
            f"the package is of DataHub {where[1]} on chain {where[0]}, this is {here[1]} on chain {here[0]}",
            kind="other-deployment",
        )
    there = view.places(openings.dataset, owner=openings.owner)
    for opening in openings.batches:
        if there.pop(opening.commitment, None) != opening.place:
            raise DataError(
                f"{openings.owner} has not registered the commitment of batch {opening.place} of the package there",
                kind="not-registered",
            )
    if there:
        raise DataError(
            f"{openings.owner} has registered {len(there)} batches of this data set that the package lacks",
            kind="not-registered",
        )
