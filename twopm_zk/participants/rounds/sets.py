"""The set that shares, replayed from the events of an attempt: its digest is made anew from each, and compared."""

from __future__ import annotations

from twopm_zk.chain.abi import DecodedEvent
from twopm_zk.errors import DeploymentError, InputError
from twopm_zk.numbers.baby_jubjub import Point
from twopm_zk.sharing import Departure, Member, Place, PostedKey, SharingSet, UpdateHash


def set_after(
    found: SharingSet | None, event: DecodedEvent, place: Place, *, hashes: bool = False
) -> SharingSet | None:
    """The set once one more event of its attempt has happened; None until the attempt is closed. With ``hashes`` nodes
    have committed to their updates by hashes, not by points.

    Raises DeploymentError where an event does not follow from those before, InputError for keys that none can be.
    """
    if event.name == "SetOpened":
        return SharingSet(place, event_bytes(event["digest"]))
    if event.name not in ("NodeReady", "NodeLeft", "SharingStarted"):
        return found
    if found is None:
        raise DeploymentError("an event speaks of a set of nodes before there is one")
    if event.name == "NodeReady":
        if event["seat"] != found.seats:
            raise DeploymentError(
                f"node {event['node']} was ready in another seat, or with other updates, than its events tell"
            )
        return found.with_ready(member_of(event, hashes=hashes))
    if event.name == "NodeLeft":
        return _same_digest(found.without(event["node"], reason_of(event)), event)
    return _same_digest(found.next_share_attempt() if found.started else found.begun(), event)


def member_of(event: DecodedEvent, *, hashes: bool = False) -> Member:
    """The node that says that it is ready. InputError where its keys or what it has committed to are none."""
    commitment: Point | UpdateHash = Point(event["x"], event["y"])
    if hashes:
        if event["y"]:
            raise InputError(f"node {event['node']} was ready with a point where its update has a hash")
        commitment = UpdateHash(event["x"].to_bytes(32, "big"))
    return Member(
        event["node"],
        PostedKey.parse(*event["lasting"]),
        PostedKey.parse(event["roundX"], event["roundY"]),
        commitment,
        event["seat"],
    )


def reason_of(event: DecodedEvent) -> Departure:
    """Why a node has left the set, as NodeLeft says. Raises DeploymentError for what is no reason."""
    try:
        return Departure(event_bytes(event["reason"]).rstrip(b"\0").decode())
    except ValueError:
        raise DeploymentError(f"node {event['node']} has left for a reason that is none") from None


def event_bytes(text: str | bytes) -> bytes:
    """A value of an event as bytes, which decoding gives as hexadecimal text."""
    return text if isinstance(text, bytes) else bytes.fromhex(text.removeprefix("0x"))


def _same_digest(found: SharingSet, event: DecodedEvent) -> SharingSet:
    if found.digest != event_bytes(event["digest"]):
        raise DeploymentError(f"the set of round {event['round']} has another digest than follows from its nodes")
    return found
