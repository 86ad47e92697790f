"""From sums at the final weights to the summary of a model: those of a chain, or of rows at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from twopm_zk.errors import DataError
from twopm_zk.numbers.pedersen import Tally
from twopm_zk.rows.batches import quantized_rows
from twopm_zk.rows.sources import RowData
from twopm_zk.statements import EvaluateShape, Family, evaluation_tally, symmetric
from twopm_zk.statistics.evaluations import evaluation_of, named_noise
from twopm_zk.statistics.inference import Reals, information_bounds, moments_bound
from twopm_zk.statistics.provenance import Part, Provenance
from twopm_zk.statistics.results import Evaluation
from twopm_zk.statistics.summarise import Model, summarise
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.noise import NoisyTraining, gradient_deviations, information_noise


@dataclass(frozen=True)
class KnownSum:
    """A sum at the final weights, and who vouches for it."""

    total: Tally = field(repr=False)
    provenance: Provenance
    updates: int
    """How many sums it is of, each of which was rounded."""
    noise: tuple[float, ...] = ()
    """The standard deviation of its noise on each number, in whole units; nothing for an exact sum."""


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
    noisy: NoisyTraining | None = None
    """How the weights were reached, where sums carry noise."""

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
        informed = 0 if self.information is None else self.information.provenance.nodes
        model = Model(
            family=spec.family.value,
            label=spec.label,
            coefficients=spec.coefficients(weights),
            scaling=tuple(column.scaling for column in spec.columns),
            penalty=spec.penalty,
            noise=None if self.noisy is None else self.noisy.descent(spec, weights, informed=informed),
            privacy=None if self.noisy is None else self.noisy.spent,
        )
        if self.noisy is not None:
            deviation = float(gradient_deviations(spec, weights, self.noisy.nodes).max())
            fit = replace(fit, noise=(("each component of the gradient", deviation),))
        evaluation = _evaluation(spec, self.evaluation)
        return summarise(
            model,
            fit,
            information=self._matrix(spec, weights),
            between=self._bounds(spec),
            evaluation=evaluation or Part.unknown("these weights were not evaluated on the rows of training"),
            held_out=_evaluation(spec, self.held_out),
            converged=converged,
            notes=[*notes, *self._notes(spec)],
        )

    def _notes(self, spec: TaskSpec) -> Iterator[str]:
        """What noise and its terms leave to be said."""
        if spec.privacy is None:
            return
        if spec.privacy.clip is not None:
            yield (
                f"Rows whose scaled features have a norm above {spec.privacy.clip:g} are shortened to it: the model is "
                "that of the shortened rows, and so is its evaluation."
            )
        if self.held_out is not None and not self.held_out.noise:
            yield (
                "The sums over held-out rows are exact: no promise to the people in these rows covers what is told of "
                "them."
            )

    def _matrix(self, spec: TaskSpec, weights: Sequence[int]) -> Part[Reals]:
        if self.information is None:
            return Part.unknown("no information was collected at these weights")
        if self.other_rows:
            return Part.unknown(self.other_rows)
        found, known = _without_padding(spec, self.information.total), self.information
        if not known.noise:
            return Part.of(found, known.provenance)
        largest, least = information_noise(spec, weights, known.provenance.nodes), float(np.linalg.eigvalsh(found)[0])
        if least <= largest:
            return Part.unknown(
                f"the information is no larger than its noise in some direction: its least eigenvalue is {least:.3g}, "
                f"those of noise alone reach {largest:.3g}"
            )
        return Part.of(found, replace(known.provenance, noise=(("each cell of the information", max(known.noise)),)))

    def _bounds(self, spec: TaskSpec) -> tuple[Reals, Reals] | None:
        known = self.information
        if known is None or known.noise:
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


def _without_padding(spec: TaskSpec, total: Tally) -> Reals:
    keep = [*range(len(spec.columns)), -1]
    return symmetric(total)[np.ix_(keep, keep)]


def _evaluation(spec: TaskSpec, known: KnownSum | None) -> Part[Evaluation] | None:
    if known is None:
        return None
    found = evaluation_of(known.total, spec.label_column.scaling, noise=known.noise)
    return Part.of(found, replace(known.provenance, noise=named_noise(found)))
