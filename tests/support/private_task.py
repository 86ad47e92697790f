"""A task with noise over a chain of doubles."""

from dataclasses import replace
from functools import cache

from support.people_world import PRIVATE_INSTANCES, SPEC

from twopm_zk.privacy.terms import Privacy
from twopm_zk.task.parts.step_rule import StepRule


@cache
def private_spec():
    """The same rows with noise. What the sums say is mostly noise, so that it is not known how many rounds there are.

    An accountant finds the noise, which takes seconds.
    """
    made = replace(
        SPEC,
        step=StepRule("gradient", curvature="ranges"),
        privacy=Privacy(8.0, 1e-4, clip=2.0),
        gradient_bound=0.95,
        maximum_rounds=2,
        maximum_node_updates=8,
        instances=None,
    ).provable(rows=45)
    assert made.instances.step == PRIVATE_INSTANCES, made.instances.step
    return made
