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

if _typing.TYPE_CHECKING:
    __version__: str
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
    from twopm_zk.proving.executors import executor_for
    from twopm_zk.proving.prover import Prover
    from twopm_zk.rows.batches import prepare
    from twopm_zk.rows.cells import CsvOptions
    from twopm_zk.rows.check import check_rows
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
    from twopm_zk.task.columns import Column, choose_column
    from twopm_zk.task.inputs import Input
    from twopm_zk.task.instances import TaskInstances, choose_instances
    from twopm_zk.task.outcome import Frequencies, Outcome
    from twopm_zk.task.parts.step_rule import StepRule
    from twopm_zk.task.scaling import Scaling
    from twopm_zk.task.specification import TaskSpec
    from twopm_zk.task.specification_file import parse_spec, read_spec, write_spec
    from twopm_zk.training.estimator import TwoPMLogisticRegression
    from twopm_zk.training.in_process import train
    from twopm_zk.training.linear_estimator import TwoPMLinearRegression
    from twopm_zk.training.results import Certificate, Round, TrainingResult, TrainingWarning

_NAMES = {
    "twopm_zk.circuit.compilation": "Circuit compile_circuit",
    "twopm_zk.circuit.instances": "Instance find_instance instances",
    "twopm_zk.circuit.witness": "Witness calculate_witness",
    "twopm_zk.errors": "TwopmError",
    "twopm_zk.numbers.field": "BASE_FIELD_ORDER FIELD_ORDER",
    "twopm_zk.numbers.fixed_point": "FEATURES WEIGHTS Format",
    "twopm_zk.plonk.keys": "Keys existing_keys setup",
    "twopm_zk.plonk.proof": "Proof VerificationKey",
    "twopm_zk.plonk.proving": "ProofResult load_proof prove verify",
    "twopm_zk.plonk.ptau": "insecure_ptau",
    "twopm_zk.plonk.solidity": "calldata export_verifier",
    "twopm_zk.proving.executors": "executor_for",
    "twopm_zk.proving.prover": "Prover",
    "twopm_zk.rows.batches": "prepare",
    "twopm_zk.rows.cells": "CsvOptions",
    "twopm_zk.rows.check": "check_rows",
    "twopm_zk.rows.step": "PreparedStep choose_step prepare_step step_gradient step_information",
    "twopm_zk.rows.tables": "SPECTOR_SCALING Table load_spector read_scaling read_table read_weights",
    "twopm_zk.statements": "AggregateStatement CertifyStatement Collection InformationShape InformationStatement "
    "Opening Policy PredictShape PredictStatement RoundShape Rows Statement StepMatrix StepShape StepStatement Tally",
    "twopm_zk.task.columns": "Column choose_column",
    "twopm_zk.task.inputs": "Input",
    "twopm_zk.task.instances": "TaskInstances choose_instances",
    "twopm_zk.task.outcome": "Frequencies Outcome",
    "twopm_zk.task.parts.step_rule": "StepRule",
    "twopm_zk.task.scaling": "Scaling",
    "twopm_zk.task.specification": "TaskSpec",
    "twopm_zk.task.specification_file": "parse_spec read_spec write_spec",
    "twopm_zk.training.estimator": "TwoPMLogisticRegression",
    "twopm_zk.training.in_process": "train",
    "twopm_zk.training.linear_estimator": "TwoPMLinearRegression",
    "twopm_zk.training.results": "Certificate Round TrainingResult TrainingWarning",
}
"""Public names by the modules that have them."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}

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
    """Names load on first use: a command that needs few of them starts at once, and the estimator needs scikit-learn,
    which is optional.

    The version is that of the installed package, which pyproject.toml states once.
    """
    if name == "__version__":
        from importlib.metadata import version

        return version("twopm-zk")
    if name in _MODULES:
        return getattr(_importlib.import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names, which load on first use."""
    return sorted({*globals(), *__all__})
