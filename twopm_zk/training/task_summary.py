"""From the public sums of a certified task to the summary of its model: what anybody makes of the chain alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from twopm_zk.errors import DataError
from twopm_zk.privacy.spent import Spent
from twopm_zk.statements import Collection, Family
from twopm_zk.statistics.provenance import Provenance
from twopm_zk.statistics.summary import Summary
from twopm_zk.task.specification import TaskSpec
from twopm_zk.training.final_sums import FinalSums, KnownSum
from twopm_zk.training.learner import Learner, distance_of
from twopm_zk.training.noise import NoisyTraining, moves_before, sum_noise
from twopm_zk.training.public_sums import PublicSum, SumsAtTheEnd


def summary_of_task(
    spec: TaskSpec,
    sums: Sequence[PublicSum],
    *,
    claim: str,
    insecure: bool,
    notes: Sequence[str] = (),
    spent: Spent | None = None,
) -> Summary | None:
    """The summary of a certified task from its public sums, all of them in order; None before there is a gradient.

    ``claim`` is what is certified, as the end of a sentence, ``insecure`` whether proofs are under development keys,
    ``notes`` what else is to be said of them; ``spent`` is what was released of the rows in all, where that may be more
    than ``sums``.
    """
    final = SumsAtTheEnd.of(sums, spec.family)
    if final is None:
        return None

    def known(one: PublicSum | None) -> KnownSum | None:
        if one is None:
            return None
        noise = sum_noise(spec, one.collection, one.weights, len(one.nodes))
        return KnownSum(one.total, _provenance(one, insecure, ""), len(one.data), noise)

    at_zero = [
        one.total
        for one in sums
        if one.collection is Collection.INFORMATION
        and not any(one.weights)
        and final.information is not None
        and one.data == final.information.data
    ]
    parts = known(final.information), known(final.evaluation), known(final.held_out)
    noisy = _noisy_training(spec, sums, spent)
    found = FinalSums(
        *parts,
        at_zero[-1] if at_zero else None,
        _other_rows_than_residuals(spec, final),
        noisy,
    )
    others = ((final.information, "information"), (final.evaluation, "evaluation"))
    differing = [_other_rows(one, final.gradient, what) for one, what in others if one is not None]
    fit = _provenance(final.gradient, insecure, claim)
    near = _is_near(spec, sums) if noisy is None else noisy.near
    said = [*filter(None, differing), *notes]
    return found.summary(spec, final.gradient.weights, fit, converged=near, notes=said)


def _is_near(spec: TaskSpec, sums: Sequence[PublicSum]) -> bool | None:
    """Whether the weights are as near to the optimum as was asked; None where the sums do not prove it."""
    found = distance_of(spec, spec.family, sums)
    if found.at_most is not None and found.at_most <= spec.decrement_bound:
        return True
    return False if found.at_least > spec.decrement_bound else None


def _noisy_training(spec: TaskSpec, sums: Sequence[PublicSum], spent: Spent | None) -> NoisyTraining | None:
    """How the weights of the last gradient were reached; None for exact sums."""
    if spec.noise is None:
        return None
    learner, last = Learner(spec), [one for one in sums if one.collection is Collection.GRADIENT][-1]
    with suppress(DataError):
        for one in sums:
            learner.take(one.collection, one.policy, one.weights, one.total, nodes=len(one.nodes))
    if spent is None:
        spent = Spent.of(spec.noise, [one.collection for one in sums], nodes=min(len(one.nodes) for one in sums))
    near = learner.optimiser.decrements[-1] <= learner.limit
    return NoisyTraining(learner.optimiser.matrix, moves_before(spec, last.policy.round), len(last.nodes), spent, near)


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
