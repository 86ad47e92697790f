"""Small tasks with noise, and two data sets that differ in one row."""

from twopm_zk.privacy.terms import Privacy
from twopm_zk.task.columns import Column
from twopm_zk.task.parts.step_rule import GRADIENT, StepRule
from twopm_zk.task.specification import TaskSpec


def private_spec(columns=2, *, privacy=None, **changes):
    """Columns x0, x1, ... in [-4, 4], a few rounds, and noise."""
    values = {
        "label": "y",
        "minimum_nodes": 3,
        "minimum_rows": 3,
        "minimum_node_rows": 1,
        "maximum_rounds": 5,
        "step": StepRule(GRADIENT, curvature="ranges"),
        "privacy": privacy or Privacy(1.0, 1e-6, clip=2.0),
    }
    made = tuple(Column(f"x{k}", low=-4.0, high=4.0) for k in range(columns))
    return TaskSpec(columns=made, **(values | changes))
