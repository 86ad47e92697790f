"""From sums at the final weights to the summary of a model: those of a chain, or of rows at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from twopm_zk.errors import DataError
from twopm_zk.numbers.pedersen import Tally
from twopm_zk.rows.batches import quantized_rows
from twopm_zk.rows.sources import RowData
from twopm_zk.statements import Collection, EvaluateShape, Family, evaluation_tally, symmetric
from twopm_zk.statistics.evaluations import evaluation_of
from twopm_zk.statistics.inference import Reals, information_bounds, moments_bound
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.results import Evaluation
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.public_sums import PublicSum, SumsAtTheEnd


@dataclass(frozen=True)
class KnownSum:
    """A sum at the final weights, and who vouches for it."""

    total: Tally = field(repr=False)
    provenance: Provenance
    updates: int
    """How many sums it is of, each of which was rounded."""


@dataclass(frozen=True)
class FinalSums:
    """What is known at the final weights beside their certificate."""

    information: KnownSum | None = None
    evaluation: KnownSum | None = None
    """Over the rows of training."""
    held_out: KnownSum | None = None
    """Over rows that took no part in it."""
    at_zero: Tally | None = field(default=None, repr=False)
    """The information of the same rows at weights of zero, by which its own error is bounded in the logistic family."""
    other_rows: str = ""
    """Why standard errors do not follow from information and evaluation: they are not over the same rows."""

    def summary(
        self,
        spec: TaskSpec,
        weights: Sequence[int],
        fit: Provenance,
        *,
        converged: bool | None = None,
        notes: Sequence[str] = (),
    ) -> Summary:
        """The summary of ``weights`` (integers, padded), whose certificate is ``fit``."""
        model = Model(
            family=spec.family.value,
            label=spec.label,
            coefficients=spec.coefficients(weights),
            scaling=tuple(column.scaling for column in spec.columns),
            penalty=spec.penalty,
        )
        evaluation = _evaluation(spec, self.evaluation)
        return summarise(
            model,
            fit,
            information=self._matrix(spec),
            between=self._bounds(spec),
            evaluation=evaluation or Part.unknown("these weights were not evaluated on the rows of training"),
            held_out=_evaluation(spec, self.held_out),
            converged=converged,
            notes=notes,
        )

    def _matrix(self, spec: TaskSpec) -> Part[Reals]:
        if self.information is None:
            return Part.unknown("no information was collected at these weights")
        if self.other_rows:
            return Part.unknown(self.other_rows)
        return Part.of(_without_padding(spec, self.information.total), self.information.provenance)

    def _bounds(self, spec: TaskSpec) -> tuple[Reals, Reals] | None:
        known = self.information
        if known is None:
            return None
        found = _without_padding(spec, known.total)
        if spec.family is Family.GAUSSIAN:
            return information_bounds(found, updates=known.updates)
        if self.at_zero is None:
            return None
        moments = moments_bound(_without_padding(spec, self.at_zero), updates=known.updates)
        return information_bounds(found, updates=known.updates, moments=moments)


def evaluate(parties: Sequence[RowData], spec: TaskSpec, weights: Sequence[int]) -> Tally:
    """The sums that ``evaluate`` would prove of (unscaled) rows, those of each node apart, at integer ``weights``.

    Raises DataError and RangeError for rows that training would refuse, but for their number, and for no rows at all.
    """
    parts = [quantized_rows(one, spec, name=f"held-out rows of node {k}") for k, one in enumerate(parties, start=1)]
    if not sum(len(labels) for _, labels in parts):
        raise DataError("there are no held-out rows")
    features = np.vstack([features for features, _ in parts])
    largest = spec.sizes.largest
    shape = EvaluateShape(largest.rows, largest.features, largest.format, largest.family)
    return evaluation_tally(shape, weights, features, np.concatenate([labels for _, labels in parts]))


def summary_of_task(
    spec: TaskSpec, sums: Sequence[PublicSum], *, claim: str, insecure: bool, notes: Sequence[str] = ()
) -> Summary | None:
    """The summary of a certified task from its public sums, all of them in order; None before there is a gradient.

    ``claim`` is what is certified, as the end of a sentence, ``insecure`` whether proofs are under development keys,
    ``notes`` what else is to be said of them.
    """
    final = SumsAtTheEnd.of(sums, spec.family)
    if final is None:
        return None

    def known(one: PublicSum | None) -> KnownSum | None:
        return None if one is None else KnownSum(one.total, _provenance(one, insecure, ""), len(one.data))

    at_zero = [
        one.total
        for one in sums
        if one.collection is Collection.INFORMATION
        and not any(one.weights)
        and final.information is not None
        and one.data == final.information.data
    ]
    parts = known(final.information), known(final.evaluation), known(final.held_out)
    found = FinalSums(*parts, at_zero[-1] if at_zero else None, _other_rows_than_residuals(spec, final))
    others = ((final.information, "information"), (final.evaluation, "evaluation"))
    differing = [_other_rows(one, final.gradient, what) for one, what in others if one is not None]
    fit = _provenance(final.gradient, insecure, claim)
    return found.summary(spec, final.gradient.weights, fit, notes=[*filter(None, differing), *notes])


def _provenance(one: PublicSum, insecure: bool, reason: str) -> Provenance:
    return Provenance(True, one.total.rows, len(one.nodes), insecure, addresses=one.nodes, reason=reason)


def _other_rows_than_residuals(spec: TaskSpec, final: SumsAtTheEnd) -> str:
    """Why a linear model has no standard errors: they take the residuals of the rows that the information is over."""
    one, other = final.information, final.evaluation
    if spec.family is not Family.GAUSSIAN or one is None or other is None or one.data == other.data:
        return ""
    return f"the information and the evaluation are {_not_the_same(one, other, 'information', 'evaluation')}"


def _other_rows(one: PublicSum, gradient: PublicSum, what: str) -> str:
    if one.data == gradient.data:
        return ""
    return f"The {what} and the certificate are {_not_the_same(one, gradient, what, 'certificate')}."


def _not_the_same(one: PublicSum, other: PublicSum, name: str, other_name: str) -> str:
    """In what the rows of two sums differ: in nodes, which are named, or else in batches of the same nodes."""
    alone = ((set(one.nodes) - set(other.nodes), name), (set(other.nodes) - set(one.nodes), other_name))
    named = [f"{', '.join(sorted(nodes))} in the {what} alone" for nodes, what in alone if nodes]
    why = "; ".join(named) or f"other batches of {', '.join(sorted(one.nodes))}"
    return f"not over the same rows ({why})"


def _without_padding(spec: TaskSpec, total: Tally) -> Reals:
    keep = [*range(len(spec.columns)), -1]
    return symmetric(total)[np.ix_(keep, keep)]


def _evaluation(spec: TaskSpec, known: KnownSum | None) -> Part[Evaluation] | None:
    if known is None:
        return None
    return Part.of(evaluation_of(known.total, spec.label_column.scaling), known.provenance)
