"""What each statement says, in exact integers: the twin of circuits/, bit for bit.

Shapes hold the parameters of an instance. Inputs are integers in the formats of ``fixed_point``; a statement
computes its three public inputs, the inputs of its circuit, and the bound table that shows that no intermediate
can wrap around FIELD_ORDER.
"""

from twopm_zk.numbers.pedersen import Opening, Tally
from twopm_zk.statements.evaluate import EvaluateShape, EvaluateStatement, evaluation_tally
from twopm_zk.statements.family import DISPERSION, Family
from twopm_zk.statements.information import InformationShape, InformationStatement, information_tally, symmetric
from twopm_zk.statements.policy import Policy, StepMatrix
from twopm_zk.statements.predict import PredictShape, PredictStatement
from twopm_zk.statements.rounds import AggregateStatement, CertifyStatement, RoundShape, updates_commitment
from twopm_zk.statements.rows import Rows, RowsShape, RowsStatement
from twopm_zk.statements.step import StepShape, StepStatement, gradient_tally
from twopm_zk.statements.types import Collection, Signals, Statement

__all__ = [
    "DISPERSION",
    "AggregateStatement",
    "CertifyStatement",
    "Collection",
    "EvaluateShape",
    "EvaluateStatement",
    "Family",
    "InformationShape",
    "InformationStatement",
    "Opening",
    "Policy",
    "PredictShape",
    "PredictStatement",
    "RoundShape",
    "Rows",
    "RowsShape",
    "RowsStatement",
    "Signals",
    "Statement",
    "StepMatrix",
    "StepShape",
    "StepStatement",
    "Tally",
    "evaluation_tally",
    "gradient_tally",
    "information_tally",
    "symmetric",
    "updates_commitment",
]
