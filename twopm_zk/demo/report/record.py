"""What a report is made of: plain numbers and texts, taken from the chain and from clocks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twopm_zk.statistics.summary import Summary


@dataclass(frozen=True)
class Transaction:
    """One transaction: ``what`` was done, by ``who`` (a name), ``gas`` used."""

    what: str
    who: str
    hash: str
    gas: int


@dataclass(frozen=True)
class RoundRecord:
    """One round, which is one collection: coefficients at which it was made, and what was sent in it."""

    number: int
    collects: str
    """``gradient``, ``information`` or ``evaluation``."""
    coefficients: Mapping[str, float]
    bound_per_row: float | None
    """Largest component of the gradient per row at these coefficients, where it is known."""
    seconds: Mapping[str, float]
    """Wall time by activity."""
    transactions: Sequence[Transaction] = ()
    participants: Mapping[str, int] = field(default_factory=dict)
    """How many updates of whom are in the round's sum, by name."""
    rows: int = 0
    """Of all nodes together, as the sum says."""

    def gas(self, *functions: str) -> list[int]:
        """What transactions of these functions took, each."""
        return [one.gas for one in self.transactions if one.what.rpartition(".")[2] in functions]


@dataclass(frozen=True)
class Prediction:
    """One request: ``answer`` is a probability, or None where it was refused for ``reason``."""

    who: str
    question: str
    answer: float | None
    reason: str = ""
    transaction: str = ""


@dataclass(frozen=True)
class Report:
    """A whole run. ``facts`` are short pairs for the head of the page."""

    title: str
    summary: str
    rounds: Sequence[RoundRecord]
    """The last one of a gradient is the certified one; those after it are of the statistics."""
    statistics: Summary
    """What follows from the sums at the certified weights."""
    reference: Mapping[str, Mapping[str, float]]
    """Coefficients to compare with, by name of their source."""
    reference_errors: Mapping[str, float]
    """Standard errors to compare with."""
    reference_likelihood: float
    """The log likelihood to compare with."""
    certificate: str
    seen: str
    """What others than a data owner get to see."""
    audit: Sequence[str]
    unknowable: Sequence[str]
    predictions: Sequence[Prediction] = ()
    setup: Sequence[Transaction] = ()
    """Transactions before the first round."""
    after: Sequence[Transaction] = ()
    """Transactions after the last round."""
    coverage: str = ""
    """Whose updates, and how many rows at least, the certificate is about."""
    nearness: str = ""
    """How many standard errors the weights are from the optimum, and what of it is proven."""
    insecure: Sequence[str] = ()
    """Instances whose keys are insecure: under them nothing on the page is proven to anybody."""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def moves(self) -> int:
        """How often the weights have moved."""
        return sum(record.collects == "gradient" for record in self.rounds) - 1

    @property
    def coefficients(self) -> Mapping[str, float]:
        """The certified coefficients."""
        return self.certified.coefficients

    @property
    def certified(self) -> RoundRecord:
        """The round that the certificate is of."""
        return [record for record in self.rounds if record.collects == "gradient"][-1]

    @property
    def error_difference(self) -> float:
        """Largest relative difference of a standard error from its reference."""
        found = self.statistics.bse
        return max(abs(float(found[name]) / value - 1) for name, value in self.reference_errors.items())

    @property
    def likelihood_difference(self) -> float:
        """Difference of the log likelihood from its reference."""
        found = self.statistics.llf
        return math.inf if found is None else abs(found - self.reference_likelihood)

    def difference(self, source: str) -> float:
        """Largest relative difference from a reference."""
        return max(abs(self.coefficients[name] / value - 1) for name, value in self.reference[source].items())

    @property
    def gas(self) -> int:
        """The gas of all transactions."""
        every = [*self.setup, *(one for record in self.rounds for one in record.transactions), *self.after]
        return sum(one.gas for one in every)
