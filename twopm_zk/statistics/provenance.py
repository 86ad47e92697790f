"""Whether a figure is proven, and over whose rows: what every block of a summary says of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from twopm_zk.errors import DataError

Content = TypeVar("Content")
Other = TypeVar("Other")


@dataclass(frozen=True)
class Provenance:
    """Over how many rows of which nodes a sum is, and whether anybody can check that."""

    proven: bool
    rows: int
    nodes: int
    insecure_keys: bool = False
    """Whether the proofs are under development keys: then they are proven to nobody."""
    addresses: tuple[str, ...] = ()
    """Who the nodes are, where that is known."""
    reason: str = ""
    """Why it is not proven, or what the proof is of, as the end of a sentence."""
    noise: tuple[tuple[str, float], ...] = ()
    """The standard deviation of the noise, by what of the sum it is on; nothing for exact sums."""

    @property
    def counts(self) -> bool:
        """Whether the proof convinces anybody: it is there, and its keys are no development keys."""
        return self.proven and not self.insecure_keys

    @property
    def sentence(self) -> str:
        """All of it in words, such as "proven over 32 rows of 3 nodes"."""
        rows = "1 row" if self.rows == 1 else f"{self.rows} rows"
        nodes = "1 node" if self.nodes == 1 else f"{self.nodes} nodes"
        text = f"{'proven' if self.proven else 'computed, not proven,'} over {rows} of {nodes}"
        if self.addresses:
            text += f" ({', '.join(self.addresses)})"
        if self.noise:
            deviations = ", ".join(f"{deviation:.3g} on {what}" for what, deviation in self.noise)
            text += f", with noise of standard deviation {deviations}"
        if self.reason:
            text += f": {self.reason}"
        if self.proven and self.insecure_keys:
            text += ". INSECURE KEYS: nothing of this is proven to anybody"
        return text

    def to_json(self) -> dict[str, object]:
        """All of it, the sentence too."""
        return {
            "proven": self.proven,
            "rows": self.rows,
            "nodes": self.nodes,
            "insecure_keys": self.insecure_keys,
            "addresses": list(self.addresses),
            "noise": dict(self.noise),
            "sentence": self.sentence,
        }


@dataclass(frozen=True)
class Part(Generic[Content]):
    """One part of a summary, with who vouches for it; or why it is missing."""

    content: Content | None
    provenance: Provenance | None
    missing: str = ""
    """Why there is no content, as the end of a sentence."""

    @classmethod
    def of(cls, content: Content, provenance: Provenance) -> Part[Content]:
        """A part that is there."""
        return cls(content, provenance)

    @classmethod
    def unknown(cls, reason: str) -> Part[Content]:
        """A part that is not there, for a ``reason`` such as "no information was collected at these weights"."""
        return cls(None, None, reason)

    @property
    def sentence(self) -> str:
        """What is proven of it, or why it is not known."""
        return f"not known: {self.missing}" if self.provenance is None else self.provenance.sentence

    def require(self, what: str) -> Content:
        """The content. Raises DataError, of kind ``not-known``, where it is missing; ``what`` begins the sentence."""
        if self.content is None:
            raise DataError(f"{what} not known: {self.missing}", kind="not-known")
        return self.content

    def then(self, function: Callable[[Content], Other]) -> Other | None:
        """What a function makes of the content; None where it is missing."""
        return None if self.content is None else function(self.content)
