"""What is due of requests that were not answered: fees to their users, penalties from operators that are late."""

from __future__ import annotations

from twopm_zk.chain.rpc import Receipt, reading
from twopm_zk.participants.task_view import ChainView
from twopm_zk.prediction.requests import ChainRequest, RequestState, asked_events, now, registered_verifier


def refundable(view: ChainView) -> list[ChainRequest]:
    """The requests of this account that nobody will answer any more, and whose fee is not given back yet."""
    present = now(view)
    asked = [ChainRequest.read(view, int(event["id"])) for event in asked_events(view, user=view.address)]
    return [one for one in asked if not one.over and (one.late(present) or _retired(view, one))]


def refund(view: ChainView, request: int) -> Receipt:
    """Give the fee of a request back to its user, where an accepted one is late by having its operator slashed.

    Raises TransactionError where it is over, or may still be answered.
    """
    found = ChainRequest.read(view, request)
    late = found.state is RequestState.ACCEPTED and found.late(now(view)) and not _retired(view, found)
    return view.inference.slash_late(request) if late else view.inference.refund(request)


def late_requests(view: ChainView) -> list[ChainRequest]:
    """All accepted requests whose deadline has passed, and whose operators can be slashed."""
    contract, first, present = view.inference.contract, view.deployment.block, now(view)

    def numbers(name: str) -> set[int]:
        return {int(event["id"]) for event in reading("requests", lambda: contract.events(name, from_block=first))}

    accepted = numbers("Accepted") - numbers("Answered") - numbers("Refunded")
    found = [ChainRequest.read(view, number) for number in sorted(accepted)]
    return [one for one in found if one.late(present) and not _retired(view, one)]


def _retired(view: ChainView, request: ChainRequest) -> bool:
    return bool(registered_verifier(view, request)["retired"])
