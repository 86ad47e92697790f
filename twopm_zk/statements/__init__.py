"""What each statement says, in exact integers: the twin of circuits/, bit for bit.

Shapes hold the parameters of an instance. Inputs are integers in the formats of ``fixed_point``; a statement
computes its three public inputs, the inputs of its circuit, and the bound table that shows that no intermediate
can wrap around FIELD_ORDER.
"""

from twopm_zk.statements.policy import Policy, StepMatrix
from twopm_zk.statements.predict import PredictShape, PredictStatement
from twopm_zk.statements.rounds import (
    AggregateStatement,
    CertifyStatement,
    FoldStatement,
    OpenedUpdate,
    PartialSum,
    RoundShape,
    RoundUpdates,
)
from twopm_zk.statements.step import Rows, StepShape, StepStatement, Update, exact_update, gradient_step
from twopm_zk.statements.types import Signals, Statement

__all__ = [
    "AggregateStatement",
    "CertifyStatement",
    "FoldStatement",
    "OpenedUpdate",
    "PartialSum",
    "Policy",
    "PredictShape",
    "PredictStatement",
    "RoundShape",
    "RoundUpdates",
    "Rows",
    "Signals",
    "Statement",
    "StepMatrix",
    "StepShape",
    "StepStatement",
    "Update",
    "exact_update",
    "gradient_step",
]
