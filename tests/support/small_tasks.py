"""Small specifications and data for tests of training."""

from dataclasses import replace
from itertools import accumulate
from pathlib import Path

import numpy as np

from twopm_zk.rows.batches import prepare
from twopm_zk.rows.tables import Table
from twopm_zk.statements import Collection
from twopm_zk.task.columns import Column
from twopm_zk.task.parts.step_rule import StepRule
from twopm_zk.task.specification import TaskSpec
from twopm_zk.task.specification_file import read_spec
from twopm_zk.training.optimiser import information_curvature

SPECTOR = Path(__file__).parents[2] / "examples" / "spector.toml"


def make_split(table, nodes):
    """Rows dealt out round-robin."""
    return [Table(table.names, table.features[k::nodes], table.labels[k::nodes]) for k in range(nodes)]


def total_of(collection, nodes, weights):
    """The sum of the updates of all batches of one node, or several."""
    batches = [batch for node in (nodes if isinstance(nodes, list) else [nodes]) for batch in node.batches]
    return list(accumulate(batch.tally(collection, weights) for batch in batches))[-1]


def curvature_of(table, spec):
    """What an optimiser starts from: the information of all rows at weights of zero."""
    weights = (0,) * spec.sizes.round.weights
    return information_curvature(spec, total_of(Collection.INFORMATION, prepare(table, spec), weights))


def make_table(rows, columns=2, *, seed=0, steep=1.0):
    """Random rows whose label follows a logistic model."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(rows, columns)).clip(-4, 4)
    odds = steep * features @ np.linspace(1, -0.5, columns) + 0.3
    labels = (rng.random(rows) < 1 / (1 + np.exp(-odds))).astype(np.int64)
    return Table(tuple(f"x{k}" for k in range(columns)), features, labels)


def make_spec(columns=2, **changes):
    """For `make_table`, without minima."""
    values = {"label": "y", "minimum_nodes": 1, "minimum_rows": 1, "minimum_node_rows": 1, "penalty": 1.0}
    return TaskSpec(columns=tuple(Column(f"x{k}") for k in range(columns)), **(values | changes))


def spector_spec(rule="boehning-lindsay", **changes):
    """The example's specification, for any number of nodes."""
    values = {"minimum_nodes": 1, "minimum_node_rows": 1, "step": StepRule(rule)}
    return replace(read_spec(SPECTOR), **(values | changes))
