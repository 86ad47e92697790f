"""Zero-knowledge proofs for federated logistic regression: circuits, proving pipeline, contracts.

>>> import twopm_zk as zk
>>> table = zk.load_spector().scaled(zk.SPECTOR_SCALING)
>>> step = zk.prepare_step(table, [0.9, 0.4, 1.2, -1.0])
>>> circuit = zk.compile_circuit(step.instance)                            # doctest: +SKIP
>>> result = zk.prove(zk.setup(circuit), step.statement.circuit_inputs())  # doctest: +SKIP
>>> zk.verify(result.verification_key, result.public, result.proof)        # doctest: +SKIP
True
"""

from twopm_zk.circuit import Circuit, Instance, compile_circuit, find_instance, instances
from twopm_zk.datasets import SPECTOR_SCALING, Scaling, Table, load_spector, read_scaling, read_table, read_weights
from twopm_zk.errors import TwopmError
from twopm_zk.field import BASE_FIELD_ORDER, FIELD_ORDER
from twopm_zk.fixed_point import FEATURES, WEIGHTS, Format
from twopm_zk.keys import Keys, existing_keys, setup
from twopm_zk.plonk import ProofResult, load_proof, prove, verify
from twopm_zk.preparation import PreparedStep, choose_step, prepare_step, step_gradient
from twopm_zk.proof import Proof, VerificationKey
from twopm_zk.ptau import insecure_ptau
from twopm_zk.solidity import calldata, export_verifier
from twopm_zk.statements import (
    AggregateStatement,
    CertifyStatement,
    FoldStatement,
    OpenedUpdate,
    PartialSum,
    Policy,
    PredictShape,
    PredictStatement,
    RoundShape,
    RoundUpdates,
    Rows,
    Statement,
    StepMatrix,
    StepShape,
    StepStatement,
    Update,
)
from twopm_zk.witness import Witness, calculate_witness

__all__ = [
    "BASE_FIELD_ORDER",
    "FEATURES",
    "FIELD_ORDER",
    "SPECTOR_SCALING",
    "WEIGHTS",
    "AggregateStatement",
    "CertifyStatement",
    "Circuit",
    "FoldStatement",
    "Format",
    "Instance",
    "Keys",
    "OpenedUpdate",
    "PartialSum",
    "Policy",
    "PredictShape",
    "PredictStatement",
    "PreparedStep",
    "Proof",
    "ProofResult",
    "RoundShape",
    "RoundUpdates",
    "Rows",
    "Scaling",
    "Statement",
    "StepMatrix",
    "StepShape",
    "StepStatement",
    "Table",
    "TwopmError",
    "Update",
    "VerificationKey",
    "Witness",
    "calculate_witness",
    "calldata",
    "choose_step",
    "compile_circuit",
    "existing_keys",
    "export_verifier",
    "find_instance",
    "insecure_ptau",
    "instances",
    "load_proof",
    "load_spector",
    "prepare_step",
    "prove",
    "read_scaling",
    "read_table",
    "read_weights",
    "setup",
    "step_gradient",
    "verify",
]
