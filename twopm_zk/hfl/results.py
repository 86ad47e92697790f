"""Results of rounds: found by their hash in the storage, or computed from the masked updates of a set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from twopm_zk.chain.federated import FederatedSnapshot
from twopm_zk.errors import FileFormatError, InputError, PeerError, RangeError
from twopm_zk.federated import (
    FederatedSpec,
    MaskedUpdate,
    RoundResult,
    Storage,
    masked_size,
    next_result,
    parse_masked,
    parse_result,
    result_size,
)
from twopm_zk.hfl.attempts import FederatedAttempt, StoredContent
from twopm_zk.hfl.view import FederatedView

UNREACHABLE = "storage-unreachable"
MALFORMED = "malformed"
_SPOILT = frozenset({"spoilt-sum", "result-out-of-range"})


@dataclass(frozen=True)
class Recomputed:
    """What follows from what a set has shared."""

    result: RoundResult | None = None
    spoilt: str = ""
    """Why there is no result although all masked updates are there."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """The accounts whose masked update is not to be had, each with the kind of its error."""


def hash_before(spec: FederatedSpec, state: FederatedSnapshot) -> bytes:
    """The hash of what the present round trains from."""
    return state.latest_result if state.results else initial_of(spec)


def initial_of(spec: FederatedSpec) -> bytes:
    """The hash of what training starts from. SpecError where the specification has none."""
    _ = spec.spec_hash  # which asks for it, with an error of its own
    return spec.initial or b""


def find_result(spec: FederatedSpec, storage: Storage, digest: bytes, *, round_: int) -> RoundResult:
    """The result after so many rounds that has this hash, from whichever location has it.

    PeerError where none has it, or where what has the hash is no result of that round.
    """
    content = storage.find(digest, result_size(spec))
    try:
        found = parse_result(spec, content)
    except FileFormatError as error:
        raise PeerError(f"what was accepted is no result: {error.message}", kind=MALFORMED) from error
    if found.round != round_:
        raise PeerError(f"what was accepted after {round_} rounds is a result of {found.round}", kind=MALFORMED)
    return found


def accepted_result(
    view: FederatedView, spec: FederatedSpec, state: FederatedSnapshot, *, round_: int | None = None
) -> tuple[int, RoundResult]:
    """The accepted result of a round, by default the last one, and the round's number.

    InputError of kind ``no-result`` where there is none, PeerError where the storage has it not.
    """
    last = state.results - 1 if round_ is None else round_
    if not 0 <= last < state.results:
        raise InputError(
            f"task {state.id} has {state.results} accepted results"
            + ("" if round_ is None else f"; none is of round {round_}"),
            kind="no-result",
            task=state.id,
        )
    return last, find_result(spec, Storage.of(spec), view.hfl.result_of(state.id, last), round_=last + 1)


def get_masked(spec: FederatedSpec, storage: Storage, shared: StoredContent) -> MaskedUpdate:
    """What a node has shared. PeerError where it is not to be had, or no masked update of the specification."""
    try:
        content = storage.find(shared.content, masked_size(spec), first=shared.location)
        return parse_masked(spec, content)
    except FileFormatError as error:
        raise PeerError(f"what was shared is no masked update: {error.message}", kind=MALFORMED) from error
    except InputError as error:  # a location that the specification has not
        raise PeerError(error.message, kind="not-stored") from error


def recompute(spec: FederatedSpec, storage: Storage, before: RoundResult, attempt: FederatedAttempt) -> Recomputed:
    """What the masked updates of a set come to, all of which have shared; one of them is in memory at a time."""
    missing: dict[str, str] = {}

    def masked() -> Iterator[MaskedUpdate]:
        for node in attempt.nodes:
            try:
                yield get_masked(spec, storage, attempt.shared[node])
            except PeerError as error:
                missing[node] = error.kind or ""

    try:
        result = next_result(spec, before, masked())
    except (InputError, RangeError) as error:
        if not missing and error.kind not in _SPOILT:
            raise
        return Recomputed(missing=missing) if missing else Recomputed(spoilt=error.message)
    return Recomputed(missing=missing) if missing else Recomputed(result)
