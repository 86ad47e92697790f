"""Zero-knowledge proofs for federated logistic regression: circuits, proving pipeline, contracts.

>>> import twopm_zk as zk
>>> table = zk.load_spector().scaled(zk.SPECTOR_SCALING)
>>> step = zk.prepare_step(table, [0.9, 0.4, 1.2, -1.0])
>>> circuit = zk.compile_circuit(step.instance)                            # doctest: +SKIP
>>> result = zk.prove(zk.setup(circuit), step.statement.circuit_inputs())  # doctest: +SKIP
>>> zk.verify(result.verification_key, result.public, result.proof)        # doctest: +SKIP
True
"""

import importlib as _importlib
import typing as _typing

from twopm_zk.circuit.compilation import Circuit, compile_circuit
from twopm_zk.circuit.instances import Instance, find_instance, instances
from twopm_zk.circuit.witness import Witness, calculate_witness
from twopm_zk.errors import TwopmError
from twopm_zk.numbers.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.numbers.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.plonk.keys import Keys, existing_keys, setup
from twopm_zk.plonk.proof import Proof, VerificationKey
from twopm_zk.plonk.proving import ProofResult, load_proof, prove, verify
from twopm_zk.plonk.ptau import insecure_ptau
from twopm_zk.plonk.solidity import calldata, export_verifier
from twopm_zk.rows.step import PreparedStep, choose_step, prepare_step, step_gradient, step_information
from twopm_zk.rows.tables import SPECTOR_SCALING, Table, load_spector, read_scaling, read_table, read_weights
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    Collection,
    InformationShape,
    InformationStatement,
    Opening,
    Policy,
    PredictShape,
    PredictStatement,
    RoundShape,
    Rows,
    Statement,
    StepMatrix,
    StepShape,
    StepStatement,
    Tally,
)
from twopm_zk.task.scaling import Scaling

if _typing.TYPE_CHECKING:
    __version__: str
    from twopm_zk.proving.executors import executor_for
    from twopm_zk.proving.prover import Prover
    from twopm_zk.rows.batches import prepare
    from twopm_zk.rows.cells import CsvOptions
    from twopm_zk.rows.check import check_rows
    from twopm_zk.task.columns import Column, choose_column
    from twopm_zk.task.inputs import Input
    from twopm_zk.task.instances import TaskInstances, choose_instances
    from twopm_zk.task.outcome import Frequencies, Outcome
    from twopm_zk.task.parts.step_rule import StepRule
    from twopm_zk.task.specification import TaskSpec
    from twopm_zk.task.specification_file import parse_spec, read_spec, write_spec
    from twopm_zk.training.estimator import TwoPMLogisticRegression
    from twopm_zk.training.in_process import train
    from twopm_zk.training.linear_estimator import TwoPMLinearRegression
    from twopm_zk.training.results import Certificate, Round, TrainingResult, TrainingWarning

_LAZY = {
    "executor_for": "twopm_zk.proving.executors",
    "Prover": "twopm_zk.proving.prover",
    "prepare": "twopm_zk.rows.batches",
    "CsvOptions": "twopm_zk.rows.cells",
    "check_rows": "twopm_zk.rows.check",
    "Column": "twopm_zk.task.columns",
    "choose_column": "twopm_zk.task.columns",
    "Input": "twopm_zk.task.inputs",
    "TaskInstances": "twopm_zk.task.instances",
    "choose_instances": "twopm_zk.task.instances",
    "Frequencies": "twopm_zk.task.outcome",
    "Outcome": "twopm_zk.task.outcome",
    "StepRule": "twopm_zk.task.parts.step_rule",
    "TaskSpec": "twopm_zk.task.specification",
    "parse_spec": "twopm_zk.task.specification_file",
    "read_spec": "twopm_zk.task.specification_file",
    "write_spec": "twopm_zk.task.specification_file",
    "TwoPMLinearRegression": "twopm_zk.training.linear_estimator",
    "TwoPMLogisticRegression": "twopm_zk.training.estimator",
    "train": "twopm_zk.training.in_process",
    "Certificate": "twopm_zk.training.results",
    "Round": "twopm_zk.training.results",
    "TrainingResult": "twopm_zk.training.results",
    "TrainingWarning": "twopm_zk.training.results",
}

__all__ = [
    "BASE_FIELD_ORDER",
    "FEATURES",
    "FIELD_ORDER",
    "SPECTOR_SCALING",
    "WEIGHTS",
    "AggregateStatement",
    "Certificate",
    "CertifyStatement",
    "Circuit",
    "Collection",
    "Column",
    "CsvOptions",
    "Format",
    "Frequencies",
    "InformationShape",
    "InformationStatement",
    "Input",
    "Instance",
    "Keys",
    "Opening",
    "Outcome",
    "Policy",
    "PredictShape",
    "PredictStatement",
    "PreparedStep",
    "Proof",
    "ProofResult",
    "Prover",
    "Round",
    "RoundShape",
    "Rows",
    "Scaling",
    "Statement",
    "StepMatrix",
    "StepRule",
    "StepShape",
    "StepStatement",
    "Table",
    "Tally",
    "TaskInstances",
    "TaskSpec",
    "TrainingResult",
    "TrainingWarning",
    "TwoPMLinearRegression",
    "TwoPMLogisticRegression",
    "TwopmError",
    "VerificationKey",
    "Witness",
    "calculate_witness",
    "calldata",
    "check_rows",
    "choose_column",
    "choose_instances",
    "choose_step",
    "compile_circuit",
    "executor_for",
    "existing_keys",
    "export_verifier",
    "find_instance",
    "insecure_ptau",
    "instances",
    "load_proof",
    "load_spector",
    "parse_spec",
    "prepare",
    "prepare_step",
    "prove",
    "read_scaling",
    "read_spec",
    "read_table",
    "read_weights",
    "setup",
    "step_gradient",
    "step_information",
    "train",
    "verify",
    "write_spec",
]


def __getattr__(name: str) -> _typing.Any:
    """Training loads on first use: the estimator needs scikit-learn, which is optional.

    The version is that of the installed package, which pyproject.toml states once.
    """
    if name == "__version__":
        from importlib.metadata import version

        return version("twopm-zk")
    if name in _LAZY:
        return getattr(_importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, those that load on first use too."""
    return sorted({*globals(), *__all__})
