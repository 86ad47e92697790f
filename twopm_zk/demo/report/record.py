"""What a report is made of: plain numbers and texts, taken from the chain and from clocks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from twopm_zk.auditor.page import ReportContext
from twopm_zk.auditor.report import AuditReport
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
    seconds: Mapping[str, float]
    """Wall time by activity."""
    transactions: Sequence[Transaction] = ()

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
    findings: AuditReport
    """What an auditor has found: a certificate, among others."""
    context: ReportContext
    rounds: Sequence[RoundRecord]
    reference: Mapping[str, Mapping[str, float]]
    """Coefficients to compare with, by name of their source."""
    reference_errors: Mapping[str, float]
    """Standard errors to compare with."""
    reference_likelihood: float
    """The log likelihood to compare with."""
    seen: str
    """What others than a data owner get to see."""
    attestations: Sequence[tuple[str, str, str]] = ()
    """Who attested to the rows of whom, and the attestation's number."""
    predictions: Sequence[Prediction] = ()
    backing: str = ""
    """What stands behind the operator that answers them, in sentences."""
    setup: Sequence[Transaction] = ()
    """Transactions before the first round."""
    after: Sequence[Transaction] = ()
    """Transactions after the last round."""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def statistics(self) -> Summary:
        """What follows from the sums at the certified weights."""
        assert self.findings.summary is not None  # noqa: S101 - of a certified task whose specification is known
        return self.findings.summary

    @property
    def coefficients(self) -> Mapping[str, float]:
        """The certified coefficients."""
        return self.statistics.coefficients

    @property
    def certificate(self) -> str:
        """What is certified, in a sentence."""
        return (
            "Certified on chain: at these weights no component of the gradient over all rows exceeds "
            f"{self.findings.bound_per_row:.2e} per row, so they are the optimum to that precision, however they were "
            "found."
        )

    @property
    def coverage(self) -> str:
        """Whose updates and how many rows the certificate is about, by names."""
        return self.context.named(f"The certificate is {self.findings.coverage or ''}")

    @property
    def attested(self) -> list[str]:
        """Who attested to what, in sentences by names."""
        authority = [f"{who} attested to the rows of {whom}: {uid}." for who, whom, uid in self.attestations]
        return [*authority, *([self.context.named(self.findings.attested)] if self.findings.attested else [])]

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
