"""What is allowed of terms of privacy, and may be unwise."""

from __future__ import annotations

from collections.abc import Iterator

from twopm_zk.privacy.plan import Plan

_WEAK_EPSILON = 10.0
_MANY_GRADIENTS = 20
_LONG_NORM = 6.0
_LOUD = 0.25


def advice(plan: Plan, *, minimum_nodes: int, minimum_rows: int) -> Iterator[str]:
    """Sentences about a plan where a set may have so few nodes and rows."""
    terms = plan.privacy
    if terms.epsilon > _WEAK_EPSILON:
        yield (
            f"`privacy.epsilon` is {terms.epsilon:g}: what is published may be e^{terms.epsilon:g} times as likely "
            f"with a {terms.unit} as with another; that promises little"
        )
    if terms.delta * minimum_rows > 1:
        yield (
            f"`privacy.delta` is {terms.delta:g}, above one of `minimum.rows` = {minimum_rows}: publishing one row as "
            "it is would keep it"
        )
    if plan.honest == minimum_nodes > 1:
        yield (
            f"`privacy.honest` counts on all {plan.honest} nodes of the smallest set: one that adds no noise, or tells "
            "what it has added, breaks the promise"
        )
    if plan.schedule.gradients > _MANY_GRADIENTS:
        yield (
            f"`rounds.maximum` is {plan.schedule.gradients - 1}: each round takes its part of epsilon, used or not, "
            "and noise grows with the root of their number"
        )
    if terms.clip is None and plan.limits.norm > _LONG_NORM:
        yield (
            f"`privacy.clip` is not given: by their ranges a row's features have a norm of up to "
            f"{plan.limits.norm:.3g}, and noise is in proportion to it"
        )
    per_row = plan.rough_gradient_noise(minimum_nodes) / minimum_rows
    if per_row > _LOUD:
        yield (
            f"noise on a gradient is about {per_row:.2g} per row where there are {minimum_rows} rows, so that weights "
            "are mostly noise: give more `minimum.rows`, a larger `privacy.epsilon` or a smaller `privacy.clip`"
        )
