"""A plan of noise for people and for programs: what is promised, on what condition, and how large the noise is."""

from __future__ import annotations

import math
from typing import Any

from twopm_zk.privacy.plan import Plan
from twopm_zk.statements.types import Collection

_SUMS = {
    Collection.GRADIENT: ("each sum of a gradient",),
    Collection.INFORMATION: ("each sum of information",),
    Collection.EVALUATION: ("the log-loss, times 13", "the squared error", "each count of a bin"),
}
_SQUARES = ("the sum of labels", "the sum of their squares", "the sum of squared deviations")


def promise(plan: Plan) -> list[str]:
    """What is promised to the people in the rows, and on what condition, in whole sentences."""
    terms, whose = plan.privacy, "row" if plan.privacy.unit == "row" else "node's rows"
    factor = f"{math.exp(terms.epsilon):.3g}"
    return [
        f"Privacy: epsilon {terms.epsilon:g} at delta {terms.delta:g}, for any one {whose}. Whatever somebody "
        f"concludes from all that this task publishes is at most {factor} times as likely with this {whose} as with "
        f"any other in {'its' if terms.unit == 'row' else 'their'} place, but for a chance of {terms.delta:g}.",
        f"That holds as long as {plan.honest} of the nodes of each set add their noise and keep it to themselves. It "
        "does not hide that a node takes part, nor how many rows it has.",
    ]


def noise_document(plan: Plan, *, minimum_nodes: int, minimum_rows: int) -> dict[str, Any]:
    """All figures of a plan, where a set has so few nodes and rows."""
    kinds = [kind for kind in Collection if plan.schedule.times(kind)]
    return {
        "epsilon": plan.privacy.epsilon,
        "delta": plan.privacy.delta,
        "unit": plan.privacy.unit,
        "honest": plan.honest,
        "norm": plan.limits.norm,
        "releases": [
            {
                "collects": kind.name.lower(),
                "times": plan.schedule.times(kind),
                "multiplier": plan.multiplier(kind),
                "noise_bits": plan.bits(kind),
                "noise": [
                    {
                        "of": name,
                        "sensitivity": sensitivity,
                        "node": sigma,
                        "sum": sigma * math.sqrt(minimum_nodes),
                        "per_row": sigma * math.sqrt(minimum_nodes) / minimum_rows,
                    }
                    for name, (sensitivity, sigma) in zip(_names(plan, kind), plan.at_any_weights(kind), strict=True)
                ],
            }
            for kind in kinds
        ],
    }


def _names(plan: Plan, kind: Collection) -> tuple[str, ...]:
    return _SQUARES if kind is Collection.EVALUATION and plan.limits.family == "gaussian" else _SUMS[kind]
