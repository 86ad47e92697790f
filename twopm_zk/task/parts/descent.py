"""The table ``[descent]``: which certified task a task goes on from, and whose data it goes on without.

Everybody can check it against the chain: `participants.rounds.descent`, `auditor.descent`.
"""

from __future__ import annotations

from dataclasses import dataclass

from twopm_zk.errors import SpecError
from twopm_zk.task.canonical import Json
from twopm_zk.task.checks import require
from twopm_zk.task.parts.data import address_of
from twopm_zk.task.section import Section

MAX_WITHOUT = 1000
_LARGEST = (1 << 53) - 1
"""Integers up to here are the same number in every reader of JSON."""


@dataclass(frozen=True)
class Descent:
    """A task's parent, on the same contract. Raises SpecError that names the key and its limits."""

    task: int
    """The parent's number."""
    spec_hash: bytes
    """Of the parent's specification."""
    certificate: int
    """The contract's key of the parent's certified attempt: round and attempt."""
    without: tuple[str, ...]
    """Addresses, in ascending order, of the owners in the parent's certified set whose data are left out."""

    def __post_init__(self) -> None:
        require("descent.task", self.task, 1, _LARGEST)
        require("descent.certificate", self.certificate, 1, _LARGEST)
        if len(self.spec_hash) != 32:
            raise SpecError(f"`descent.spec_hash` has {len(self.spec_hash)} bytes; the hash of a specification has 32")
        require("descent.without", len(self.without), 1, MAX_WITHOUT)
        found = (address_of(one, f"descent.without[{index}]") for index, one in enumerate(self.without))
        object.__setattr__(self, "without", tuple(sorted(found, key=str.lower)))
        if len(set(self.without)) < len(self.without):
            raise SpecError("`descent.without` has an account more than once")

    @property
    def document(self) -> dict[str, Json]:
        """The table as JSON."""
        return {
            "task": self.task,
            "spec_hash": "0x" + self.spec_hash.hex(),
            "certificate": self.certificate,
            "without": list(self.without),
        }


def read_descent(top: Section) -> Descent | None:
    """The table of a file, where there is one."""
    if "descent" not in top:
        return None
    section = top.section("descent")
    found = Descent(
        section.take("task", int),
        _hash(section.take("spec_hash", str)),
        section.take("certificate", int),
        section.texts("without"),
    )
    section.done()
    return found


def _hash(text: str) -> bytes:
    """32 bytes; nothing for what is no hash, which `Descent` refuses."""
    try:
        return bytes.fromhex(text[2:]) if text.startswith("0x") and len(text) == 66 else b""
    except ValueError:
        return b""
